/**
 * Owns the scope: where to look. An edge carries one; a handler only merges it into what is dirty.
 *
 * - keys ⊂ link ⊂ kind ⊂ all: a wider scope swallows a narrower one.
 * - Merging is idempotent, commutative and associative, so lost order and doubled edges are harmless.
 * - More than MAX_IDS single ids become their kinds: beyond that one listing is cheaper than many look-ups.
 */
import type { Kind } from '../kinds/index.ts';
import { splitId } from '../kinds/index.ts';

export interface Scope {
  all: boolean;
  kinds: Set<Kind>;
  /** Device names: the link itself and everything under it. */
  links: Set<string>;
  /** Ids of single resources (`kind key`). */
  ids: Set<string>;
  /** Subnets ("10.5.34.0/24") of leases that changed: stands for every resource of that peer, before and after. */
  peers: Set<string>;
  /** What runs beside the rounds and has to be looked at (states/companion.ts). */
  companions: Set<CompanionName>;
}

/** Each is also the `kind` of its entries in a report. */
export type CompanionName = 'docker' | 'firewall' | 'udp' | 'cloud' | 'way' | 'probe';

/** 5 look-ups of one peer's objects cost about as much as a dump of 200 entries. */
export const MAX_IDS = 512;

export function emptyScope(): Scope {
  return { all: false, kinds: new Set(), links: new Set(), ids: new Set(), peers: new Set(), companions: new Set() };
}

export function scopeOf(parts: {
  all?: boolean;
  kinds?: Iterable<Kind>;
  links?: Iterable<string>;
  ids?: Iterable<string>;
  peers?: Iterable<string>;
  companions?: Iterable<CompanionName>;
}): Scope {
  return {
    all: parts.all ?? false,
    kinds: new Set(parts.kinds),
    links: new Set(parts.links),
    ids: new Set(parts.ids),
    peers: new Set(parts.peers),
    companions: new Set(parts.companions),
  };
}

/** Single resources; their kinds if there are more than MAX_IDS. */
export function scopeOfIds(ids: readonly string[]): Scope {
  if (ids.length <= MAX_IDS) return scopeOf({ ids });
  const kinds = new Set<Kind>();
  for (const id of ids) kinds.add(splitId(id).kind);
  return scopeOf({ kinds });
}

export const everything = (): Scope => scopeOf({ all: true });

export function isEmptyScope(scope: Scope): boolean {
  const { all, kinds, links, ids, peers, companions } = scope;
  return !all && !kinds.size && !links.size && !ids.size && !peers.size && !companions.size;
}

/** Adds `more` to `into` (which is changed and returned). */
export function mergeScope(into: Scope, more: Scope): Scope {
  if (into.all || more.all) return Object.assign(into, everything());
  for (const kind of more.kinds) into.kinds.add(kind);
  for (const link of more.links) into.links.add(link);
  for (const id of more.ids) into.ids.add(id);
  for (const peer of more.peers) into.peers.add(peer);
  for (const name of more.companions) into.companions.add(name);
  if (into.ids.size > MAX_IDS) {
    for (const id of into.ids) into.kinds.add(splitId(id).kind);
    into.ids.clear();
  }
  if (into.peers.size > MAX_IDS) return Object.assign(into, everything());
  return into;
}
