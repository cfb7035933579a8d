/**
 * Owns which networks this host is in or has left something in, as far as subnet.env, the last good copy, its own leases and this process know:
 * what is ours is looked for there. CIDRs.
 */
import { contains } from '../config/ipv4.ts';
import type { Lease } from '../config/model.ts';

export class KnownNetworks {
  readonly #all = new Set<string>();

  add(...networks: readonly (string | undefined)[]): void {
    for (const network of networks) if (network) this.#all.add(network);
  }

  /** Of a network that this host was in, a lease of its own may be all that is left: a process was killed as it moved. */
  addSubnets(leases: readonly Lease[], publicIP: string, current: string): void {
    for (const { subnet, attrs } of leases) {
      if (attrs.publicIP !== publicIP) continue;
      if (![current, ...this.#all].some((network) => contains(network, subnet))) this.#all.add(subnet);
    }
  }

  with(current: string): string[] {
    return [...new Set([...this.#all, current])];
  }

  get all(): string[] {
    return [...this.#all];
  }

  earlierThan(current: string | undefined): string[] {
    return this.all.filter((network) => network !== current);
  }

  /** Forgets the earlier ones that are not among `left`; true if there are any. */
  keepOnly(left: readonly string[], current: string): boolean {
    const empty = this.earlierThan(current).filter((network) => !left.includes(network));
    for (const network of empty) this.#all.delete(network);
    return empty.length > 0;
  }
}
