/**
 * Owns what a vxlan network looks like on a host, to the byte as flannel has it (flannel.md 3.1, backend/vxlan in its source):
 * one device, and for each peer an ARP entry, an FDB entry and an on-link route; beside them a nexthop object, where the kernel has them.
 *
 * - Every peer's route goes through its subnet's first address, which the ARP entry resolves to the peer's VTEP and the FDB entry to its host.
 * - `local` is the external interface's own address, as up to v0.27.3: the public one, behind a NAT, is nobody's on this host.
 */
import { contains, formatIp, parseCidr } from '../../config/ipv4.ts';
import type { Lease, VxlanConfig } from '../../config/model.ts';
import { vxlanBackendData, vxlanData } from '../../config/vxlan-lease.ts';
import { portOf } from '../compare.ts';
import { aliasOf } from '../host.ts';
import type { HeldEntry } from '../report.ts';
import { idOf, MAIN_TABLE, SELVAGE_PROTOCOL, type Want } from '../resource.ts';
import type { Backend, BackendContext, NetworkContext, PeerWants } from './backend.ts';

/** Outer IPv4 (20), UDP (8) and VXLAN (8) headers and the inner Ethernet one (14): RFC 7348, 5. */
const OVERHEAD = 50;

export function vxlanBackend(options: VxlanConfig): Backend {
  const dev = `flannel.${options.vni}`;
  const mtu = ({ host }: NetworkContext): number => (options.mtu ?? host.uplink.mtu) - OVERHEAD;
  return {
    type: 'vxlan',
    deviceNames: () => [dev],
    mtu,
    backendData: (_, mac) => vxlanBackendData(options.vni, mac),
    device: (context) => deviceWants(context, options, dev, mtu(context)),
    peer: (context, lease) => peerWants(context, lease, dev),
    // Looked for under any MAC: the FDB entry isn't among them, because only the lease told which it was.
    idsOfSubnet: (context, subnet) =>
      wantsOf(context, subnet, dev, '', '')
        .filter(({ kind }) => kind !== 'fdb')
        .map(idOf),
    notices: () => (options.directRouting ? [directRouting(dev)] : []),
  };
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
      vxlan: { vni, port, local: host.uplink.address, parent: host.uplink.name, learning, gbp },
    },
    { kind: 'address', dev, address: `${firstAddress(own.subnet)}/32` },
  ];
}

const firstAddress = (subnet: string): string => subnet.slice(0, subnet.indexOf('/'));

/** In flannel's order. */
function wantsOf({ host }: BackendContext, subnet: string, dev: string, mac: string, dst: string): Want[] {
  const gateway = firstAddress(subnet);
  const id = parseCidr(subnet)!.ip;
  const protocol = SELVAGE_PROTOCOL;
  const wants: Want[] = [
    { kind: 'neighbour', dev, ip: gateway, mac, permanent: true, protocol },
    { kind: 'fdb', dev, mac, dst, permanent: true, plain: true },
  ];
  if (host.nexthopObjects) wants.push({ kind: 'nexthop', id, dev, gateway, onlink: true, protocol, plain: true });
  wants.push({
    kind: 'route',
    table: MAIN_TABLE,
    dst: subnet,
    tos: 0,
    metric: 0,
    dev,
    gateway,
    onlink: true,
    nexthopId: host.nexthopObjects ? id : 0,
    protocol,
    type: 'unicast',
    plain: true,
  });
  return wants;
}

function peerWants(context: BackendContext, lease: Lease, dev: string): PeerWants {
  const { config, host } = context;
  const { subnet, attrs } = lease;
  const { publicIP, backendType } = attrs;

  if (backendType !== 'vxlan') {
    const type = backendType
      ? `the backend ${backendType}`
      : 'a backend that names itself nowhere (udp and alloc do so)';
    return hold(
      lease,
      'other backend',
      `${subnet} is of ${type}, and this network's is vxlan; restart the agent on ${publicIP}.`,
    );
  }
  if (!contains(config.network, subnet)) {
    const detail = `${subnet} of ${publicIP} is outside the network ${config.network}; its host has not followed a change of the config: restart the agent there.`;
    return hold(lease, 'outside the network', detail);
  }
  const { mac, reason } = vxlanData(attrs);
  if (mac === undefined) {
    const detail = `The lease of ${subnet} (${publicIP}) names no usable VTEP: ${reason}; what this host has for it stays as it is. Restart the agent on that host.`;
    return { held: entry(lease, 'malformed lease', detail), unreadable: true };
  }
  if (mac === context.mac) {
    const detail = `${subnet} of ${publicIP} has this host's own VTEP MAC ${mac}; one of the two hosts is a copy of the other: delete flannel's device there and restart the agent.`;
    return hold(lease, 'own MAC', detail);
  }
  if (publicIP === host.publicIP || publicIP === host.uplink.address) {
    const detail = `${subnet} has this host's own address ${publicIP}, but this host's lease is ${context.own.subnet}; if no other host is behind that address, delete ${lease.key}.`;
    return hold(lease, 'own address', detail);
  }
  if (publicIP === formatIp(0)) {
    return hold(
      lease,
      'no address',
      `The lease of ${subnet} does not say where its host is (PublicIP); restart the agent that holds it.`,
    );
  }
  return { wants: wantsOf(context, subnet, dev, mac, publicIP) };
}

function entry(lease: Lease, why: string, detail: string): HeldEntry {
  return { kind: 'peer', key: lease.subnet, why, detail, unmet: false };
}

const hold = (lease: Lease, why: string, detail: string): PeerWants => ({
  held: entry(lease, why, detail),
  unreadable: false,
});

/** Peers take what comes through the tunnel as well; it is the faster way that isn't taken. */
function directRouting(dev: string): HeldEntry {
  const detail = `The config asks for DirectRouting, which selvage does not do yet: all peers are reached through ${dev}, also those on the same link.`;
  return { kind: 'config', key: 'Backend.DirectRouting', why: 'not supported', detail, unmet: false };
}
