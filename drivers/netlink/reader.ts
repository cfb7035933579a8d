/**
 * Owns what one listing has found so far, and the dumps by which it finds it: one method a kind, filtered by the kernel where it can
 * (strict checking) and once more here, because an older kernel ignores the filter.
 */
import { type Have, MAIN_TABLE, type Nexthop, type Route } from '../../reconciler/resource.ts';
import { type Client, problemOf, type Reply } from './client.ts';
import { addressIndex, readAddress, writeAddressDump } from './codec/address.ts';
import { readFdb, writeFdbDump } from './codec/fdb.ts';
import type { LinkRecord } from './codec/link.ts';
import type { Message } from './codec/message.ts';
import { neighbourIndex, readNeighbour, writeNeighbourDump } from './codec/neighbour.ts';
import { type NexthopRecord, readNexthop, writeNexthopDump, writeNexthopGet } from './codec/nexthop.ts';
import { type RouteRecord, readRoute, routeConcerns, writeRouteDump } from './codec/route.ts';
import type { Writer } from './codec/writer.ts';
import { Devices } from './devices.ts';
import { ENODEV, EOPNOTSUPP } from './errno.ts';
import type { Relevance } from './relevance.ts';

export class Reader {
  readonly client: Client;
  readonly devices: Devices;
  readonly relevance: Relevance;
  readonly haves: Have[] = [];
  problem: string | undefined;
  #nexthops = new Map<number, Nexthop | undefined>();

  constructor(client: Client, relevance: Relevance) {
    this.client = client;
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
      .filter((r) => r.table === table && (dev === undefined || r.dev === dev) && keep(r));
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
    return items.map((record) => this.namedRoute(record));
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
    const { items, ...reply } = this.client.dump(
      (w) => write(w, index),
      (m) => read(m, index),
    );
    this.note(`${what} of ${dev}`, reply);
    return items;
  }
}
