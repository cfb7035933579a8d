/**
 * Owns what a host-gw network looks like on a host (docs/reference/flannel.md#host-gw): for each peer a route through its own address
 * on the external interface, and no device. A peer that is not on that interface's link can't be reached so: it is held until it can.
 */
import type { Lease } from '../../config/model.ts';
import type { HeldEntry } from '../contracts/report.ts';
import { idOf } from '../kinds/index.ts';
import type { Backend, BackendContext, NetworkContext, PeerWants } from './backend.ts';
import { badAddress, otherBackend, outsideNetwork, peerEntry } from './peer.ts';
import { directWants, isOnLink, routeWants } from './routes.ts';

const TYPE = 'host-gw';

export const hostGwBackend: Backend = {
  type: TYPE,
  path: TYPE,
  deviceNames: () => [],
  mtu: ({ host }) => host.uplink.mtu,
  backendData: () => undefined,
  device: () => [],
  peer: peerWants,
  idsOfSubnet: ({ host }, subnet) => routeWants(host, subnet, { dev: '', gateway: '', onlink: false }).map(idOf),
  notices: (context) => behindNat(context),
};

function peerWants(context: BackendContext, lease: Lease): PeerWants {
  if (lease.attrs.backendType !== TYPE) return otherBackend(lease, TYPE);
  const problem = outsideNetwork(context, lease) ?? badAddress(context, lease);
  if (problem) return problem;
  const { host, own } = context;
  const { publicIP } = lease.attrs;
  if (isOnLink(host, publicIP)) return { wants: directWants(host, lease) };
  const { name, networks } = host.uplink;
  const link = networks.length ? ` (${networks.join(', ')})` : '';
  const detail = `${lease.subnet} of ${publicIP} can't be reached from ${own.subnet}: host-gw needs a direct way, and ${publicIP} is not on the link of ${name}${link}; name another interface with --iface, or use vxlan with DirectRouting.`;
  // Not the record's fault: another interface of this host may lead there.
  return { held: peerEntry(lease, 'unreachable', detail, true), unreadable: false };
}

/** flannel refuses to start then (backend/hostgw): the others would route to an address that is not this host's. */
function behindNat({ host }: NetworkContext): HeldEntry[] {
  const { publicIP, uplink } = host;
  if (publicIP === uplink.address) return [];
  const detail = `This host's public IP ${publicIP} is not the address of ${uplink.name} (${uplink.address}), so it is probably behind a NAT, where other hosts can't reach it by host-gw; leave --public-ip out, or set Backend.Type to vxlan.`;
  return [{ kind: 'config', key: 'Backend.Type', why: 'behind a NAT', detail, unmet: true }];
}
