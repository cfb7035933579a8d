/**
 * Owns the reading of single resources by their key, so that one lease costs a handful of reads with 10 peers as with 10,000.
 *
 * - A single read is believed only if it answers exactly the question asked; on any doubt the kind is dumped and filtered.
 * - Several hundred keys of a kind are dumped at once: that is cheaper.
 */
import { type Have, idOf, type Kind, MAIN_TABLE, splitId } from '../../reconciler/contracts/resource.ts';
import { isGroupMac, readFdb, writeFdbGet } from './codec/fdb.ts';
import { readNeighbour, writeNeighbourGet } from './codec/neighbour.ts';
import { readNexthop, writeNexthopGet } from './codec/nexthop.ts';
import { type RouteRecord, readRoute, writeRouteLookup } from './codec/route.ts';
import { BORN_RULES, readRule, writeRuleDump } from './codec/rule.ts';
import { prefixLength } from './codec/text.ts';
import { ENETUNREACH, ENODEV, ENOENT } from './errno.ts';
import type { Reader } from './reader.ts';

/** Beyond this many keys of one kind a dump is cheaper. */
const MANY = 256;

/** What is there of the resources named by `ids`. */
export function readIds(reader: Reader, ids: Iterable<string>): Have[] {
  const byKind = new Map<Kind, string[]>();
  for (const id of ids) {
    const { kind, key } = splitId(id);
    const keys = byKind.get(kind);
    if (keys) keys.push(key);
    else byKind.set(kind, [key]);
  }
  return [...byKind].flatMap(([kind, keys]) => readKeys(reader, kind, keys));
}

function readKeys(reader: Reader, kind: Kind, keys: string[]): Have[] {
  switch (kind) {
    case 'link':
      return keys.flatMap((name) => reader.devices.record(name) ?? []).map((record) => reader.devices.complete(record));
    case 'address': // there is no single read of an address
      return underDevices(keys, (dev, wanted) => only(wanted, 'address', reader.addresses(dev)));
    case 'neighbour':
      return underDevices(keys, (dev, wanted) => neighbours(reader, dev, wanted));
    case 'fdb':
      return underDevices(keys, (dev, wanted) => fdb(reader, dev, wanted));
    case 'nexthop':
      return nexthops(reader, keys);
    case 'route':
      return routes(reader, keys);
    case 'file':
    case 'docker':
      return [];
  }
}

/** Keys of the form `dev|rest`, device by device. */
function underDevices(keys: string[], read: (dev: string, rests: string[]) => Have[]): Have[] {
  const byDevice = new Map<string, string[]>();
  for (const key of keys) {
    const bar = key.lastIndexOf('|');
    const dev = key.slice(0, bar);
    const rests = byDevice.get(dev);
    if (rests) rests.push(key.slice(bar + 1));
    else byDevice.set(dev, [key.slice(bar + 1)]);
  }
  return [...byDevice].flatMap(([dev, rests]) => read(dev, rests));
}

function only(rests: string[], kind: Kind, haves: Have[]): Have[] {
  const wanted = new Set(rests);
  return haves.filter((have) => {
    const id = idOf(have);
    return have.kind === kind && wanted.has(id.slice(id.lastIndexOf('|') + 1));
  });
}

function neighbours(reader: Reader, dev: string, ips: string[]): Have[] {
  const index = reader.devices.index(dev);
  if (index === 0) return [];
  const haves: Have[] = [];
  for (const ip of ips.length > MANY ? [] : ips) {
    const { value, errno } = reader.client.get(
      (w) => writeNeighbourGet(w, index, ip),
      (m) => readNeighbour(m, dev),
    );
    if (value?.ip === ip) haves.push(value);
    else if (errno !== ENOENT && errno !== ENODEV) return only(ips, 'neighbour', reader.neighbours(dev));
  }
  return ips.length > MANY ? only(ips, 'neighbour', reader.neighbours(dev)) : haves;
}

