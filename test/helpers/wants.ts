/**
 * Owns a small vxlan network as tests want it: what the vxlan backend makes of a lease, written out plainly so that the plan's tests
 * don't depend on it.
 */
import { formatIp, parseIp } from '../../config/ipv4.ts';
import { aliasOf, type Instance } from '../../reconciler/contracts/host.ts';
import {
  type Address,
  type Fdb,
  idOf,
  type Link,
  MAIN_TABLE,
  type Neighbour,
  type Nexthop,
  type Resource,
  type Route,
  SELVAGE_PROTOCOL,
  type Want,
} from '../../reconciler/kinds/index.ts';

export interface Peer {
  /** Number of the /24 inside the instance's 10.x.0.0/16. */
  block: number;
  mac: string;
  publicIP: string;
  /** Reached without the tunnel (DirectRouting): a plain route over the uplink. */
  direct?: boolean;
}

export interface Overlay {
  instance: Instance;
  vni: number;
  port: number;
  /** Of the own lease. */
  ownBlock: number;
  mac: string;
  mtu: number;
  learning: boolean;
  gbp: boolean;
  uplink: string;
  local: string;
  peers: Peer[];
  file: string;
}

export const instanceOf = (
  prefix: string,
  network: string,
  subnetFile = `/run/flannel${prefix}/subnet.env`,
): Instance => ({
  prefix,
  networks: [network],
  subnetFile,
});

/** First address of the n-th /24 of a network. */
export const blockOf = (network: string, block: number): string =>
  formatIp(parseIp(network.slice(0, network.indexOf('/')))! + block * 256);

export const macOf = (n: number): string =>
  `02:${[24, 16, 8, 0].map((shift) => ((n >>> shift) & 255).toString(16).padStart(2, '0')).join(':')}:01`;

export function linkWant(overlay: Overlay): Link {
  const { vni, port, learning, gbp, mtu, mac, local, uplink } = overlay;
  return {
    kind: 'link',
    name: `flannel.${vni}`,
    type: 'vxlan',
    up: true,
    mac,
    mtu,
    alias: aliasOf(overlay.instance),
    master: '',
    tunnel: { type: 'vxlan', vni, port, local, parent: uplink, learning, gbp },
  };
}

export function peerWants(overlay: Overlay, peer: Peer): [Neighbour, Fdb, Nexthop, Route] | [Route] {
  const dev = `flannel.${overlay.vni}`;
  const gateway = blockOf(overlay.instance.networks[0]!, peer.block);
  const route: Route = {
    kind: 'route',
    table: MAIN_TABLE,
    dst: `${gateway}/24`,
    tos: 0,
    metric: 0,
    dev,
    gateway,
    onlink: true,
    nexthopId: parseIp(gateway)!,
    protocol: SELVAGE_PROTOCOL,
    type: 'unicast',
    plain: true,
  };
  if (peer.direct) return [{ ...route, dev: overlay.uplink, gateway: peer.publicIP, onlink: false, nexthopId: 0 }];
  return [
    { kind: 'neighbour', dev, ip: gateway, mac: peer.mac, permanent: true, protocol: SELVAGE_PROTOCOL },
    { kind: 'fdb', dev, mac: peer.mac, dst: peer.publicIP, permanent: true, plain: true },
    {
      kind: 'nexthop',
      id: route.nexthopId,
      dev,
      gateway,
      onlink: true,
      protocol: SELVAGE_PROTOCOL,
      plain: true,
    },
    route,
  ];
}

export function wantsOf(overlay: Overlay): Map<string, Want> {
  const address: Address = {
    kind: 'address',
    dev: `flannel.${overlay.vni}`,
    address: `${blockOf(overlay.instance.networks[0]!, overlay.ownBlock)}/32`,
  };
  const wants: Want[] = [linkWant(overlay), address];
  for (const peer of overlay.peers) wants.push(...peerWants(overlay, peer));
  wants.push({ kind: 'file', path: overlay.instance.subnetFile, content: overlay.file, mode: 0o644 });
  return byId(wants);
}

export const byId = <T extends Resource>(resources: Iterable<T>): Map<string, T> =>
  new Map([...resources].map((resource) => [idOf(resource), resource]));

export function overlayOf(parts: Partial<Overlay> & { instance: Instance }): Overlay {
  return {
    vni: 1,
    port: 0,
    ownBlock: 1,
    mac: macOf(1),
    mtu: 1450,
    learning: false,
    gbp: false,
    uplink: 'eth0',
    local: '192.0.2.1',
    peers: [],
    file: 'FLANNEL_MTU=1450\n',
    ...parts,
  };
}

export const peersOf = (count: number, first = 2): Peer[] =>
  Array.from({ length: count }, (_, i) => ({
    block: first + i,
    mac: macOf(first + i),
    publicIP: formatIp(0xc6120000 + i),
  }));
