/**
 * Owns what the last good copy is to this host.
 *
 * - In force: from when the store is found not to answer until it has been listed for the first time, and never after.
 * - Memory for doubt (doubt.ts): a store that is another than the one the copy came from, or an older one, is doubted after a restart too.
 * - Memory of our lease: if it was overwritten with what nobody can read while no agent ran here, it is ours by what it said before.
 * - Without a lease of this host in it nothing can be done from it; that is said.
 */
import { formatDuration } from '../config/duration.ts';
import { leaseKey } from '../config/lease-key.ts';
import type { HeldEntry, Report } from '../reconciler/contracts/report.ts';
import { StoreError, type StoreRecord, type StoreSnapshot } from '../reconciler/contracts/source.ts';
import type { CopyHead } from '../reconciler/contracts/state-copy.ts';
import { readLease } from '../reconciler/lease/read.ts';
import { doubtOf } from '../reconciler/store/doubt.ts';
import type { MirrorChange } from '../reconciler/store/mirror-change.ts';
import { CopyWriter } from './copy-writer.ts';
import type { AgentDeps } from './deps.ts';
import type { DesiredState } from './desired-state.ts';
import { KeptCopy } from './kept-copy.ts';
import { asSentence } from './sentence.ts';

/** How long a daemon waits for the store's first answer before the host comes up from the copy (ms). */
const PATIENCE_MS = 2000;

export class LastGood {
  readonly kept: KeptCopy;
  readonly writer: CopyWriter;
  readonly #deps: AgentDeps;
  readonly #daemon: boolean;
  readonly #state: DesiredState;
  #inForce: CopyHead | undefined;
  /** True once the mirror has taken a listing of the store. */
  #listed = false;
  /** Why the store could not be asked; undefined where it just doesn't answer. */
  #error: StoreError | undefined;
  #said = '';

  constructor(deps: AgentDeps, mode: Report['mode'], state: DesiredState) {
    this.#deps = deps;
    this.#daemon = mode === 'run';
    this.#state = state;
    this.kept = new KeptCopy(deps.stateCache, state.mirror.prefix);
    this.writer = new CopyWriter(deps, this.kept, { mirror: state.mirror, past: () => state.past }, this.#daemon);
  }

  /** The copy that the mirror holds because the store has not been listed yet. */
  get inForce(): CopyHead | undefined {
    return this.#inForce;
  }

  #force(head: CopyHead | undefined): void {
    this.#inForce = head;
    this.#state.isFromCopy = head !== undefined;
  }

  /** Whether a listing has been taken since the start. */
  get listed(): boolean {
    return this.#listed;
  }

  /**
   * A listing, ready to be taken by the mirror. While the first one is not there, and if it doesn't come, the host works from the copy:
   * `onForce` is called when that begins. Rejects as `answer` does.
   */
  async listing(answer: Promise<StoreSnapshot>, onForce: () => void): Promise<StoreSnapshot> {
    if (this.#listed) return answer;
    const answered = new AbortController();
    if (this.#daemon) this.#useAfter(PATIENCE_MS, answered.signal, onForce);
    try {
      const listing = await answer;
      const head = await this.kept.head();
      this.#state.recall(head);
      if (head && !this.inForce) await this.#remember(head, listing);
      return listing;
    } catch (error) {
      this.#error = error instanceof StoreError ? error : undefined;
      // What is wrong with this host must not stand in the place of what is wrong with the store.
      await this.#use(onForce).catch((problem: unknown) => this.#say(problem));
      throw error;
    } finally {
      answered.abort();
    }
  }

  /** The mirror has taken a listing, with that change. */
  taken(change: MirrorChange): void {
    // What the first one says is worth writing whatever the copy made of the mirror before.
    this.writer.changed({ ...change, config: change.config || !this.#listed });
    this.#listed = true;
    this.#force(undefined);
    this.#error = undefined;
  }

  /** The store is heard, at a full pass (ms since epoch). */
  heard(at: number): void {
    this.#state.mirror.heard(at);
    this.writer.tick();
  }

  #useAfter(ms: number, answered: AbortSignal, onForce: () => void): void {
    const isLate = (): boolean => !answered.aborted;
    this.#deps.clock
      .sleep(ms, answered)
      .then(() => this.#use(onForce, isLate))
      .catch((error: unknown) => {
        if (isLate()) this.#say(error);
      });
  }

  /** Why the copy could not be put in force, once. */
  #say(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (message !== this.#said) this.#deps.log.warn({}, message);
    this.#said = message;
  }

  async #use(onForce: () => void, isWanted = () => true): Promise<void> {
    if (this.inForce) return;
    if (!this.#state.host.current) await this.#state.host.refresh();
    const head = await this.#fill(isWanted);
    if (!head) return;
    this.#state.recall(head);
    // A restart in the middle of a move goes on with it, whether the store answers or not.
    await this.#state.lookAround();
    if (this.#listed || this.inForce) return;
    this.#force(head);
    this.#state.relist();
    onForce();
  }

  async #remember(head: CopyHead, listing: StoreSnapshot): Promise<void> {
    if (doubtOf(head, listing)) {
      await this.#fill();
      return;
    }
    const { subnet } = head.own ?? {};
    if (subnet === undefined) return;
    const key = leaseKey(head.prefix, subnet);
    const record = listing.leases.find((one) => one.key === key);
    if (!record || 'attrs' in readLease({ subnet }, record)) return;
    const isStill = (before: StoreRecord): boolean =>
      before.key === key && before.createRevision === record.createRevision;
    // A key that was deleted meanwhile, and made anew, may be anybody's.
    await this.#fill(undefined, (all) => ({ ...all, config: undefined, leases: all.leases.filter(isStill) }));
  }

  /** Puts the copy, or a part of it, into the mirror. */
  async #fill(isWanted = () => true, part = (all: StoreSnapshot) => all): Promise<CopyHead | undefined> {
    const copy = await this.kept.load();
    if (!copy || this.#listed || this.inForce || !isWanted()) return undefined;
    this.#state.mirror.applySnapshot(part(copy.snapshot), copy.head.heardAt);
    return copy.head;
  }

  // ---- telling ----

  get held(): HeldEntry[] {
    const held: HeldEntry[] = [];
    const about = { kind: 'store' as const, key: this.#state.mirror.prefix, unmet: false };
    if (this.inForce) {
      const { heardAt, revision, kind } = this.inForce;
      const age = formatDuration(this.#ageSeconds(heardAt) * 1000);
      const lacking = this.#state.desired ? '' : ' It has no lease of this host’s, so that nothing can be done.';
      const detail = `This host works from its last good copy, ${age} old (${kind} revision ${revision}), and deletes nothing, because the store can't be asked: ${asSentence(this.#why())}${lacking}`;
      held.push({ ...about, why: 'last good copy in force', detail });
    }
    const { problem } = this.kept;
    if (problem !== undefined) held.push({ ...about, why: 'no last good copy', detail: problem });
    return held;
  }

  /** What a report says of its source instead, while the copy is in force. */
  get source(): Partial<Report['source']> {
    if (!this.inForce) return {};
    const error = { kind: this.#error?.kind ?? 'unavailable', message: this.#why() };
    return { kind: 'cache', ageSeconds: this.#ageSeconds(this.inForce.heardAt), error };
  }

  #why(): string {
    return this.#error?.message ?? `${this.#deps.source.where} does not answer`;
  }

  #ageSeconds(heardAt: number): number {
    return Math.max(0, Math.round((this.#deps.clock.now() - heardAt) / 1000));
  }
}
