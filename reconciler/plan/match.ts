/**
 * Owns how what is observed is matched with what is wanted: by id, each Have once.
 *
 * - The hot path of a plan (every resource of every peer passes here): one string look-up a Have, and objects as keys from then on.
 */

import { type Have, idOf, type Nexthop, rulesOf, type Want } from '../kinds/index.ts';
import type { Ownership } from './ownership.ts';

export interface Observed {
  /** What is in the slot of a Want. Of several routes the first: the kernel uses that one. */
  effective: Map<Want, Have>;
  /** All Haves of a route's slot, in the kernel's order, if there are several. */
  duplicates: Map<Want, Have[]>;
  /** Wants that the scope's own don't include, though a Have of theirs was listed (a route seen under the device that it leaves). */
  more: Want[];
  /** Haves that nothing in desired state names. */
  stale: Have[];
  /** Nexthop objects by id. */
  nexthops: Map<number, Nexthop>;
}

export function observe(
  haves: readonly Have[],
  wants: ReadonlyMap<string, Want>,
  desired: ReadonlyMap<string, Want>,
  ownership: Ownership,
): Observed {
  const effective = new Map<Want, Have>();
  const duplicates = new Map<Want, Have[]>();
  const more: Want[] = [];
  const stale: Have[] = [];
  const nexthops = new Map<number, Nexthop>();

  for (const have of haves) {
    if (have.kind === 'nexthop') nexthops.set(have.id, have);
    const id = idOf(have);
    let want = wants.get(id);
    if (want === undefined) {
      want = desired.get(id);
      if (want === undefined) {
        stale.push(have);
        continue;
      }
      if (!effective.has(want)) more.push(want);
    }
    const before = effective.get(want);
    if (before === undefined) effective.set(want, have);
    else if (rulesOf(have.kind).sharesSlot) {
      const same = duplicates.get(want);
      if (same) same.push(have);
      else duplicates.set(want, [before, have]);
    } else if (ownership.ownerOf(before) === 'foreign') effective.set(want, have);
  }
  return { effective, duplicates, more, stale, nexthops };
}
