/**
 * Owns the listing of a scope: which dumps and single reads it takes. Kinds and ids first, then what is under single links.
 * Two observed resources of one id (an appended route) are both listed, the effective one first.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Care, Interest, Listing } from '../../reconciler/contracts/driver.ts';
import type { Scope } from '../../reconciler/contracts/scope.ts';
import { type Have, idOf, splitId } from '../../reconciler/kinds/index.ts';
import { type Client, problemOf } from './client.ts';
import type { LinkRecord } from './codec/link.ts';
import { WIRE_KINDS, wireOf } from './kinds/index.ts';
import { Reader } from './reader.ts';
import { Relevance } from './relevance.ts';

export async function list(client: Client, scope: Scope, interest: Interest, care?: Care): Promise<Listing> {
  const reader = new Reader(client, new Relevance(interest), care);
  const wires = WIRE_KINDS.filter(({ kind }) => scope.all || scope.kinds.has(kind));
  const kinds = new Set<string>(wires.map(({ kind }) => kind));
  const records = kinds.size > 0 || scope.links.size > 0 ? reader.links() : [];
  const haves: Have[] = [];
  for (const wire of wires) {
    for (const have of wire.dump(reader, records)) haves.push(have);
    await turn(); // a big dump takes tens of milliseconds: let the rest of the process breathe
  }
  const ids = [...scope.ids].filter((id) => !kinds.has(splitId(id).kind));
  for (const have of readIds(reader, ids)) haves.push(have);
  const listed = new Set(ids);
  for (const have of scope.all ? [] : underLinks(reader, scope.links, records)) {
    if (!kinds.has(have.kind) && !listed.has(idOf(have))) haves.push(have);
  }
  if (reader.devices.trouble) reader.problem ??= problemOf('devices', reader.devices.trouble);
  return reader.problem ? { haves, complete: false, problem: reader.problem } : { haves, complete: true };
}

/** What is there of the resources named by `ids`. `occupying`: also what only a thorough look finds in their places. */
export function readIds(reader: Reader, ids: Iterable<string>, occupying = false): Have[] {
  const byKind = new Map<string, string[]>();
  for (const id of ids) {
    const { kind, key } = splitId(id);
    const keys = byKind.get(kind);
    if (keys) keys.push(key);
    else byKind.set(kind, [key]);
  }
  return [...byKind].flatMap(([kind, keys]) => {
    const wire = wireOf(kind);
    if (!wire) return [];
    return occupying && wire.occupants ? wire.occupants(reader, keys) : wire.read(reader, keys);
  });
}

/** The links themselves and what is under them, as far as it is of interest. */
function underLinks(reader: Reader, names: ReadonlySet<string>, records: LinkRecord[]): Have[] {
  const links = records.filter(({ link }) => names.has(link.name)).map((record) => reader.devices.complete(record));
  return links.length === 0 ? [] : WIRE_KINDS.flatMap((wire) => wire.under(reader, links));
}
