/**
 * Owns what this process has had in its leases that no other host can say (a VTEP's MAC): by that it knows its own again, wherever a store that
 * was restored from a backup has it. Grows with this host's addresses and subnets.
 */
import type { Lease, LeaseAttrs } from '../config/model.ts';
import { identityOf } from '../reconciler/backends/index.ts';

export class Published {
  readonly #said = new Set<string>();

  add({ key, attrs }: Pick<Lease, 'key' | 'attrs'>): void {
    const words = wordsOf(key, attrs);
    if (words !== undefined) this.#said.add(words);
  }

  has(key: string, attrs: LeaseAttrs): boolean {
    const words = wordsOf(key, attrs);
    return words !== undefined && this.#said.has(words);
  }

  /** Keys of those that are as this process has written them; of one that never had another than its present lease, none. */
  among(leases: readonly Lease[]): string[] {
    if (this.#said.size < 2) return [];
    return leases.flatMap(({ key, attrs }) => (this.has(key, attrs) ? [key] : []));
  }
}

/** Undefined for a lease that any host could have. */
function wordsOf(key: string, attrs: LeaseAttrs): string | undefined {
  const identity = identityOf(attrs);
  return identity === undefined ? undefined : `${key} ${attrs.publicIP} ${identity}`;
}
