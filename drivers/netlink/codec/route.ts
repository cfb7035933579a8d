/** IPv4 routes on the wire (RTM_*ROUTE, struct rtmsg). */
import type { Route } from '../../../reconciler/kinds/index.ts';
import * as c from './constants.ts';
import type { Message } from './message.ts';
import { prefixLength } from './text.ts';
import type { Writer } from './writer.ts';

const RTMSG = 12;
const RTNEXTHOP = 8;
/** rtm_type as iproute2 names it. */
const TYPES = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
];

/** The routes of one table (0: all), and with `index` those through one device. A kernel without strict checking ignores both. */
export function writeRouteDump(w: Writer, table: number, index = 0): void {
  const at = w.begin(c.RTM_GETROUTE, c.NLM_F_DUMP, RTMSG);
  w.u8[at] = c.AF_INET;
  if (table) w.attrU32(c.RTA_TABLE, table);
  if (index) w.attrU32(c.RTA_OIF, index);
  w.end();
}

/**
 * Asks which FIB entry a packet to `address` would take: from this host, or one that comes in by the interface of index `iif` from `source`.
 * Policy rules, metrics and the longest prefix have their say: read with care.
 */
export function writeRouteLookup(w: Writer, address: string, from?: { source: string; iif: number }): void {
  const at = w.begin(c.RTM_GETROUTE, 0, RTMSG);
  w.u8[at] = c.AF_INET;
  w.u8[at + 1] = 32;
  w.u32(at + 8, c.RTM_F_FIB_MATCH | c.RTM_F_LOOKUP_TABLE);
  w.attrIPv4(c.RTA_DST, address);
  if (from) {
    w.u8[at + 2] = 32;
    w.attrIPv4(c.RTA_SRC, from.source);
    w.attrU32(c.RTA_IIF, from.iif);
  }
  w.end();
}

/** Whether a route of table main is longer than `length`, or exactly `length` long and to `own`. Decodes no more than it must. */
export function isLonger(m: Message, length: number, own: number): boolean {
  const its = m.byte(m.body + 1);
  if (m.byte(m.body) !== c.AF_INET || its < length) return false;
  if (its > length) return true;
  m.scan(m.body + RTMSG);
  return m.attrIPv4Number(c.RTA_DST) === own;
}

/** True for a default route: the only one whose destination has no bits. */
export const isDefaultRoute = (m: Message): boolean => m.byte(m.body) === c.AF_INET && m.byte(m.body + 1) === 0;

/** True for a route that leads to what is on its device's link: it has the scope that a gateway must be in. */
export const isLinkRoute = (m: Message): boolean =>
  m.byte(m.body) === c.AF_INET && m.byte(m.body + 6) === c.RT_SCOPE_LINK;

/** Is the message about a route of `table` inside the networks or through one of `devices` (indexes)? Decodes no more than it must. */
export function routeConcerns(
  m: Message,
  table: number,
  networks: { inNetworks(address: number, length: number): boolean },
  devices: { has(index: number): boolean },
): boolean {
  const { body } = m;
  if (m.byte(body) !== c.AF_INET || (m.u32(body + 8) & c.RTM_F_CLONED) !== 0) return false;
  m.scan(body + RTMSG);
  if (m.attrU32(c.RTA_TABLE, m.byte(body + 4)) !== table) return false;
  return networks.inNetworks(m.attrIPv4Number(c.RTA_DST), m.byte(body + 1)) || devices.has(m.attrU32(c.RTA_OIF));
}

export interface RouteRecord {
  route: Route;
  /** Index of its device, 0 for none; `route.dev` is still "". */
  index: number;
}

/** undefined for another family and for cache entries. */
export function readRoute(m: Message): RouteRecord | undefined {
  const { body } = m;
  const flags = m.u32(body + 8);
  if (m.byte(body) !== c.AF_INET || (flags & c.RTM_F_CLONED) !== 0) return undefined;
  m.scan(body + RTMSG);
  const odd =
    m.has(c.RTA_MULTIPATH) ||
    m.has(c.RTA_ENCAP) ||
    m.has(c.RTA_PREFSRC) ||
    m.has(c.RTA_METRICS) ||
    m.has(c.RTA_FLOW) ||
    m.has(c.RTA_VIA);
  const type = m.byte(body + 7);
  return {
    index: m.attrU32(c.RTA_OIF),
    route: {
      kind: 'route',
      table: m.attrU32(c.RTA_TABLE, m.byte(body + 4)),
      dst: `${m.attrIPv4(c.RTA_DST) || '0.0.0.0'}/${m.byte(body + 1)}`,
      tos: m.byte(body + 3),
      metric: m.attrU32(c.RTA_PRIORITY),
      dev: '',
      gateway: m.attrIPv4(c.RTA_GATEWAY),
      onlink: (flags & c.RTNH_F_ONLINK) !== 0,
      nexthopId: m.attrU32(c.RTA_NH_ID),
      protocol: m.byte(body + 5),
      type: TYPES[type] ?? String(type),
      plain: !odd,
    },
  };
}

