/**
 * Owns what a vxlan network looks like on a host, to the byte as flannel has it (docs/reference/flannel.md#vxlan):
 * one device, and for each peer an ARP entry, an FDB entry and an on-link route; beside them a nexthop object, where the kernel has them.
 *
 * - Every peer's route goes through its subnet's first address, which the ARP entry resolves to the peer's VTEP and the FDB entry to its host.
 * - With DirectRouting a peer on the external interface's link is reached without the tunnel, as in host-gw (host-gw.ts).
 * - `local` is the external interface's own address, as up to v0.27.3: the public one, behind a NAT, is nobody's on this host.
 */
import type { BackendConfig, Lease, LeaseAttrs, VxlanConfig } from '../../config/model.ts';
import { readWrittenVxlan, vniOf, vxlanBackendData, vxlanData } from '../../config/vxlan-lease.ts';
import type { HeldEntry } from '../contracts/report.ts';
import { idOf, type Link, SELVAGE_PROTOCOL, type Want } from '../kinds/index.ts';
import { portOf } from '../tunnels/vxlan.ts';
import type { Backend, BackendContext, NetworkContext, PeerWants } from './backend.ts';
import type { BackendType, LeaseData } from './backend-type.ts';
import { innerMtu, mtuTooSmall } from './mtu.ts';
import { badAddress, hold, otherBackend, outsideNetwork, peerEntry } from './peer.ts';
import { directWants, firstAddress, isOnLink, marksOf, routeWants } from './routes.ts';

/** Outer IPv4 (20), UDP (8) and VXLAN (8) headers and the inner Ethernet one (14): RFC 7348, 5. */
const OVERHEAD = 50;

const TYPE = 'vxlan';

export const vxlanType: BackendType = {
  name: TYPE,
  type: TYPE,
  backendFor: (config) => (config.kind === 'vxlan' ? vxlanBackend(config) : undefined),
  pathOf: (attrs) => {
    const vni = vniOf(attrs);
    return vni === undefined ? undefined : vxlanPath(vni);
  },
  identityOf: (attrs) => vxlanData(attrs).mac,
  isSameWay,
  readWritten: readWrittenVxlan,
  dataOf,
  mismatch,
  olderFlannel,
  seenOn: ({ links, directTypes }) =>
    links
      .flatMap((link) => optionsOf(link) ?? [])
      .map((options) => vxlanBackend({ ...options, directRouting: directTypes.has(TYPE) })),
};

/** 16 bits, as leases have it (config/vxlan-lease.ts): two VNIs that agree in them can't be told apart by a lease. */
export const vxlanPath = (vni: number): string => `${TYPE} ${vni & 0xffff}`;

export function vxlanBackend(options: VxlanConfig): Backend {
  const dev = `flannel.${options.vni}`;
  const mtu = ({ host }: NetworkContext): number => mtuOf(options, host.uplink.mtu);
  return {
    type: TYPE,
    path: vxlanPath(options.vni),
    macSeed: options.vni,
    deviceNames: () => [dev],
    mtu,
    backendData: (_, mac) => vxlanBackendData(options.vni, mac),
    device: (context) => deviceWants(context, options, dev, mtu(context)),
    peer: (context, lease) => peerWants(context, options, dev, lease),
    // Looked for under any MAC: the FDB entry isn't among them, because only the lease told which it was.
    idsOfSubnet: (context, subnet) =>
      wantsOf(context, subnet, dev, '', '')
        .filter(({ kind }) => kind !== 'fdb')
        .map(idOf),
    impossible: (context) => mtuTooSmall(context, dev, OVERHEAD),
    notices: (context) => mtuNotice(options, dev, context),
  };
}

/** The kernel refuses more than what is under the tunnel leaves it (vxlan_change_mtu). */
const mtuOf = ({ mtu }: VxlanConfig, uplink: number): number => innerMtu(Math.min(mtu ?? uplink, uplink), OVERHEAD);

function mtuNotice(options: VxlanConfig, dev: string, { host }: NetworkContext): HeldEntry[] {
  const { name, mtu } = host.uplink;
  if (options.mtu === undefined || options.mtu <= mtu) return [];
  const detail = `Backend.MTU ${options.mtu} is more than ${name} carries, whose MTU is ${mtu}; so ${dev} and FLANNEL_MTU have ${mtuOf(options, mtu)}: correct Backend.MTU, or the MTU of ${name}.`;
  return [{ kind: 'config', key: 'Backend.MTU', why: 'MTU out of reach', detail, unmet: false }];
}

