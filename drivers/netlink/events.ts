/**
 * Owns what an event means: where to look. Of a message from the kernel it makes scopes, never contents
 * (docs/design.md#edges-say-where-to-look-never-what-is-there).
 *
 * - What can't concern us is dropped by its header: other devices' ARP, other tables' routes, other families.
 * - Our own writes, which are read back anyway, are dropped by the port id that the kernel stamps on their events, or as expected echoes.
 *   Never dropped: links, whose events name nobody, and addresses. Both take things along silently: a link that goes down its routes
 *   (docs/reference/kernel.md#silent-losses-and-quiet-successes), the last address of a device its ARP entries and plain routes (fib_frontend.c:
 *   fib_disable_ip).
 */

import type { Scope } from '../../reconciler/contracts/scope.ts';
import { MAIN_TABLE } from '../../reconciler/kinds/index.ts';
import { addressIndex } from './codec/address.ts';
import * as c from './codec/constants.ts';
import { readFdb } from './codec/fdb.ts';
import { isLinkMessage, readLink } from './codec/link.ts';
import type { Message } from './codec/message.ts';
import { neighbourIndex, readNeighbour } from './codec/neighbour.ts';
import { readNexthop } from './codec/nexthop.ts';
import { isDefaultRoute, isLinkRoute, readRoute, routeConcerns } from './codec/route.ts';
import type { Echoes } from './echoes.ts';
import type { Relevance } from './relevance.ts';

export interface EventContext {
  relevance: Relevance;
  /** Interface indexes against names, kept up from the link events themselves. */
  names: Map<number, string>;
  /** nlmsg_pid of our own requests, 0 if there were none yet. */
  ownPortId: number;
  echoes: Echoes;
}

/** Adds to `scope` where the message says to look. */
export function readEvent(m: Message, context: EventContext, scope: Scope): void {
  const { type } = m;
  if (type === c.RTM_NEWLINK || type === c.RTM_DELLINK) return readLinkEvent(m, context, scope);
  if (type === c.RTM_NEWADDR || type === c.RTM_DELADDR) return readAddressEvent(m, context, scope);
  if (context.ownPortId !== 0 && m.portId === context.ownPortId) return;
  switch (type) {
    case c.RTM_NEWNEIGH:
    case c.RTM_DELNEIGH:
      return readNeighbourEvent(m, context, scope);
    case c.RTM_NEWROUTE:
    case c.RTM_DELROUTE:
      return readRouteEvent(m, context, scope);
    case c.RTM_NEWNETCONF:
      return readNetconfEvent(m, context, scope);
    case c.RTM_NEWNEXTHOP:
    case c.RTM_DELNEXTHOP:
      return readNexthopEvent(m, context, scope);
  }
}

function readLinkEvent(m: Message, { relevance, names }: EventContext, scope: Scope): void {
  if (!isLinkMessage(m)) return;
  const { link, index } = readLink(m);
  const before = names.get(index);
  if (m.type === c.RTM_DELLINK) names.delete(index);
  else names.set(index, link.name);
  const renamed = before !== undefined && before !== link.name && isOurs(relevance, before);
  if (renamed) scope.links.add(before);
  if (relevance.linkEvent(link)) scope.links.add(link.name);
  tellCompanions(link.name, relevance, scope);
  if (before !== undefined) tellCompanions(before, relevance, scope);
}

const isOurs = ({ devices, uplink }: Relevance, name: string): boolean => devices.has(name) || name === uplink;

function tellCompanions(dev: string, relevance: Relevance, scope: Scope): void {
  for (const companion of relevance.companionsOf(dev)) scope.companions.add(companion);
}

function readNeighbourEvent(m: Message, { relevance, names, echoes }: EventContext, scope: Scope): void {
  const index = neighbourIndex(m);
  const dev = names.get(index);
  if (dev === undefined || !relevance.devices.has(dev)) return;
  const family = m.byte(m.body);
  if (family === c.AF_INET) {
    const neighbour = readNeighbour(m, dev);
    if (neighbour && !echoes.take(m.type, family, index, neighbour.ip))
      scope.ids.add(`neighbour ${dev}|${neighbour.ip}`);
  } else if (family === c.AF_BRIDGE) {
    const fdb = readFdb(m, dev);
    if (fdb && !echoes.take(m.type, family, index, fdb.mac)) scope.ids.add(`fdb ${dev}|${fdb.mac}`);
  }
}

/** An address tells whose a tunnel is and where the tunnels start: its whole link is suspect. */
function readAddressEvent(m: Message, { relevance, names }: EventContext, scope: Scope): void {
  const dev = names.get(addressIndex(m));
  if (m.byte(m.body) !== c.AF_INET || dev === undefined) return;
  if (isOurs(relevance, dev) || relevance.uplink === '') scope.links.add(dev);
  tellCompanions(dev, relevance, scope);
}

/** Beside our routes, those that say which interface is the external one, and what is on its link. */
function readRouteEvent(m: Message, { relevance, names }: EventContext, scope: Scope): void {
  const isOfUplink = (): boolean => names.get(readRoute(m)?.index ?? 0) === relevance.uplink;
  const isMain = m.byte(m.body + 4) === MAIN_TABLE;
  if (isMain && (isDefaultRoute(m) || (isLinkRoute(m) && isOfUplink()))) scope.links.add(relevance.uplink);
  if (!routeConcerns(m, MAIN_TABLE, relevance, ownIndexes(relevance, names))) return;
  const route = readRoute(m)?.route;
  if (route) scope.ids.add(`route ${route.table}|${route.dst}|${route.tos}|${route.metric}`);
}

/** Forwarding or the reverse path filter of an interface was switched, or of all (net.ipv4.ip_forward): it is looked at, with nothing under it. */
function readNetconfEvent(m: Message, { relevance, names }: EventContext, scope: Scope): void {
  if (m.byte(m.body) !== c.AF_INET) return;
  m.scan(m.body + 4);
  if (!m.has(c.NETCONFA_FORWARDING) && !m.has(c.NETCONFA_RP_FILTER)) return;
  const index = m.attrU32(c.NETCONFA_IFINDEX) | 0;
  const dev = names.get(index);
  const concerned = index === c.NETCONFA_IFINDEX_ALL ? [...relevance.devices, relevance.uplink] : [dev ?? ''];
  for (const name of concerned) if (name !== '' && relevance.forwards(name)) scope.ids.add(`link ${name}`);
}

/** A nexthop object's end is its routes' end too, and only it is told: whoever turns ids into look-ups adds them (close-scope.ts). */
function readNexthopEvent(m: Message, { relevance, names }: EventContext, scope: Scope): void {
  const { nexthop, index } = readNexthop(m);
  nexthop.dev = names.get(index) ?? '';
  if (relevance.nexthop(nexthop)) scope.ids.add(`nexthop ${nexthop.id}`);
}

/** Few devices are ours, many are not: looked up by name each time rather than kept in step. */
function ownIndexes({ devices }: Relevance, names: Map<number, string>): { has(index: number): boolean } {
  return { has: (index) => index !== 0 && devices.has(names.get(index) ?? '') };
}
