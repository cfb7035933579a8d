/** Owns what a vxlan device is (kernel: drivers/net/vxlan). */
import type { TunnelRules } from './tunnel.ts';

export interface VxlanTunnel {
  readonly type: 'vxlan';
  vni: number;
  /** UDP port, host byte order. In a want 0 stands for the kernel's default. */
  port: number;
  /** Source address of the tunnel, "" if none is set. */
  local: string;
  /** Name of the underlay device, "" if none is set. */
  parent: string;
  learning: boolean;
  gbp: boolean;
  /** Of the outer packet. Only ever observed, if it is not as flannel has it: 0, the kernel's own. */
  ttl?: number;
  /** DF of the outer packet: 1 set, 2 as the inner one has it. Only ever observed, if it is not 0: unset. */
  df?: number;
  /** What else makes its socket another than ours, as iproute2 names it: "external". Only ever observed. */
  receives?: string;
  /** It has a socket of IPv6 only. Only ever observed. */
  ipv6?: true;
}

/** UDP port that the kernel takes if none is given (vxlan.c: vxlan_port). */
export const DEFAULT_VXLAN_PORT = 8472;

/** The port that a wanted device will have. */
export const portOf = ({ port }: { port: number }): number => port || DEFAULT_VXLAN_PORT;

export const vxlanTunnel: TunnelRules<VxlanTunnel> = {
  type: 'vxlan',
  backend: 'vxlan',
  fields: ['vni', 'port', 'local', 'parent', 'learning', 'gbp', 'ttl', 'df'],
  // vxlan_changelink refuses VNI and port, and ignores GBP.
  fixed: ['vni', 'port', 'gbp'],
  knownBy: ['vni'],
  canClash: true,
  hasFdb: true,
  knownByRoute: false,
  isNamed: (name) => /^flannel\.\d+$/.test(name),
  isForm: (name, tunnel) => tunnel !== undefined && name === `flannel.${tunnel.vni}`,
  asMade: (want) => (want.port === 0 ? { ...want, port: portOf(want) } : want),
  clash,
  listens: (want) => ({ port: portOf(want), address: '' }),
  what: (tunnel) => `a vxlan device of VNI ${tunnel?.vni}`,
  apart: 'give one of the two networks another VNI',
  text: (tunnel) => `vxlan id ${tunnel.vni}${local(tunnel)}${dev(tunnel)} dstport ${tunnel.port}`,
  arguments: argumentsOf,
  describe: (tunnel) => `vxlan id ${tunnel.vni} port ${tunnel.port}${local(tunnel)}${dev(tunnel)}`,
};

/** The kernel would say EEXIST of the VNI; EADDRINUSE of the port, which devices that are up share only if they receive alike (vxlan_find_sock). */
function clash(want: VxlanTunnel, have: VxlanTunnel, { name, up }: { name: string; up: boolean }): string | undefined {
  const { port } = have;
  if (port !== portOf(want)) return undefined;
  const receives = have.receives ?? (have.gbp === want.gbp ? undefined : have.gbp ? 'gbp' : 'without gbp');
  if (receives !== undefined && up && !have.ipv6)
    return `UDP port ${port} is in use by ${name}, a vxlan device of another sort (${receives}) with which it can't be shared; remove that device, or set Backend.Port to another.`;
  if (have.vni !== want.vni || receives !== undefined || have.ipv6) return undefined;
  return `VNI ${have.vni} on UDP port ${port} is in use by ${name}; remove that device, or give the network another VNI or Port.`;
}

const local = (tunnel: VxlanTunnel): string => (tunnel.local ? ` local ${tunnel.local}` : '');
const dev = ({ parent }: VxlanTunnel): string => (parent ? ` dev ${parent}` : '');

function argumentsOf(attributes: Partial<VxlanTunnel>): string[] {
  const { vni, local, parent, port, learning, gbp } = attributes;
  return [
    ...(vni === undefined ? [] : ['id', String(vni)]),
    ...(local ? ['local', local] : []),
    ...(parent ? ['dev', parent] : []),
    ...(port ? ['dstport', String(port)] : []),
    ...(learning === undefined ? [] : [learning ? 'learning' : 'nolearning']),
    ...(gbp ? ['gbp'] : []),
    ...('ttl' in attributes ? ['ttl', '0'] : []),
    ...('df' in attributes ? ['df', 'unset'] : []),
  ];
}
