/**
 * Owns what becomes of leases that a doubted store no longer lists
 * (docs/design.md#a-delete-is-believed-from-a-watch-doubted-from-a-listing).
 *
 * - A store is doubted when it may have lost its memory: another cluster id, or a revision that went backwards.
 * - What was last seen alive lingers until its own end: the store's word of it, else a whole term after we last heard from the store.
 *   Permanent leases have no end.
 * - A lingering lease ends early when its key comes back (then the store's is in force), or when its host has taken another one: a host is known
 *   by its address, and over another address by what no other host's lease can name (BackendType.identityOf).
 */
import type { Lease } from '../../config/model.ts';
import { identityOf } from '../backends/index.ts';
import type { HeldEntry } from '../contracts/report.ts';

export interface Doubt {
  /** A sentence for a person. */
  why: string;
  /** ms since epoch. */
  since: number;
}

interface StoreIdentity {
  clusterId: string;
  revision: number;
}

/** Why the store that answers now is not to be taken at its word for what it lacks; undefined if it is. */
export function doubtOf(before: StoreIdentity, after: StoreIdentity): string | undefined {
  if (before.clusterId !== after.clusterId) {
    return `The store is another than before (cluster ${after.clusterId}, was ${before.clusterId}): it may have been wiped or rebuilt.`;
  }
  if (after.revision < before.revision) {
    return `The store went back from revision ${before.revision} to ${after.revision}: it may have been restored from a backup.`;
  }
  return undefined;
}

/** What a report says of it; `leases`, `config`: what the store lacks. */
export function doubtHold(prefix: string, doubt: Doubt, leases: number, config: boolean): HeldEntry {
  const lost = [config ? 'the config' : '', leases ? `${leases} ${leases === 1 ? 'lease' : 'leases'}` : ''];
  const detail = `${doubt.why} It lacks ${lost.filter(Boolean).join(' and ')} seen alive before; they stay in force until they come back or their own time ends.`;
  return { kind: 'store', key: prefix, why: 'store doubted', detail, unmet: false };
}

/** Leases that are in force though the store doesn't have them, by key. */
export class Lingering {
  readonly #until = new Map<string, number>();
  /** By each sign of a host. */
  readonly #keysOf = new Map<string, Set<string>>();
  readonly #signsOf = new Map<string, readonly string[]>();

  get size(): number {
    return this.#until.size;
  }

  has(key: string): boolean {
    return this.#until.has(key);
  }

  keys(): ReadonlySet<string> {
    return new Set(this.#until.keys());
  }

  /** `until`: ms since epoch, Infinity for a permanent lease. */
  add(lease: Lease, until: number): void {
    const { key } = lease;
    const signs = signsOf(lease);
    this.#until.set(key, until);
    this.#signsOf.set(key, signs);
    for (const sign of signs) {
      const keys = this.#keysOf.get(sign);
      if (keys) keys.add(key);
      else this.#keysOf.set(sign, new Set([key]));
    }
  }

  /** @returns whether it was in here */
  delete(key: string): boolean {
    const signs = this.#signsOf.get(key);
    if (signs === undefined) return false;
    this.#until.delete(key);
    this.#signsOf.delete(key);
    for (const sign of signs) {
      const keys = this.#keysOf.get(sign)!;
      keys.delete(key);
      if (!keys.size) this.#keysOf.delete(sign);
    }
    return true;
  }

  /** Lingering leases of the host that now has `lease`: it has moved on. */
  leftBehindBy(lease: Lease): Set<string> {
    const keys = new Set(signsOf(lease).flatMap((sign) => [...(this.#keysOf.get(sign) ?? [])]));
    keys.delete(lease.key);
    return keys;
  }

  /** Subnets of the doubted leases whose end has come. */
  endedBy(now: number): string[] {
    return [...this.#until].filter(([, until]) => until <= now).map(([key]) => key);
  }

  /** ms since epoch of the first end; undefined if nothing lingers that will ever end. */
  nextEnd(): number | undefined {
    let next = Number.POSITIVE_INFINITY;
    for (const until of this.#until.values()) next = Math.min(next, until);
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }
}

/** What shows whose a lease is. "0.0.0.0" is no host. */
function signsOf({ attrs }: Lease): string[] {
  const identity = identityOf(attrs);
  return [...(attrs.publicIP === '0.0.0.0' ? [] : [attrs.publicIP]), ...(identity === undefined ? [] : [identity])];
}
