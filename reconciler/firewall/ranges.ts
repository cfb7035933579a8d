/**
 * Owns for which networks the rules are: the one in force, and earlier ones in which something on this host still lives.
 *
 * - An earlier network is known from the instance's own memory of it (subnet.env, the last good copy) or from our table as it is, so that a
 *   process without memory knows it too. Something lives in it while an interface that isn't a tunnel has an address there (Docker's bridge).
 */
import { type Cidr, contains, formatCidr, overlaps, parseCidr } from '../../config/ipv4.ts';
import type { Interface } from '../contracts/host.ts';
import type { Range } from './facts.ts';
import type { Tag } from './part.ts';
import { type Ruleset, tableOf } from './ruleset.ts';

/** Earlier networks that may still matter: none, usually. */
export function earlierNetworks(current: string, known: readonly string[], tag: Tag, ruleset: Ruleset): string[] {
  const inForce = [...(tableOf(ruleset, 'nft', tag)?.chains.values() ?? [])].flatMap(({ rules }) =>
    rules.flatMap(({ verdict, src }) => (verdict.to === 'keep-source' && src && !src.not ? src.net : [])),
  );
  return [...new Set([...known, ...inForce])].filter((network) => !overlaps(network, current));
}

export interface LivedIn extends Range {
  /** The interface that has an address there: when it changes, the range may be over. */
  dev: string;
}

/** Of those networks, the ones that something lives in, each with the subnet of this host that it lives in. */
export function rangesLivedIn(
  networks: readonly string[],
  interfaces: readonly Pick<Interface, 'name' | 'addresses'>[],
  tunnels: readonly string[],
): LivedIn[] {
  const candidates = interfaces.filter(({ name }) => !tunnels.includes(name) && !name.startsWith('flannel'));
  const addresses = candidates.flatMap(({ name, addresses: all }) =>
    all.map(({ address }) => ({ dev: name, cidr: parseCidr(address) })),
  );
  return networks.flatMap((network) => {
    const found = addresses.find(({ cidr }) => cidr !== undefined && cidr.length < 32 && contains(network, cidr));
    return found?.cidr ? [{ network, subnet: formatCidr(baseOf(found.cidr)), dev: found.dev }] : [];
  });
}

const baseOf = ({ ip, length }: Cidr): Cidr => ({
  ip: length === 0 ? 0 : (ip & (0xffffffff << (32 - length))) >>> 0,
  length,
});
