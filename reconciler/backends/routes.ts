/**
 * Owns how a peer's subnet is routed: a route on a nexthop object of its own where the kernel has those (50 times faster:
 * docs/reference/kernel.md#what-it-costs), else with a plain gateway. The object's id is the subnet's address, whatever the way: so a peer
 * moves from one way to another in place. Direct routes of a smaller network are made plain all the same (prefersPlain).
 */
import { contains, parseCidr, parseIp } from '../../config/ipv4.ts';
import type { Lease } from '../../config/model.ts';
import { aliasOf, type Host } from '../contracts/host.ts';
import { type Link, MAIN_TABLE, SELVAGE_PROTOCOL, type Want } from '../kinds/index.ts';
import type { BackendContext } from './backend.ts';

/** net.ipv4.conf.*.rp_filter: while hosts move from one path to another, packets come on one and go on the other (RFC 3704, 2.4). */
const LOOSE = 2;

/**
 * Peers up to which direct routes are made in flannel's own plain form, so that a flanneld that takes the host over can replace and delete
 * them: it can't with a route on a nexthop object. Above it the kernel's hash of gateways, which is quadratic, costs more than that is worth.
 */
export const MOST_PLAIN = 1024;

/** Whether a direct route that has to be made, or changed, is to be plain. Decided from the count alone: either form is in sync. */
export const prefersPlain = ({ uplink }: Host, peers: number, dev: string): boolean =>
  peers <= MOST_PLAIN && dev === uplink.name;

/** What tells a device of ours from others, and lets it take what comes on another path than it is answered on. */
export const marksOf = ({
  instance,
  besideFlanneld,
}: Pick<BackendContext, 'instance' | 'besideFlanneld'>): Partial<Link> =>
  besideFlanneld ? {} : { alias: aliasOf(instance), rpFilter: LOOSE };

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
 * Without a tunnel, through the peer's own address on the external interface's link: docs/reference/flannel.md#host-gw, which
 * DirectRouting does too.
 */
export const directWants = (host: Host, { subnet, attrs }: Lease): Want[] =>
  routeWants(host, subnet, { dev: host.uplink.name, gateway: attrs.publicIP, onlink: false });

/** Whether an address is reached on the external interface's link, without a gateway. */
export function isOnLink({ uplink }: Host, address: string): boolean {
  const ip = parseIp(address);
  return ip !== undefined && uplink.networks.some((network) => contains(network, ip));
}
