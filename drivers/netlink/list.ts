/**
 * Owns the listing of a scope: which dumps and single reads it takes. Kinds and ids first, then what is under single links.
 * Two observed resources of one id (an appended route) are both listed, the effective one first.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Care, Interest, Listing } from '../../reconciler/contracts/driver.ts';
import { type Have, idOf, type Kind, MAIN_TABLE } from '../../reconciler/contracts/resource.ts';
import type { Scope } from '../../reconciler/contracts/scope.ts';
import { type Client, problemOf } from './client.ts';
import type { LinkRecord } from './codec/link.ts';
import { Reader } from './reader.ts';
import { Relevance } from './relevance.ts';
import { readIds } from './single.ts';

export const KINDS = ['link', 'address', 'neighbour', 'fdb', 'nexthop', 'route'] as const satisfies readonly Kind[];

export async function list(client: Client, scope: Scope, interest: Interest, care?: Care): Promise<Listing> {
  const reader = new Reader(client, new Relevance(interest), care);
  const kinds = KINDS.filter((kind) => scope.all || scope.kinds.has(kind));
  const records = kinds.length > 0 || scope.links.size > 0 ? reader.links() : [];
  const haves: Have[] = [];
  for (const kind of kinds) {
    for (const have of ofKind(reader, kind, records)) haves.push(have);
    await turn(); // a big dump takes tens of milliseconds: let the rest of the process breathe
  }
  const ids = [...scope.ids].filter((id) => !kinds.some((kind) => id.startsWith(`${kind} `)));
  for (const have of readIds(reader, ids)) haves.push(have);
  const listed = new Set(ids);
  for (const have of scope.all ? [] : underLinks(reader, scope.links, records)) {
    if (!kinds.some((kind) => kind === have.kind) && !listed.has(idOf(have))) haves.push(have);
  }
  if (reader.devices.trouble) reader.problem ??= problemOf('devices', reader.devices.trouble);
  return reader.problem ? { haves, complete: false, problem: reader.problem } : { haves, complete: true };
}

function ofKind(reader: Reader, kind: (typeof KINDS)[number], records: LinkRecord[]): Have[] {
  const { relevance, devices } = reader;
  switch (kind) {
    case 'link':
      return records.filter(({ link }) => relevance.link(link)).map((record) => devices.complete(record));
    case 'address':
      return records
        .filter(({ link }) => relevance.addressesOf(link))
        .flatMap(({ link }) => reader.addresses(link.name));
    case 'neighbour':
      return [...relevance.devices].flatMap((dev) => reader.neighbours(dev));
    case 'fdb':
      return [...relevance.devices].flatMap((dev) => reader.fdb(dev));
    case 'nexthop':
      return reader.nexthops((nexthop) => relevance.nexthop(nexthop));
    case 'route':
      return reader.relevantRoutes();
  }
}

/** The links themselves and what is under them, as far as it is of interest. */
function underLinks(reader: Reader, names: ReadonlySet<string>, records: LinkRecord[]): Have[] {
  const { relevance, devices } = reader;
  const present = records.filter(({ link }) => names.has(link.name));
  const haves: Have[] = present.map((record) => devices.complete(record));
  for (const { link } of present) {
    if (relevance.addressesOf(link)) haves.push(...reader.addresses(link.name));
    if (relevance.devices.has(link.name)) haves.push(...reader.neighbours(link.name), ...reader.fdb(link.name));
  }
  if (present.length === 0) return haves;
  haves.push(...reader.nexthops((nexthop) => names.has(nexthop.dev) && relevance.nexthop(nexthop)));
  for (const { link } of present) {
    haves.push(...reader.routes(MAIN_TABLE, (route) => relevance.route(route), link.name));
  }
  return haves;
}
