/**
 * Owns what the daemon remembers of what it did, for whoever asks: the last rounds, counts since its start, since when each region is in its
 * state. Nothing is decided by it.
 *
 * - Bounded: its size depends on the number of peers, never on what happened.
 * - A round that found nothing costs it a microsecond; all that is made for people is made when they ask.
 */
import { isMade } from '../reconciler/contracts/driver.ts';
import type { Report } from '../reconciler/contracts/report.ts';
import {
  type Counts,
  DURATION_BUCKETS,
  type RoundNote,
  type RoundResult,
  type Waker,
} from '../reconciler/contracts/status.ts';
import type { Desired } from '../reconciler/desired/desired.ts';
import type { Mirror } from '../reconciler/store/mirror.ts';
import type { Region } from './events.ts';
import { LostRoutes } from './lost-routes.ts';

const MOST_ROUNDS = 100;
/** Of a sentence that is kept, characters. */
const MOST_SAID = 600;

interface InHand {
  /** ms since the epoch. */
  at: number;
  /** The store's. */
  revision: number;
  woken: ReadonlySet<Waker>;
}

/** As it is kept; times and sets become text when somebody asks. */
type KeptRound = Omit<RoundNote, 'at' | 'woken'> & Pick<InHand, 'at' | 'woken'>;

const NOBODY: ReadonlySet<Waker> = new Set();

export class History implements Counts {
  readonly lost = new LostRoutes();
  /** Rounds by what they came to. */
  readonly results: Record<RoundResult, number> = { nothing: 0, repaired: 0, unrepaired: 0, failed: 0 };
  readonly wakers = new Map<Waker, number>();
  /** Differences by "kind op". */
  readonly found = new Map<string, number>();
  /** Changes that were made and found again, by "kind op". */
  readonly repaired = new Map<string, number>();
  /** Rounds by duration, one count more than there are bounds. */
  readonly durations: number[] = Array.from({ length: DURATION_BUCKETS.length + 1 }, () => 0);
  durationSeconds = 0;
  /** How often the store was lost. */
  storeLosses = 0;
  /** Restarts of Docker that were ended by us, by whether they helped. */
  readonly dockerRestarts = { done: 0, failed: 0 };
  readonly #listeners = new Set<() => void>();
  #woken = new Set<Waker>(['start']);
  #inHand: InHand | undefined;
  readonly #rounds: KeptRound[] = [];
  readonly #since = new Map<Region, { state: string; at: number }>();

  get routesLost(): number {
    return this.lost.total;
  }

  /** Newest first. */
  get rounds(): RoundNote[] {
    return this.#rounds
      .map(({ at, woken, ...note }) => ({ at: new Date(at).toISOString(), woken: [...woken], ...note }))
      .reverse();
  }

  /** `changed` is called after each round and each change of a region's state. Returns what stops that. */
  subscribe(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  }

  woken(by: Waker): void {
    this.#woken.add(by);
  }

  state(region: Region, state: string, at: number): void {
    const before = this.#since.get(region)?.state;
    if (before === state) return;
    this.#since.set(region, { state, at });
    if (region === 'store' && state === 'stale' && before !== undefined) this.storeLosses++;
    this.#changed();
  }

  /** ms since the epoch; undefined before it was in any state. */
  since(region: Region): number | undefined {
    return this.#since.get(region)?.at;
  }

  begin(at: number, revision: number): void {
    this.#inHand = { at, revision, woken: this.#woken };
    this.#woken = new Set();
  }

  /** `said`: what the log says of it, "" if nothing. */
  end(report: Report, scope: string, said: string, desired: Desired | undefined, mirror: Mirror): void {
    const { at, revision, woken } = this.#inHand ?? { at: Date.parse(report.at), revision: 0, woken: NOBODY };
    this.#inHand = undefined;
    countAll(this.found, report.drift);
    const repaired = countAll(this.repaired, report.outcomes, isMade);
    for (const { kind, result } of report.outcomes)
      if (kind === 'docker' && (result === 'done' || result === 'failed')) this.dockerRestarts[result]++;
    const isLeft = report.outcomes.length > repaired;
    const result = isLeft ? 'unrepaired' : repaired > 0 ? 'repaired' : 'nothing';
    const found = report.drift.length;
    this.lost.note(report, desired, mirror, revision, at);
    this.#add({ at, durationMs: report.durationMs, woken, scope, result, did: said, found, repaired });
  }

  /** The round in hand broke off. */
  fail(message: string, now: number): void {
    const { at, woken } = this.#inHand ?? { at: now, woken: NOBODY };
    this.#inHand = undefined;
    const durationMs = Math.max(0, Math.round(now - at));
    this.#add({ at, durationMs, woken, scope: '', result: 'failed', did: message, found: 0, repaired: 0 });
  }

  #add(note: KeptRound): void {
    this.results[note.result]++;
    for (const by of note.woken) this.wakers.set(by, (this.wakers.get(by) ?? 0) + 1);
    const seconds = note.durationMs / 1000;
    this.durationSeconds += seconds;
    let bucket = 0;
    while (seconds > (DURATION_BUCKETS[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    this.durations[bucket] = (this.durations[bucket] ?? 0) + 1;
    if (note.did.length > MOST_SAID) note.did = note.did.slice(0, MOST_SAID);
    this.#rounds.push(note);
    if (this.#rounds.length > MOST_ROUNDS) this.#rounds.shift();
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

interface Counted {
  kind: string;
  op: string;
}

/** Adds those of `entries` that `isCounted` to `counts`, by "kind op". They come sorted, so that a run of alike ones is one step. @returns how many */
function countAll<E extends Counted>(
  counts: Map<string, number>,
  entries: readonly E[],
  isCounted = (_: E) => true,
): number {
  let [all, alike] = [0, 0];
  let last: Counted | undefined;
  const add = (): void => {
    if (!last || alike === 0) return;
    const key = `${last.kind} ${last.op}`;
    counts.set(key, (counts.get(key) ?? 0) + alike);
    all += alike;
  };
  for (const entry of entries) {
    if (entry.kind !== last?.kind || entry.op !== last.op) {
      add();
      alike = 0;
      last = entry;
    }
    if (isCounted(entry)) alike++;
  }
  add();
  return all;
}
