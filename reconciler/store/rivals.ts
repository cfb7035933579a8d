/**
 * Owns who wins where two claim what only one can have: leases that overlap, peers with one VTEP MAC.
 *
 * - The one that stands before in `order` wins; a loser claims nothing, so that its other rivals may stand.
 * - The answer depends on who is there, never on who came first to us: every host of a network comes to the same one.
 * - Looks only at those that are connected to `start` by rivalry: with no rivals, at `start` alone.
 */

/** Each of those connected to `start` → whom it loses to (the first in order, if to several), undefined for one that is in force. */
export function settle<T>(
  start: Iterable<T>,
  rivalsOf: (one: T) => Iterable<T>,
  order: (a: T, b: T) => number,
): Map<T, T | undefined> {
  const verdicts = new Map<T, T | undefined>();
  const connected = new Set<T>();
  for (const one of start) {
    if (hasRivals(one, rivalsOf)) connected.add(one);
    else verdicts.set(one, undefined);
  }
  // A Set goes on to what is added while it is walked.
  for (const one of connected) for (const rival of rivalsOf(one)) connected.add(rival);

  for (const one of [...connected].sort(order)) {
    let winner: T | undefined;
    for (const rival of rivalsOf(one)) {
      // A rival that has no verdict yet comes later in the order.
      const isInForce = rival !== one && verdicts.has(rival) && verdicts.get(rival) === undefined;
      if (isInForce && (winner === undefined || order(rival, winner) < 0)) winner = rival;
    }
    verdicts.set(one, winner);
  }
  return verdicts;
}

function hasRivals<T>(one: T, rivalsOf: (one: T) => Iterable<T>): boolean {
  for (const rival of rivalsOf(one)) if (rival !== one) return true;
  return false;
}
