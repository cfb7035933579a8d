/**
 * Owns the netlink driver: links, addresses, neighbours, FDB entries, nexthop objects and routes of one network namespace.
 * The work is done by list.ts, apply.ts and monitor.ts; here they get their two sockets, one for requests and one for events.
 */

import type { Driver } from '../../reconciler/contracts/driver.ts';
import type { HostFacts } from '../../reconciler/contracts/host.ts';
import type { Routing } from '../../reconciler/contracts/routing.ts';
import { apply } from './apply.ts';
import { Client } from './client.ts';
import { readNexthop, writeNexthopGet } from './codec/nexthop.ts';
import { EOPNOTSUPP } from './errno.ts';
import { readHostFacts } from './facts.ts';
import { KINDS } from './kinds/index.ts';
import { list } from './list.ts';
import { EVENT_BUFFER, EVENT_GROUPS, Monitor } from './monitor.ts';
import { routingOf } from './routing.ts';
import { NetlinkSocket } from './socket.ts';
import type { Transport } from './transport.ts';

/** Answers to a batch of 200 need a quarter megabyte at most; more lets dumps come in bigger pieces. */
const REQUEST_BUFFER = 4 << 20;

export interface NetlinkOptions {
  /** File of a network namespace ("/run/netns/NAME"); our own if absent. */
  netns?: string;
  /** Put around the request socket, to inject faults in tests. */
  wrap?: (transport: Transport) => Transport;
  /** Bytes that the event queue may hold; the kernel doubles it. */
  eventBuffer?: number;
}

export interface NetlinkDriver extends Driver {
  /** Synchronous; throws an Error if the kernel can't be asked. */
  facts(): HostFacts;
  /** What decides about a packet's way. Synchronous; throws an Error if the kernel can't be asked. */
  routing(): Routing;
  /** Whether the kernel has nexthop objects (≥ 5.3). Asked once. */
  supportsNexthops(): boolean;
}

/** Costs nothing until it is used: sockets are opened, and the C library loaded, at the first request. */
export function openNetlink(options: NetlinkOptions = {}): NetlinkDriver {
  const { netns, wrap = (transport) => transport, eventBuffer = EVENT_BUFFER } = options;
  const client = new Client(wrap(new NetlinkSocket({ netns, receiveBuffer: REQUEST_BUFFER })));
  const monitors = new Set<Monitor>();
  let nexthops: boolean | undefined;
  let overruns = 0;

  return {
    kinds: KINDS,
    list: async (scope, interest, care) => {
      const listing = await list(client, scope, interest, care);
      if (!interest.listens?.size || !(scope.all || scope.kinds.has('link'))) return listing;
      const links = new Set(listing.haves.flatMap((have) => (have.kind === 'link' ? have.name : [])));
      if ([...interest.listens.keys()].every((name) => links.has(name))) return listing;
      const { withPortUsers } = await import('./port-users.ts');
      return withPortUsers(listing, interest, netns);
    },
    apply: (changes) => apply({ client, netns, monitors }, changes),
    watch: async (emit, interest, trouble) => {
      const socket = new NetlinkSocket({ netns, receiveBuffer: eventBuffer, groups: EVENT_GROUPS });
      const monitor = new Monitor({ socket, client, emit, interest, trouble, lost: () => overruns++ });
      monitor.start();
      monitors.add(monitor);
      return async () => {
        monitor.stop();
        monitors.delete(monitor);
      };
    },
    overruns: () => overruns,
    facts: () => readHostFacts(client),
    routing: () => routingOf(client),
    supportsNexthops: () => {
      nexthops ??= client.get((w) => writeNexthopGet(w, 1), readNexthop).errno !== EOPNOTSUPP;
      return nexthops;
    },
    close: async () => {
      for (const monitor of monitors) monitor.stop();
      client.close();
    },
  };
}
