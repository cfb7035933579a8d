/**
 * Owns what becomes of the last good copy: when it is written, and when a host works from it.
 *
 * - Written: a complete desired state that is in force, a moment after it changed, and no more often than every half minute. Renewed
 *   leases alone change nothing worth writing. A drift report writes none.
 * - In force: from when the store is found not to answer until it has been listed for the first time, and never after.
 * - Memory for doubt (doubt.ts): a store that is another than the one the copy came from, or an older one, is doubted after a restart too.
 * - Another network's copy is neither used nor overwritten. No failure of the copy's is one of the run's.
 */
import { formatDuration } from '../config/duration.ts';
import { doubtOf } from '../reconciler/doubt.ts';
import type { Mirror } from '../reconciler/mirror.ts';
import type { MirrorChange } from '../reconciler/mirror-change.ts';
import type { HeldEntry, Report } from '../reconciler/report.ts';
import { StoreError, type StoreSnapshot } from '../reconciler/source.ts';
import type { CopyHead, StateCopy } from '../reconciler/state-copy.ts';
import type { AgentDeps } from './deps.ts';

/** After a change, for those that come with it (ms). */
const SETTLE_MS = 1000;
const APART_MS = 30_000;
/** So that a copy of a network where nothing happens says all the same when its leases were last seen alive (ms). */
const REFRESH_MS = 3_600_000;

export class LastGood {
  /** The copy that the mirror holds because the store has not been listed yet. */
  inForce: CopyHead | undefined;
  readonly #deps: AgentDeps;
  readonly #mode: Report['mode'];
  readonly #mirror: Mirror;
  #head: Promise<CopyHead | undefined> | undefined;
  /** Why the store could not be asked. */
  #error: StoreError | undefined;
  #problem: string | undefined;
  /** Not ours to replace. */
  #foreign = false;
  #unsaved = false;
  #savedAt = Number.NEGATIVE_INFINITY;
  #timer: AbortController | undefined;

  constructor(deps: AgentDeps, mode: Report['mode'], mirror: Mirror) {
    this.#deps = deps;
    this.#mode = mode;
    this.#mirror = mirror;
  }

  // ---- reading ----

