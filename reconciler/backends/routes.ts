/**
 * Owns how a peer's subnet is routed: a route on a nexthop object of its own where the kernel has those (50 times faster:
 * docs/reference/kernel.md#what-it-costs), else with a plain gateway. The object's id is the subnet's address, whatever the way: so a peer
 * moves from one way to another in place.
 */
import { contains, parseCidr, parseIp } from '../../config/ipv4.ts';
import type { Lease } from '../../config/model.ts';
import type { Host } from '../contracts/host.ts';
import { MAIN_TABLE, SELVAGE_PROTOCOL, type Want } from '../kinds/index.ts';

/** net.ipv4.conf.*.rp_filter: while hosts move from one path to another, packets come on one and go on the other (RFC 3704, 2.4). */
export const LOOSE = 2;

export interface Way {
  dev: string;
  gateway: string;
  /** Taken as reachable though no address of the device says so. */
  onlink: boolean;
}

export const firstAddress = (subnet: string): string => subnet.slice(0, subnet.indexOf('/'));

export function routeWants(host: Host, subnet: string, { dev, gateway, onlink }: Way): Want[] {
  const id = parseCidr(subnet)!.ip;
  const protocol = SELVAGE_PROTOCOL;
  const wants: Want[] = [];
  if (host.nexthopObjects) wants.push({ kind: 'nexthop', id, dev, gateway, onlink, protocol, plain: true });
  wants.push({
    kind: 'route',
    table: MAIN_TABLE,
    dst: subnet,
    tos: 0,
    metric: 0,
    dev,
    gateway,
    onlink,
    nexthopId: host.nexthopObjects ? id : 0,
    protocol,
    type: 'unicast',
    plain: true,
  });
  return wants;
}

/**
 * Without a tunnel, through the peer's own address on the external interface's link: docs/reference/flannel.md#host-gw, and DirectRouting in
 * docs/reference/flannel.md#vxlan.
 */
export const directWants = (host: Host, { subnet, attrs }: Lease): Want[] =>
  routeWants(host, subnet, { dev: host.uplink.name, gateway: attrs.publicIP, onlink: false });

/** Whether an address is reached on the external interface's link, without a gateway. */
export function isOnLink({ uplink }: Host, address: string): boolean {
  const ip = parseIp(address);
  return ip !== undefined && uplink.networks.some((network) => contains(network, ip));
}