/** The options that a device of this name was made with, as far as a device tells them; undefined if it is not a vxlan one. */
function optionsOf({ tunnel, mtu }: Link): VxlanConfig | undefined {
  if (tunnel?.type !== 'vxlan') return undefined;
  const { vni, port, gbp, learning } = tunnel;
  return { type: TYPE, kind: 'vxlan', vni, port, gbp, learning, directRouting: false, mtu: mtu + OVERHEAD };
}

function deviceWants(context: BackendContext, options: VxlanConfig, dev: string, mtu: number): Want[] {
  const { own, mac, host } = context;
  const { vni, learning, gbp } = options;
  const port = portOf(options);
  return [
    {
      kind: 'link',
      name: dev,
      type: 'vxlan',
      up: true,
      mac,
      mtu,
      master: '',
      ...marksOf(context),
      tunnel: { type: 'vxlan', vni, port, local: host.uplink.address, parent: host.uplink.name, learning, gbp },
    },
    { kind: 'address', dev, address: `${firstAddress(own.subnet)}/32` },
  ];
}

/** What a peer is reached by, in flannel's order. */
function wantsOf({ host }: BackendContext, subnet: string, dev: string, mac: string, dst: string): Want[] {
  const gateway = firstAddress(subnet);
  return [
    { kind: 'neighbour', dev, ip: gateway, mac, permanent: true, protocol: SELVAGE_PROTOCOL },
    { kind: 'fdb', dev, mac, dst, permanent: true, plain: true },
    ...routeWants(host, subnet, { dev, gateway, onlink: true }),
  ];
}

function peerWants(context: BackendContext, options: VxlanConfig, dev: string, lease: Lease): PeerWants {
  const { subnet, attrs } = lease;
  const { publicIP } = attrs;
  if (attrs.backendType !== TYPE) return otherBackend(lease, TYPE);
  const outside = outsideNetwork(context, lease);
  if (outside) return outside;
  const { mac, reason } = vxlanData(attrs);
  if (mac === undefined) {
    const detail = `The lease of ${subnet} (${publicIP}) names no usable VTEP: ${reason}; what this host has for it stays as it is. Restart the agent on that host.`;
    return { held: peerEntry(lease, 'malformed lease', detail), unreadable: true };
  }
  if (mac === context.mac) {
    const detail = `${subnet} of ${publicIP} has this host's own VTEP MAC ${mac}; one of the two hosts is a copy of the other: delete flannel's device there and restart the agent.`;
    return hold(lease, 'own MAC', detail);
  }
  const problem = badAddress(context, lease);
  if (problem) return problem;
  if (options.directRouting && isOnLink(context.host, publicIP)) return { wants: directWants(context.host, lease) };
  return { wants: wantsOf(context, subnet, dev, mac, publicIP) };
}

/** A VNI that is missing is no difference: v0.11 writes none, and no version reads it. One that is there and wrong is: people read it. */
function isSameWay(have: LeaseAttrs, want: LeaseAttrs): boolean {
  const [one, other] = [vxlanData(have), vxlanData(want)];
  return one.mac !== undefined && one.mac === other.mac && (one.vni === undefined || one.vni === other.vni);
}

function dataOf(attrs: LeaseAttrs): LeaseData {
  const { mac, vni, reason } = vxlanData(attrs);
  if (mac === undefined) return { problem: `It names no usable VTEP: ${reason}.` };
  return { vtepMAC: mac, ...(vni === undefined ? {} : { vni }) };
}

/** A lease without VNI is of flanneld up to 0.13, or was written by v2's API, with which nobody writes one. */
function olderFlannel(attrs: LeaseAttrs, config: BackendConfig): { sign: string; ignores: string[] } | undefined {
  const { mac, vni } = vxlanData(attrs);
  if (config.kind !== 'vxlan' || mac === undefined || vni !== undefined) return undefined;
  const ignores = [
    ...(config.mtu === undefined ? [] : ['Backend.MTU (each flanneld below 0.22 does)']),
    ...(config.learning ? ['Backend.Learning (0.11 does)'] : []),
  ];
  return { sign: 'no VNI, as flanneld up to 0.13 writes them', ignores };
}

function mismatch(attrs: LeaseAttrs, config: BackendConfig): string | undefined {
  const vni = vniOf(attrs);
  if (config.kind !== 'vxlan' || vni === undefined || vni === (config.vni & 0xffff)) return undefined;
  return `Its VNI is ${vni}, the network's is ${config.vni}.`;
}
