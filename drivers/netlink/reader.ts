/**
 * Owns what one listing has found so far, and the dumps by which it finds it: one method a kind, filtered by the kernel where it can
 * (strict checking) and once more here, because an older kernel ignores the filter.
 */

import type { Care } from '../../reconciler/contracts/driver.ts';
import { type Have, keyOf, MAIN_TABLE, type Nexthop, type Route } from '../../reconciler/contracts/resource.ts';
import { compare, identical } from '../../reconciler/plan/compare.ts';
import { type Client, type Dumped, problemOf, type Reply } from './client.ts';
import { addressIndex, readAddress, writeAddressDump } from './codec/address.ts';
import { readFdb, writeFdbDump } from './codec/fdb.ts';
import type { LinkRecord } from './codec/link.ts';
import type { Message } from './codec/message.ts';
import { neighbourIndex, readNeighbour, writeNeighbourDump } from './codec/neighbour.ts';
import { type NexthopRecord, readNexthop, writeNexthopDump, writeNexthopGet } from './codec/nexthop.ts';
import { type RouteRecord, readRoute, routeConcerns, writeRouteDump } from './codec/route.ts';
import type { Writer } from './codec/writer.ts';
import { Devices } from './device-index.ts';
import { EINTR, ENODEV, EOPNOTSUPP } from './errno.ts';
import type { Relevance } from './relevance.ts';

export class Reader {
  readonly client: Client;
  readonly devices: Devices;
  readonly relevance: Relevance;
  readonly haves: Have[] = [];
  problem: string | undefined;
  #nexthops = new Map<number, Nexthop | undefined>();

  readonly #care: Care;

  constructor(client: Client, relevance: Relevance, care: Care = 'steady') {
    this.client = client;
    this.#care = care;
    this.devices = new Devices(client);
    this.relevance = relevance;
  }

  /** Notes what kept something from being read; that its device is gone or the kernel too old for it means that there is nothing. */
  note(what: string, reply: Reply): void {
    if (reply.errno !== ENODEV && reply.errno !== EOPNOTSUPP) this.problem ??= problemOf(what, reply);
  }

  /** All links. */
  links(): LinkRecord[] {
    const { records, reply } = this.devices.loadAll();
    this.note('links', reply);
    return records;
  }

  addresses(dev: string): Have[] {
    return this.#under(dev, 'addresses', writeAddressDump, (m, index) => {
      const record = addressIndex(m) === index ? readAddress(m) : undefined;
      return record && { kind: 'address', dev, address: record.address };
    });
  }

  neighbours(dev: string): Have[] {
    return this.#under(dev, 'neighbours', writeNeighbourDump, (m, index) =>
      neighbourIndex(m) === index ? readNeighbour(m, dev) : undefined,
    );
  }

  /** Only of a vxlan device; others show their multicast filters here. */
  fdb(dev: string): Have[] {
    if (this.devices.record(dev)?.link.type !== 'vxlan') return [];
    return this.#under(dev, 'FDB entries', writeFdbDump, (m, index) =>
      neighbourIndex(m) === index ? readFdb(m, dev) : undefined,
    );
  }

  /** All nexthop objects that `keep` wants. */
  nexthops(keep: (nexthop: Nexthop) => boolean): Nexthop[] {
    const { items, ...reply } = this.client.dump(writeNexthopDump, readNexthop);
    this.note('nexthop objects', reply);
    return items.map((record) => this.named(record)).filter(keep);
  }

  /** The routes of a table that concern us, in the kernel's order (the effective one first), through one device if one is given. */
  routes(table: number, keep: (route: Route) => boolean, dev?: string): Route[] {
    const index = dev === undefined ? 0 : this.devices.index(dev);
    if (dev !== undefined && index === 0) return [];
    const { items, ...reply } = this.client.dump((w) => writeRouteDump(w, table, index), readRoute);
    this.note('routes', reply);
    return items
      .map((record) => this.namedRoute(record))
      .filter((r) => r.table === table && (dev === undefined || r.dev === dev) && keep(r))
      .filter(isNew);
  }

  /** The routes of table main inside the networks or through one of our devices: the rest is passed over without being decoded. */
  relevantRoutes(): Route[] {
    const own = new Set([...this.relevance.devices].map((dev) => this.devices.index(dev)));
    own.delete(0);
    const { items, ...reply } = this.client.dump(
      (w) => writeRouteDump(w, MAIN_TABLE),
      (m) => (routeConcerns(m, MAIN_TABLE, this.relevance, own) ? readRoute(m) : undefined),
    );
    this.note('routes', reply);
    return items.map((record) => this.namedRoute(record)).filter(isNew);
  }

  named({ nexthop, index }: NexthopRecord): Nexthop {
    nexthop.dev = this.devices.name(index);
    return nexthop;
  }

  /** With the device's name; with net.ipv4.nexthop_compat_mode=0 device and gateway are told by the nexthop object only. */
  namedRoute({ route, index }: RouteRecord): Route {
    route.dev = this.devices.name(index);
    if (route.nexthopId !== 0 && index === 0) {
      const nexthop = this.#nexthop(route.nexthopId);
      if (nexthop) Object.assign(route, { dev: nexthop.dev, gateway: nexthop.gateway, onlink: nexthop.onlink });
      if (nexthop && !nexthop.plain) route.plain = false;
    }
    return route;
  }

  #nexthop(id: number): Nexthop | undefined {
    if (!this.#nexthops.has(id)) {
      const { value } = this.client.get((w) => writeNexthopGet(w, id), readNexthop);
      this.#nexthops.set(id, value && this.named(value));
    }
    return this.#nexthops.get(id);
  }

  #under(
    dev: string,
    what: string,
    write: (w: Writer, index: number) => void,
    read: (m: Message, index: number) => Have | undefined,
  ): Have[] {
    const index = this.devices.index(dev);
    if (index === 0) return [];
    const dump = () =>
      this.client.dump(
        (w) => write(w, index),
        (m) => read(m, index),
      );
    const { items, ...reply } = this.#care === 'quick' ? dump() : dumpSteadily(dump);
    this.note(`${what} of ${dev}`, reply);
    return items;
  }
}

/**
 * No two routes are alike in everything: the second is the first, told twice because another was inserted before it between two pieces of the
 * dump. Taken for a surplus one it would be deleted, and with it the only one.
 */
function isNew(route: Route, i: number, routes: Route[]): boolean {
  const before = routes[i - 1];
  return before === undefined || before.dst !== route.dst || !identical(before, route);
}

/** A dump of so few entries comes in one piece, during which the kernel changes nothing. */
const ONE_PIECE = 200;
const ATTEMPTS = 6;

/**
 * The kernel doesn't say NLM_F_DUMP_INTR for neighbours and FDB entries: between two pieces of a dump it counts on by position, so that a
 * change by somebody else makes it pass over an entry or tell one twice (measured: most FDB dumps, under a bridge -batch). Two dumps that
 * read alike are the proof that nothing moved.
 */
export function dumpSteadily(dump: () => Dumped<Have>): Dumped<Have> {
  let last = dump();
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    if (last.errno !== 0 || last.items.length <= ONE_PIECE) return last;
    const next = dump();
    if (next.errno === 0 && alike(last.items, next.items)) return next;
    last = next;
  }
  return { errno: EINTR, extack: '', items: last.items };
}

const alike = (a: Have[], b: Have[]): boolean =>
  a.length === b.length && a.every((have, i) => compare(have, b[i]!).length === 0 && keyOf(have) === keyOf(b[i]!));