function fdb(reader: Reader, dev: string, macs: string[]): Have[] {
  const record = reader.devices.record(dev);
  if (record?.link.type !== 'vxlan') return [];
  if (macs.length > MANY || macs.some(isGroupMac)) return only(macs, 'fdb', reader.fdb(dev));
  const haves: Have[] = [];
  for (const mac of macs) {
    const { value, errno } = reader.client.get(
      (w) => writeFdbGet(w, record.index, mac),
      (m) => readFdb(m, dev),
    );
    if (value?.mac === mac) haves.push(value);
    else if (errno !== ENOENT && errno !== ENODEV) return only(macs, 'fdb', reader.fdb(dev));
  }
  return haves;
}

function nexthops(reader: Reader, keys: string[]): Have[] {
  const ids = new Set(keys.map(Number));
  const all = () => reader.nexthops((nexthop) => ids.has(nexthop.id));
  if (ids.size > MANY) return all();
  const haves: Have[] = [];
  for (const id of ids) {
    const { value, errno } = reader.client.get((w) => writeNexthopGet(w, id), readNexthop);
    if (value?.nexthop.id === id) haves.push(reader.named(value));
    else if (errno !== ENOENT) return all();
  }
  return haves;
}

function routes(reader: Reader, keys: string[]): Have[] {
  const haves: Have[] = [];
  let unclear: string[] = [];
  let unreached: string[] = [];
  for (const key of keys.length > MANY ? [] : keys) {
    const answer = lookUp(reader, key);
    if (answer === 'unclear') unclear.push(key);
    else if (answer === 'unreached') unreached.push(key);
    else if (answer !== 'absent') haves.push(reader.namedRoute(answer));
  }
  if (unreached.length > 0 && onlyBornRules(reader)) unreached = [];
  unclear = keys.length > MANY ? keys : unclear.concat(unreached);
  return haves.concat(dumpRoutes(reader, unclear));
}

/** Those of a few tables' routes that have these keys. */
export function dumpRoutes(reader: Reader, keys: string[]): Have[] {
  const ids = new Set(keys.map((key) => `route ${key}`));
  const tables = new Set(keys.map((key) => Number(key.slice(0, key.indexOf('|')))));
  return [...tables].flatMap((table) => reader.routes(table, (route) => ids.has(idOf(route))));
}

type Answer = RouteRecord | 'absent' | 'unreached' | 'unclear';

/**
 * Asks the FIB for the route to the network address. Its answer is the best match, so it proves the route (exactly that prefix and metric
 * in table main), proves its absence (table main was asked and had only a shorter prefix), or proves nothing: a policy rule, a longer prefix,
 * another metric, an address of our own in the way. Wrong by design in one case only: a route that lookups pass over, because its device
 * has no carrier and ignore_routes_with_linkdown is set, seems absent; then a create of it says EEXIST.
 */
function lookUp(reader: Reader, key: string): Answer {
  const [table, dst, tos, metric] = key.split('|') as [string, string, string, string];
  if (Number(table) !== MAIN_TABLE || tos !== '0') return 'unclear';
  const { value, errno } = reader.client.get((w) => writeRouteLookup(w, dst), readRoute);
  if (errno === ENETUNREACH) return 'unreached';
  if (!value || value.route.table !== MAIN_TABLE || value.route.type !== 'unicast') return 'unclear';
  const { route } = value;
  if (route.dst === dst) return route.tos === 0 && route.metric === Number(metric) ? value : 'unclear';
  return prefixLength(route.dst) < prefixLength(dst) ? 'absent' : 'unclear';
}

/** No route to the address in any table that was asked; that table main was among them is sure only without foreign policy rules. */
function onlyBornRules(reader: Reader): boolean {
  const { items, ...reply } = reader.client.dump(writeRuleDump, readRule);
  if (reply.errno !== 0) return false;
  return items.length === BORN_RULES.size && items.every((rule) => BORN_RULES.has(rule));
}
