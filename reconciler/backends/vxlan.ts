/**
 * Owns what a vxlan network looks like on a host, to the byte as flannel has it (docs/reference/flannel.md#vxlan):
 * one device, and for each peer an ARP entry, an FDB entry and an on-link route; beside them a nexthop object, where the kernel has them.
 *
 * - Every peer's route goes through its subnet's first address, which the ARP entry resolves to the peer's VTEP and the FDB entry to its host.
 * - With DirectRouting a peer on the external interface's link is reached without the tunnel, as in host-gw (host-gw.ts).
 * - `local` is the external interface's own address, as up to v0.27.3: the public one, behind a NAT, is nobody's on this host.
 */
import type { Lease, VxlanConfig } from '../../config/model.ts';
import { vxlanBackendData, vxlanData } from '../../config/vxlan-lease.ts';
import { aliasOf } from '../contracts/host.ts';
import { vxlanPath } from '../desired/paths.ts';
import { idOf, type Link, SELVAGE_PROTOCOL, type Want } from '../kinds/index.ts';
import { portOf } from '../kinds/link.ts';
import type { Backend, BackendContext, NetworkContext, PeerWants } from './backend.ts';
import { badAddress, hold, otherBackend, outsideNetwork, peerEntry } from './peer.ts';
import { directWants, firstAddress, isOnLink, routeWants } from './routes.ts';

/** Outer IPv4 (20), UDP (8) and VXLAN (8) headers and the inner Ethernet one (14): RFC 7348, 5. */
const OVERHEAD = 50;
/** While hosts move from one path to another, packets come on one and go on the other: RFC 3704, 2.4. */
const LOOSE = 2;

export function vxlanBackend(options: VxlanConfig): Backend {
  const dev = `flannel.${options.vni}`;
  const mtu = ({ host }: NetworkContext): number => (options.mtu ?? host.uplink.mtu) - OVERHEAD;
  return {
    type: 'vxlan',
    path: vxlanPath(options.vni),
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
    notices: () => [],
  };
}

/** The options that a device of this name was made with, as far as a device tells them; undefined if it is not a vxlan one. */
export function vxlanOptionsOf({ vxlan, mtu }: Link): VxlanConfig | undefined {
  if (!vxlan) return undefined;
  const { vni, port, gbp, learning } = vxlan;
  return { type: 'vxlan', kind: 'vxlan', vni, port, gbp, learning, directRouting: false, mtu: mtu + OVERHEAD };
}

function deviceWants(
  { own, mac, host, instance }: BackendContext,
  options: VxlanConfig,
  dev: string,
  mtu: number,
): Want[] {
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
      alias: aliasOf(instance),
      master: '',
      rpFilter: LOOSE,
      vxlan: { vni, port, local: host.uplink.address, parent: host.uplink.name, learning, gbp },
    },
    { kind: 'address', dev, address: `${firstAddress(own.subnet)}/32` },
  ];
}

/** In flannel's order. */
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
  if (attrs.backendType !== 'vxlan') return otherBackend(lease, 'vxlan');
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