  /** Of a copy that can be used; undefined without one. Read once. */
  head(): Promise<CopyHead | undefined> {
    this.#head ??= this.#guarded(async (cache) => {
      const head = await cache.head();
      if (!head || head.prefix === this.#prefix) return head;
      this.#foreign = true;
      throw new Error(
        `The last good copy ${cache.path} is of the network at ${head.prefix}, not of ${this.#prefix}; it is left alone: give this instance a --state-cache of its own, or delete it.`,
      );
    });
    return this.#head;
  }

  /** Gives the mirror its memory back before it takes the first listing, where that listing is to be doubted. */
  async remind(listing: StoreSnapshot): Promise<void> {
    const head = await this.head();
    if (!head || this.inForce || !doubtOf(head, listing)) return;
    const copy = await this.#load();
    if (copy) this.#mirror.applySnapshot(copy.snapshot, copy.head.heardAt);
  }

  /** Puts the copy into the mirror because of `error` (undefined: no answer yet), unless `obsolete` says that it is too late. */
  async use(error: unknown, obsolete: () => boolean): Promise<boolean> {
    this.#error = error instanceof StoreError ? error : undefined;
    if (this.inForce) return true;
    const copy = (await this.head()) && (await this.#load());
    if (!copy || this.inForce || obsolete()) return this.inForce !== undefined;
    this.#mirror.applySnapshot(copy.snapshot, copy.head.heardAt);
    this.inForce = copy.head;
    return true;
  }

  /** The store has been listed. */
  retire(): void {
    this.inForce = undefined;
    this.#error = undefined;
  }

  // ---- writing ----

  /** Takes note of a change of the mirror, which will be written in a moment. */
  changed(change: Pick<MirrorChange, 'config' | 'subnets'>): void {
    if (!change.config && !change.subnets.size) return;
    this.#unsaved = true;
    this.#schedule();
  }

  /** After a full pass: written again if it was a long time ago. */
  tick(): void {
    if (this.#deps.clock.now() - this.#savedAt >= REFRESH_MS) this.#unsaved = true;
    if (this.#unsaved) this.#schedule();
  }

  /** Writes what has not been written yet. */
  async flush(): Promise<void> {
    this.#timer?.abort();
    this.#timer = undefined;
    if (!this.#unsaved || !this.#mayWrite()) return;
    const { kind } = this.#deps.source;
    const snapshot = this.#mirror.snapshot();
    const { clusterId, revision } = snapshot;
    const network = this.#mirror.config?.network ?? '';
    const head: CopyHead = { prefix: this.#prefix, kind, clusterId, revision, heardAt: this.#mirror.heardAt, network };
    this.#unsaved = false;
    this.#savedAt = this.#deps.clock.now();
    await this.head();
    if (this.#foreign) return;
    await this.#guarded(async (cache) => {
      await cache.save({ head, snapshot }).catch((cause: unknown) => {
        const why = cause instanceof Error ? cause.message : String(cause);
        const message = `The last good copy ${cache.path} can't be written (${why}): this host would not come up without etcd; make its folder writable, or say --state-cache none.`;
        throw new Error(message, { cause });
      });
      this.#problem = undefined;
    });
  }

  #mayWrite(): boolean {
    return this.#mode !== 'drift' && !this.inForce && this.#mirror.complete;
  }

  #schedule(): void {
    // A single run writes at its end.
    if (this.#mode !== 'run' || this.#timer || !this.#deps.stateCache) return;
    const timer = new AbortController();
    this.#timer = timer;
    const { clock } = this.#deps;
    clock.sleep(Math.max(SETTLE_MS, this.#savedAt + APART_MS - clock.now()), timer.signal).then(
      () => this.flush(),
      () => {}, // aborted: whoever did writes himself
    );
  }

  // ---- telling ----

  get held(): HeldEntry[] {
    const held: HeldEntry[] = [];
    const about = { kind: 'store' as const, key: this.#prefix, unmet: false };
    if (this.inForce) {
      const { heardAt, revision, kind } = this.inForce;
      const age = formatDuration(this.#ageSeconds(heardAt) * 1000);
      const why = this.#error?.message ?? `${this.#deps.source.where} does not answer`;
      const detail = `This host works from its last good copy, ${age} old (${kind} revision ${revision}), and deletes nothing, because the store can't be asked: ${why}.`;
      held.push({ ...about, why: 'last good copy in force', detail: detail.replace(/\.\.$/, '.') });
    }
    if (this.#problem !== undefined) held.push({ ...about, why: 'no last good copy', detail: this.#problem });
    return held;
  }

  /** What a report says of its source instead, while the copy is in force. */
  get source(): Partial<Report['source']> {
    if (!this.inForce) return {};
    const { kind = 'unavailable', message = `${this.#deps.source.where} does not answer` } = this.#error ?? {};
    return { kind: 'cache', ageSeconds: this.#ageSeconds(this.inForce.heardAt), error: { kind, message } };
  }

  #ageSeconds(heardAt: number): number {
    return Math.max(0, Math.round((this.#deps.clock.now() - heardAt) / 1000));
  }

  get #prefix(): string {
    return this.#mirror.prefix;
  }

  #load(): Promise<StateCopy | undefined> {
    return this.#guarded((cache) => cache.load());
  }

  /** Does something with the cache, if there is one; what goes wrong is a sentence in `held`. */
  async #guarded<T>(work: (cache: NonNullable<AgentDeps['stateCache']>) => Promise<T>): Promise<T | undefined> {
    const { stateCache } = this.#deps;
    if (!stateCache) return undefined;
    try {
      return await work(stateCache);
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
      return undefined;
    }
  }
}
