/**
 * Owns what an ipip network looks like on a host (docs/reference/flannel.md#ipip): one device `flannel.ipip` for all peers, and for each peer an on-link
 * route through it, whose gateway is the peer's own address. No data in the leases, and 20 bytes a packet.
 *
 * - The device is by its name the only one of a host: two networks of ipip don't fit on one.
 * - With DirectRouting a peer on the external interface's link is reached without the tunnel, as in host-gw (host-gw.ts).
 */
import type { IpipConfig, Lease } from '../../config/model.ts';
import { idOf, type Want } from '../kinds/index.ts';
import { IPIP_DEVICE } from '../tunnels/ipip.ts';
import type { Backend, BackendContext, NetworkContext, PeerWants } from './backend.ts';
import type { BackendType } from './backend-type.ts';
import { innerMtu, mtuTooSmall } from './mtu.ts';
import { behindNat } from './nat.ts';
import { badAddress, otherBackend, outsideNetwork } from './peer.ts';
import { directWants, firstAddress, isOnLink, marksOf, routeWants } from './routes.ts';

const TYPE = 'ipip';
/** The outer IPv4 header (RFC 2003, 3.1). */
const OVERHEAD = 20;

export const ipipType: BackendType = {
  name: TYPE,
  type: TYPE,
  backendFor: (config) => (config.kind === 'ipip' ? ipipBackend(config) : undefined),
  pathOf: () => TYPE,
  seenOn: ({ links, directTypes }) =>
    links.some(({ name }) => name === IPIP_DEVICE)
      ? [ipipBackend({ type: TYPE, kind: 'ipip', directRouting: directTypes.has(TYPE) })]
      : [],
};

export function ipipBackend({ directRouting }: IpipConfig): Backend {
  const mtu = ({ host }: NetworkContext): number => innerMtu(host.uplink.mtu, OVERHEAD);
  return {
    type: TYPE,
    path: TYPE,
    deviceNames: () => [IPIP_DEVICE],
    mtu,
    backendData: () => undefined,
    device: (context) => deviceWants(context, mtu(context)),
    peer: (context, lease) => peerWants(context, lease, directRouting),
    idsOfSubnet: ({ host }, subnet) => routeWants(host, subnet, { dev: '', gateway: '', onlink: true }).map(idOf),
    impossible: (context) => mtuTooSmall(context, IPIP_DEVICE, OVERHEAD),
    notices: (context) => behindNat(context, TYPE),
  };
}

function deviceWants(context: BackendContext, mtu: number): Want[] {
  const { own, host } = context;
  return [
    {
      kind: 'link',
      name: IPIP_DEVICE,
      type: 'ipip',
      up: true,
      // Its hardware address is the tunnel's own one: nothing to choose.
      mac: '',
      mtu,
      master: '',
      ...marksOf(context),
      tunnel: { type: 'ipip', local: host.uplink.address, remote: '' },
    },
    { kind: 'address', dev: IPIP_DEVICE, address: `${firstAddress(own.subnet)}/32` },
  ];
}

function peerWants(context: BackendContext, lease: Lease, directRouting: boolean): PeerWants {
  const { subnet, attrs } = lease;
  if (attrs.backendType !== TYPE) return otherBackend(lease, TYPE);
  const problem = outsideNetwork(context, lease) ?? badAddress(context, lease);
  if (problem) return problem;
  const { host } = context;
  if (directRouting && isOnLink(host, attrs.publicIP)) return { wants: directWants(host, lease) };
  return { wants: routeWants(host, subnet, { dev: IPIP_DEVICE, gateway: attrs.publicIP, onlink: true }) };
}
