/** Owns what an ipip device is: IPv4 in IPv4 (RFC 2003; kernel: net/ipv4/ipip.c). A host has one `flannel.ipip`, whose far ends are its routes' gateways. */
import type { TunnelRules } from './tunnel.ts';

export interface IpipTunnel {
  readonly type: 'ipip';
  /** Source address of the tunnel, "" if none is set. */
  local: string;
  /** Its one far end, "" for any: then it is whatever gateway a packet's route has. */
  remote: string;
}

export const IPIP_DEVICE = 'flannel.ipip';

export const ipipTunnel: TunnelRules<IpipTunnel> = {
  type: 'ipip',
  backend: 'ipip',
  fields: ['local', 'remote'],
  // As flannel does it: with or without a remote it is another sort of device (IFF_POINTOPOINT), which the kernel refuses to change.
  fixed: ['local', 'remote'],
  knownBy: [],
  canClash: true,
  hasFdb: false,
  knownByRoute: false,
  isNamed: (name) => name === IPIP_DEVICE,
  isForm: (name) => name === IPIP_DEVICE,
  asMade: (want) => want,
  clash,
  what: () => 'an ipip device',
  apart: 'a host has room for one network of ipip: give one of the two another backend',
  text: (tunnel) => `ipip${ends(tunnel)}`,
  // As drivers/netlink/tunnels/ipip.ts gives it. Neither can be changed in place.
  arguments: ({ local, remote }) => [
    ...(remote ? ['remote', remote] : []),
    ...(local ? ['local', local] : []),
    ...['ttl', '0', 'nopmtudisc'],
  ],
  describe: (tunnel) => `ipip${ends(tunnel)}`,
};

/** The kernel tells tunnels apart by their ends, so that there can't be two alike (ip_tunnel_find): it would say EEXIST. */
function clash(want: IpipTunnel, have: IpipTunnel, { name }: { name: string }): string | undefined {
  if (have.local !== want.local || have.remote !== want.remote) return undefined;
  return `An ipip tunnel from ${have.local || 'any address'} to ${have.remote || 'any'} is there already (${name}); remove that device, or set Backend.Type to another.`;
}

const ends = ({ local, remote }: IpipTunnel): string => ` remote ${remote || 'any'} local ${local || 'any'}`;
