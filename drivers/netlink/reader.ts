/**
 * Owns what the kinds (kinds/) share while one listing is made: the conversation with the kernel, the names of devices, what could not be read.
 * A dump is filtered by the kernel where it can (strict checking) and once more by its kind, because an older kernel ignores the filter.
 */

import type { Care } from '../../reconciler/contracts/driver.ts';
import { compare, type Have, keyOf, type Nexthop, type Route } from '../../reconciler/kinds/index.ts';
import { type Client, type Dumped, problemOf, type Reply } from './client.ts';
import type { LinkRecord } from './codec/link.ts';
import type { Message } from './codec/message.ts';
import { type NexthopRecord, readNexthop, writeNexthopGet } from './codec/nexthop.ts';
import type { RouteRecord } from './codec/route.ts';
import type { Writer } from './codec/writer.ts';
import { Devices } from './device-index.ts';
import { EINTR, ENODEV, EOPNOTSUPP } from './errno.ts';
import type { Relevance } from './relevance.ts';

export class Reader {
  readonly client: Client;
  readonly devices: Devices;
  readonly relevance: Relevance;
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

  /** What a dump by the index of one device finds. `what` names it, for when it can't be read. */
  under(
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

/** A dump of so few entries comes in one piece, during which the kernel changes nothing. */
const ONE_PIECE = 200;
const ATTEMPTS = 6;

/**
 * The kernel doesn't say NLM_F_DUMP_INTR for neighbours and FDB entries: between two pieces of a dump it counts on by position, so that a
 * change by somebody else makes it pass over an entry or tell one twice (measured: most FDB dumps, under a bridge -batch). Two dumps that
 * read alike are the proof that nothing moved.
 */
function dumpSteadily(dump: () => Dumped<Have>): Dumped<Have> {
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
