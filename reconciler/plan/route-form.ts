/**
 * Owns the choice between the two forms of a route: on a nexthop object (a Want's preference: 50 times faster in a big network,
 * docs/reference/kernel.md#what-it-costs) or with a plain gateway (what flanneld makes, and all that a kernel before 5.3 has). Both forward
 * alike, so what works is left as it is.
 *
 * - Decided for each route from what is observed, so that the answer is the same again once it has been carried out: no oscillation.
 * - A plain route that is right stays plain; its nexthop object is then not wanted, and one of ours that is there is stale.
 * - Whatever else has to be changed ends up on a nexthop object, unless its id isn't to be had: a route never waits for one.
 */
import type { Route } from '../kinds/index.ts';

/** What is known of the nexthop object that a route prefers. */
export type NexthopSlot =
  /** Nothing in the way: free, ours, or already right. */
  | 'usable'
  /** Somebody else's object with that id. */
  | 'foreign'
  /** The kernel refused ours, which is not tried again yet. */
  | 'held'
  /** The kernel has no nexthop objects. */
  | 'unsupported';

export type RouteForm = 'nexthop' | 'plain';

/** `have`: the effective route in that slot, if there is one. `slot` is only asked if it matters. */
export function chooseForm(want: Route, have: Route | undefined, slot: () => NexthopSlot): RouteForm {
  if (want.nexthopId === 0) return 'plain';
  if (have !== undefined && isPlainAndRight(want, have)) return 'plain';
  switch (slot()) {
    case 'usable':
      return 'nexthop';
    case 'foreign':
    case 'unsupported':
      return 'plain';
    case 'held':
      return have?.nexthopId === want.nexthopId ? 'nexthop' : 'plain';
  }
}

/** Whether `have` is a plain route that does what `want` says; its nexthop object then isn't needed. */
export function isPlainAndRight(want: Route, have: Route): boolean {
  return (
    have.nexthopId === 0 &&
    have.gateway === want.gateway &&
    have.dev === want.dev &&
    have.onlink === want.onlink &&
    have.type === want.type &&
    have.plain
  );
}

export const plainRoute = (want: Route): Route => ({ ...want, nexthopId: 0 });
