/**
 * Owns when something may be deleted at all. Deleting is the one thing that a later round can't always mend, so it takes more than a
 * difference: complete knowledge of what should be and of what is, and nobody who asks to keep it.
 */
import { type Cidr, contains, networkOf, parseCidr, parseIp } from '../../config/ipv4.ts';
import { goesThrough, type Have, idOf, type Neighbour, rangeOf, rulesOf } from '../kinds/index.ts';

export interface Knowledge {
  /** Desired state is whole: the store was read, and no part of it is missing. */
  desiredComplete: boolean;
  /** The listing of this round's scope is whole. */
  scopeComplete: boolean;
}

/** A recreate counts as a delete: it takes with it what isn't known to belong under it. */
export const mayDelete = (knowledge: Knowledge): boolean => knowledge.desiredComplete && knowledge.scopeComplete;

/** Says of a Have that nobody wants whether it stays all the same. */
export type KeepStale = (have: Have) => boolean;

/**
 * Keeps what the host has for peers whose lease is there but can't be read ("10.5.34.0/24" each): unreadable is not absent.
 * Such a lease doesn't say which MAC it had; its ARP entry does. Where a subnet's ARP entry isn't among `haves`, any FDB entry might be
 * that peer's, and all stay. `elsewhere`: subnets of leases that name a way which this host doesn't have; of an FDB entry without an ARP entry
 * nothing is lost there.
 */
export function keepSubnets(
  subnets: Iterable<string>,
  haves: Iterable<Have>,
  elsewhere: Iterable<string> = [],
): KeepStale {
  let keeps: KeepStale | undefined;
  // Mostly there is nothing that nobody wants: then all these subnets cost nothing.
  return (have) => {
    if (!rulesOf(have.kind).isPeers) return false;
    keeps ??= keeperOf(subnets, haves, elsewhere);
    return keeps(have);
  };
}

function keeperOf(subnets: Iterable<string>, haves: Iterable<Have>, elsewhere: Iterable<string>): KeepStale {
  const ranges = rangesOf(subnets);
  const inside = within([...ranges, ...rangesOf(elsewhere)]);
  if (!inside) return () => false;

  const neighbours = [...haves].filter(
    (have): have is Neighbour => have.kind === 'neighbour' && have.permanent && inside(parseIp(have.ip) ?? 0),
  );
  const through = new Set(neighbours.map(goesThrough));
  const unknown = ranges.some((kept) => !neighbours.some(({ ip }) => contains(kept, parseIp(ip) ?? '')));
  return (have) => {
    const range = rangeOf(have);
    return range === undefined ? unknown || through.has(idOf(have)) : inside(range);
  };
}

const rangesOf = (subnets: Iterable<string>): Cidr[] =>
  [...subnets].map(parseCidr).filter((range) => range !== undefined);

/** Whether a range or an address lies in one of `ranges`, at one look for each of their lengths; undefined if there are none. */
function within(ranges: readonly Cidr[]): ((range: Cidr | number) => boolean) | undefined {
  const byLength = new Map<number, Set<number>>();
  for (const { ip, length } of ranges) {
    const networks = byLength.get(length) ?? new Set();
    byLength.set(length, networks.add(networkOf(ip, length)));
  }
  if (byLength.size === 0) return undefined;
  return (range) => {
    const { ip, length } = typeof range === 'number' ? { ip: range, length: 32 } : range;
    for (const [kept, networks] of byLength) if (kept <= length && networks.has(networkOf(ip, kept))) return true;
    return false;
  };
}
