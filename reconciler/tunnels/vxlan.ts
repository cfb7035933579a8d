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
}

/** UDP port that the kernel takes if none is given (vxlan.c: vxlan_port). */
export const DEFAULT_VXLAN_PORT = 8472;

/** The port that a wanted device will have. */
export const portOf = ({ port }: { port: number }): number => port || DEFAULT_VXLAN_PORT;

export const vxlanTunnel: TunnelRules<VxlanTunnel> = {
  type: 'vxlan',
  backend: 'vxlan',
  fields: ['vni', 'port', 'local', 'parent', 'learning', 'gbp'],
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
  what: (tunnel) => `a vxlan device of VNI ${tunnel?.vni}`,
  apart: 'give one of the two networks another VNI',
  text: (tunnel) => `vxlan id ${tunnel.vni}${local(tunnel)}${dev(tunnel)} dstport ${tunnel.port}`,
  arguments: argumentsOf,
  describe: (tunnel) => `vxlan id ${tunnel.vni} port ${tunnel.port}${local(tunnel)}${dev(tunnel)}`,
};

/** The kernel would say EEXIST. */
function clash(want: VxlanTunnel, have: VxlanTunnel, holder: string): string | undefined {
  if (have.vni !== want.vni || have.port !== portOf(want)) return undefined;
  return `VNI ${have.vni} on UDP port ${have.port} is in use by ${holder}; remove that device, or give the network another VNI or Port.`;
}

const local = (tunnel: VxlanTunnel): string => (tunnel.local ? ` local ${tunnel.local}` : '');
const dev = ({ parent }: VxlanTunnel): string => (parent ? ` dev ${parent}` : '');

function argumentsOf({ vni, local, parent, port, learning, gbp }: Partial<VxlanTunnel>): string[] {
  return [
    ...(vni === undefined ? [] : ['id', String(vni)]),
    ...(local ? ['local', local] : []),
    ...(parent ? ['dev', parent] : []),
    ...(port ? ['dstport', String(port)] : []),
    ...(learning === undefined ? [] : [learning ? 'learning' : 'nolearning']),
    ...(gbp ? ['gbp'] : []),
  ];
}