interface DefaultRouteRecord {
  table: number;
  /** rtm_type's number. */
  type: number;
  index: number;
  gateway: string;
  metric: number;
}

/** A default route, one record for each of its ways. */
export function readDefaultRoutes(m: Message): DefaultRouteRecord[] {
  const { body } = m;
  m.scan(body + RTMSG);
  const table = m.attrU32(c.RTA_TABLE, m.byte(body + 4));
  const type = m.byte(body + 7);
  const metric = m.attrU32(c.RTA_PRIORITY);
  const ways = m.nest(c.RTA_MULTIPATH);
  if (!ways) return [{ table, type, metric, index: m.attrU32(c.RTA_OIF), gateway: m.attrIPv4(c.RTA_GATEWAY) }];
  const records: DefaultRouteRecord[] = [];
  for (let at = ways.from; at + RTNEXTHOP <= ways.to; ) {
    const length = m.u16(at); // struct rtnexthop: length, flags, hops, index, attributes
    if (length < RTNEXTHOP || at + length > ways.to) break;
    m.scan(at + RTNEXTHOP, at + length);
    records.push({ table, type, metric, index: m.u32(at + 4), gateway: m.attrIPv4(c.RTA_GATEWAY) });
    at += (length + 3) & ~3;
  }
  return records;
}

/** Through its nexthop object if it names one, else through gateway and device; `index` 0 leaves the device to the kernel. */
export function writeRoute(w: Writer, flags: number, route: Route, index: number): void {
  const at = writeHeader(w, c.RTM_NEWROUTE, flags, route);
  const direct = !route.gateway && !route.nexthopId && route.type === 'unicast';
  w.u8[at + 6] = direct ? c.RT_SCOPE_LINK : c.RT_SCOPE_UNIVERSE;
  if (route.onlink && !route.nexthopId) w.u32(at + 8, c.RTNH_F_ONLINK);
  writeVia(w, route, index);
  w.end();
}

/**
 * Qualified by all that the kernel compares, so that nobody else's route can be hit: a route by another way stays (ESRCH). Metric 0 is the one
 * value that doesn't qualify (fib_nh_match): the kernel takes the lowest metric, which is that of metric 0 as long as it is there.
 */
export function writeRouteDelete(w: Writer, route: Route, index: number): void {
  const at = writeHeader(w, c.RTM_DELROUTE, 0, route);
  w.u8[at + 6] = c.RT_SCOPE_NOWHERE;
  if (route.plain) writeVia(w, route, index);
  else if (route.nexthopId) w.attrU32(c.RTA_NH_ID, route.nexthopId);
  w.end();
}

function writeHeader(w: Writer, type: number, flags: number, route: Route): number {
  const at = w.begin(type, flags, RTMSG);
  w.u8[at] = c.AF_INET;
  w.u8[at + 1] = prefixLength(route.dst);
  w.u8[at + 3] = route.tos;
  w.u8[at + 4] = route.table < 256 ? route.table : 0;
  w.u8[at + 5] = route.protocol;
  const named = TYPES.indexOf(route.type);
  w.u8[at + 7] = named < 0 ? Number(route.type) : named;
  w.attrIPv4(c.RTA_DST, route.dst);
  if (route.table > 255) w.attrU32(c.RTA_TABLE, route.table);
  if (route.metric) w.attrU32(c.RTA_PRIORITY, route.metric);
  return at;
}

function writeVia(w: Writer, route: Route, index: number): void {
  if (route.nexthopId) {
    w.attrU32(c.RTA_NH_ID, route.nexthopId);
    return;
  }
  if (route.gateway) w.attrIPv4(c.RTA_GATEWAY, route.gateway);
  if (index) w.attrU32(c.RTA_OIF, index);
}
