/**
 * Owns the question whether anything of ours is left in a network that this host is no longer in. While it is, the network counts as ours,
 * also in the next process; after that it is anybody's, such as another instance's.
 */
import type { Instance } from '../contracts/host.ts';
import { type Have, rangeOf } from '../kinds/index.ts';
import { contextOf, Ownership } from '../plan/ownership.ts';

/** Those of `networks` in which some of `haves` (all that there is) are ours, and not for being in `current` too. */
export function networksLeft(
  networks: readonly string[],
  current: string,
  haves: readonly Have[],
  instance: Instance,
): string[] {
  const seen = contextOf(haves, true);
  const judge = (network: string): Ownership =>
    new Ownership({ instance: { ...instance, networks: [network] }, desired: new Map(), ...seen });
  const now = judge(current);
  return networks.filter((network) => {
    const then = judge(network);
    return haves.some((have) => {
      const range = rangeOf(have);
      return range !== undefined && then.inside(range) && !now.inside(range) && then.ownerOf(have) === 'ours';
    });
  });
}
