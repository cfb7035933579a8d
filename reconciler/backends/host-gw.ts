/**
 * Owns what a host-gw network looks like on a host (docs/reference/flannel.md#host-gw): for each peer a route through its own address
 * on the external interface, and no device. A peer that is not on that interface's link can't be reached so: it is held until it can.
 */
import { WITH_A_TUNNEL } from '../../config/backend-config.ts';
import type { Lease } from '../../config/model.ts';
import { idOf } from '../kinds/index.ts';
import type { Backend, BackendContext, PeerWants } from './backend.ts';
import type { BackendType } from './backend-type.ts';
import { behindNat } from './nat.ts';
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
  notices: (context) => behindNat(context, TYPE),
};

export const hostGwType: BackendType = {
  name: TYPE,
  type: TYPE,
  backendFor: ({ kind }) => (kind === 'host-gw' ? hostGwBackend : undefined),
  pathOf: () => TYPE,
  seenOn: ({ directRoutes }) => (directRoutes.length ? [hostGwBackend] : []),
  seenByRoutes: true,
  unseen: hostGwBackend,
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
  const detail = `${lease.subnet} of ${publicIP} can't be reached from ${own.subnet}: host-gw needs a direct way, and ${publicIP} is not on the link of ${name}${link}; name another interface with --iface, or use ${WITH_A_TUNNEL} with DirectRouting.`;
  // Not the record's fault: another interface of this host may lead there.
  return { held: peerEntry(lease, 'unreachable', detail, true), unreadable: false };
}
