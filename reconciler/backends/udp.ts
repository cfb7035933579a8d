/**
 * Owns what a udp network looks like on a host (docs/reference/flannel.md#udp), flannel's default: one TUN device `flannel0` with an engine behind it
 * (drivers/udp/), the way of the whole network through it, and for each peer an entry in the engine's table. Leases have no BackendType.
 *
 * - Leases of other backends are taken too, as flannel's udp hosts do, who don't look at the type; it is said.
 * - The device is by its name the only one of a host: two networks of udp don't fit on one.
 */
import type { Lease, UdpConfig } from '../../config/model.ts';
import { idOf, MAIN_TABLE, SELVAGE_PROTOCOL, type Want } from '../kinds/index.ts';
import { DEFAULT_UDP_PORT, TUN_DEVICE } from '../tunnels/tun.ts';
import type { Backend, BackendContext, NetworkContext, PeerWants } from './backend.ts';
import type { BackendType } from './backend-type.ts';
import { innerMtu, mtuTooSmall } from './mtu.ts';
import { badAddress, outsideNetwork, peerEntry } from './peer.ts';
import { firstAddress, marksOf } from './routes.ts';

/** The BackendType of its leases: they have none. */
const TYPE = '';
const PATH = 'udp';
/** The outer IPv4 (20) and UDP (8) headers. */
const OVERHEAD = 28;

export const udpType: BackendType = {
  name: 'udp',
  type: TYPE,
  backendFor: (config) => (config.kind === 'udp' ? udpBackend(config) : undefined),
  // Leases of aws-vpc and gce name no backend either (vpc.ts): such a lease means whichever of them this host has.
  pathOf: () => undefined,
  seenOn: ({ links }) =>
    links.flatMap(({ name, tunnel }) => {
      if (name !== TUN_DEVICE || tunnel?.type !== 'tun') return [];
      return udpBackend({ type: 'udp', kind: 'udp', port: tunnel.port || DEFAULT_UDP_PORT });
    }),
};

export function udpBackend({ port }: UdpConfig): Backend {
  const mtu = ({ host }: NetworkContext): number => innerMtu(host.uplink.mtu, OVERHEAD);
  return {
    type: TYPE,
    alsoNamed: PATH,
    path: PATH,
    deviceNames: () => [TUN_DEVICE],
    mtu,
    backendData: () => undefined,
    device: (context) => deviceWants(context, port, mtu(context)),
    peer: peerWants,
    idsOfSubnet: (_, subnet) => [idOf(peerWant(subnet, ''))],
    impossible: (context) => mtuTooSmall(context, TUN_DEVICE, OVERHEAD),
    notices: () => [],
  };
}

function deviceWants(context: BackendContext, port: number, mtu: number): Want[] {
  const { config, own, host } = context;
  const dev = TUN_DEVICE;
  return [
    {
      kind: 'link',
      name: dev,
      type: 'tun',
      up: true,
      // A TUN has none.
      mac: '',
      mtu,
      ...marksOf(context),
      master: '',
      tunnel: { type: 'tun', local: host.uplink.address, port },
    },
    { kind: 'address', dev, address: `${firstAddress(own.subnet)}/32` },
    {
      kind: 'route',
      table: MAIN_TABLE,
      dst: config.network,
      tos: 0,
      metric: 0,
      dev,
      gateway: '',
      onlink: false,
      nexthopId: 0,
      protocol: SELVAGE_PROTOCOL,
      type: 'unicast',
      plain: true,
    },
  ];
}

const peerWant = (subnet: string, host: string): Want => ({ kind: 'udp-peer', dev: TUN_DEVICE, subnet, host });

function peerWants(context: BackendContext, lease: Lease): PeerWants {
  const problem = outsideNetwork(context, lease) ?? badAddress(context, lease);
  if (problem) return problem;
  const { backendType, publicIP } = lease.attrs;
  const wants = [peerWant(lease.subnet, publicIP)];
  if (backendType === TYPE || backendType === PATH) return { wants };
  const detail = `${lease.subnet} is of the backend ${backendType}, and this network's is udp: its packets are sent to ${publicIP} by udp, as flannel does it, and arrive only if that host listens for it too; restart the agent there.`;
  return { wants, note: peerEntry(lease, 'other backend', detail) };
}
