/**
 * Owns the question whether anything of ours is left in a network that this host is no longer in. While it is, the network counts as ours,
 * also in the next process; after that it is anybody's, such as another instance's.
 */
import { parseCidr, parseIp } from '../../config/ipv4.ts';
import type { Instance } from '../contracts/host.ts';
import type { Have } from '../contracts/resource.ts';
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

/** Where in a network it is; undefined for what is in none, or goes with what is. */
function rangeOf(have: Have): Parameters<Ownership['inside']>[0] {
  switch (have.kind) {
    case 'address':
      return parseCidr(have.address);
    case 'neighbour':
      return parseIp(have.ip);
    case 'nexthop':
      return have.id;
    case 'route':
      return parseCidr(have.dst);
    default:
      return undefined;
  }
}
