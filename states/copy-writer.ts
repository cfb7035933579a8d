/**
 * Owns when the last good copy is written: a complete desired state that is in force, a moment after it changed, and for no more than a part in
 * two hundred of the time; but at once when our lease has left a path, which a process that comes next has to know. Renewed leases alone
 * change nothing worth writing.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Past } from '../reconciler/contracts/state-copy.ts';
import type { Mirror } from '../reconciler/store/mirror.ts';
import type { MirrorChange } from '../reconciler/store/mirror-change.ts';
import type { AgentDeps } from './deps.ts';
import type { KeptCopy } from './kept-copy.ts';

/** How long a change waits for those that come with it, ms. */
const SETTLE_MS = 1000;
/** How far apart the beginnings of two writes are at least: so many times as long as the last one took, within these bounds, ms. */
const REST = 200;
const LEAST_APART_MS = 1000;
const MOST_APART_MS = 30_000;
/** How old a copy may become though nothing changes, ms: it also says when its leases were last seen alive. */
const REFRESH_MS = 3_600_000;

/** What is copied. */
interface CopySubject {
  mirror: Mirror;
  past(this: void): Past;
}

export class CopyWriter {
  readonly #deps: AgentDeps;
  readonly #kept: KeptCopy;
  readonly #mirror: Mirror;
  readonly #past: CopySubject['past'];
  /** True for a daemon; a single run writes at its end only. */
  readonly #byItself: boolean;
  #unsaved = false;
  #savedAt = Number.NEGATIVE_INFINITY;
  #apartMs = LEAST_APART_MS;
  #savedPast: Past = {};
  /** The writes that are under way, one after the other: a later one must not be overtaken by an earlier one. */
  #writing: Promise<void> = Promise.resolve();
  #timer: AbortController | undefined;
  /** When the timer ends, ms by the clock that nobody sets, as #savedAt is. */
  #due = Number.POSITIVE_INFINITY;

  constructor(deps: AgentDeps, kept: KeptCopy, { mirror, past }: CopySubject, byItself: boolean) {
    this.#deps = deps;
    this.#kept = kept;
    this.#mirror = mirror;
    this.#past = past;
    this.#byItself = byItself;
  }

  /** Takes note of what the mirror has taken from the store. */
  changed(change: Pick<MirrorChange, 'config' | 'subnets'>): void {
    if (!change.config && !change.subnets.size) return;
    this.#unsaved = true;
    this.#schedule();
  }

  /** Takes note of what the next process has to know of this one. */
  pastChanged(): void {
    this.#unsaved = true;
    this.#schedule();
  }

  /** After a full pass: due again if it was a long time ago, or could not be written then. */
  tick(): void {
    if (this.#deps.clock.steady() - this.#savedAt >= REFRESH_MS) this.#unsaved = true;
    if (this.#unsaved) this.#schedule();
  }

  /** Writes now what has not been written yet. Resolves when all of it is on disk, also what was under way: a process may end then. */
  flush(): Promise<void> {
    this.#timer?.abort();
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const mirror = this.#mirror;
    if (!this.#unsaved || !mirror.complete) return;
    this.#unsaved = false;
    this.#savedAt = this.#deps.clock.steady();
    this.#savedPast = this.#past();
    const snapshot = mirror.snapshot();
    const { clusterId, revision } = snapshot;
    const { kind } = this.#deps.source;
    const { prefix, heardAt } = mirror;
    const network = mirror.config?.network ?? '';
    await this.#kept.save({
      head: { prefix, kind, clusterId, revision, heardAt, network, ...this.#savedPast },
      snapshot,
    });
    const took = this.#deps.clock.steady() - this.#savedAt;
    this.#apartMs = Math.min(MOST_APART_MS, Math.max(LEAST_APART_MS, REST * took));
  }

  #schedule(): void {
    if (!this.#byItself || !this.#kept.wanted) return;
    const { clock } = this.#deps;
    const soon = clock.steady() + SETTLE_MS;
    const isUrgent = !isDeepStrictEqual(this.#past().left, this.#savedPast.left);
    const due = isUrgent ? soon : Math.max(soon, this.#savedAt + this.#apartMs);
    if (this.#timer && this.#due <= due) return;
    this.#timer?.abort();
    const timer = new AbortController();
    this.#timer = timer;
    this.#due = due;
    clock.sleep(due - clock.steady(), timer.signal).then(
      () => this.flush(),
      () => {}, // aborted: whoever did that writes
    );
  }
}
