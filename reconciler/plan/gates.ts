/**
 * Owns when something may be deleted at all. Deleting is the one thing that a later round can't always mend, so it takes more than a
 * difference: complete knowledge of what should be and of what is, and nobody who asks to keep it.
 */
import { contains, parseCidr, parseIp } from '../../config/ipv4.ts';
import type { Have, Neighbour } from '../contracts/resource.ts';

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
 * that peer's, and all stay.
 */
export function keepSubnets(subnets: Iterable<string>, haves: Iterable<Have>): KeepStale {
  const ranges = [...subnets].map(parseCidr).filter((range) => range !== undefined);
  if (ranges.length === 0) return () => false;
  const inside = (range: Parameters<typeof contains>[1]): boolean => ranges.some((kept) => contains(kept, range));

  const neighbours = [...haves].filter(
    (have): have is Neighbour => have.kind === 'neighbour' && have.permanent && inside(have.ip),
  );
  const macs = new Set(neighbours.map((neighbour) => neighbour.mac));
  const unknown = ranges.some((range) => !neighbours.some(({ ip }) => contains(range, parseIp(ip) ?? '')));
  return (have) => {
    switch (have.kind) {
      case 'route':
        return inside(have.dst);
      case 'neighbour':
        return inside(have.ip);
      case 'nexthop':
        return inside(have.id);
      case 'fdb':
        return unknown || macs.has(have.mac);
      default:
        return false;
    }
  };
}
