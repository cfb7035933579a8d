/**
 * Owns what the daemon remembers of what it did, for whoever asks: the last rounds, counts since its start, since when each region is in its
 * state. Nothing is decided by it.
 *
 * - Bounded: its size depends on the number of peers, never on what happened.
 * - A round that found nothing costs it a microsecond; all that is made for people is made when they ask.
 */
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
  woken: Waker[];
}

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
  readonly #rounds: RoundNote[] = [];
  readonly #since = new Map<Region, { state: string; at: number }>();

  get routesLost(): number {
    return this.lost.total;
  }

  /** Newest first. */
  get rounds(): RoundNote[] {
    return this.#rounds.toReversed();
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
    this.#inHand = { at, revision, woken: [...this.#woken] };
    this.#woken.clear();
  }

  /** `said`: what the log says of it, "" if nothing. */
  end(report: Report, scope: string, said: string, desired: Desired | undefined, mirror: Mirror): void {
    const { at, revision, woken } = this.#takeInHand(Date.parse(report.at));
    let repaired = 0;
    for (const { kind, op } of report.drift) count(this.found, `${kind} ${op}`);
    for (const { kind, op, result } of report.outcomes) {
      if (kind === 'docker' && (result === 'done' || result === 'failed')) this.dockerRestarts[result]++;
      if (result !== 'done' && result !== 'noop') continue;
      repaired++;
      count(this.repaired, `${kind} ${op}`);
    }
    const isLeft = report.outcomes.length > repaired;
    const result = isLeft ? 'unrepaired' : repaired > 0 ? 'repaired' : 'nothing';
    const found = report.drift.length;
    this.lost.note(report, desired, mirror, revision, at);
    this.#add({ at, durationMs: report.durationMs, woken, scope, result, did: said, found, repaired });
  }

  /** The round in hand broke off. */
  fail(message: string, now: number): void {
    const { at, woken } = this.#takeInHand(now);
    const durationMs = Math.max(0, Math.round(now - at));
    this.#add({ at, durationMs, woken, scope: '', result: 'failed', did: message, found: 0, repaired: 0 });
  }

  #takeInHand(now: number): InHand {
    const inHand = this.#inHand ?? { at: now, revision: 0, woken: [] };
    this.#inHand = undefined;
    return inHand;
  }

  #add({ at, did, ...note }: Omit<RoundNote, 'at'> & { at: number }): void {
    this.results[note.result]++;
    for (const by of note.woken) count(this.wakers, by);
    const seconds = note.durationMs / 1000;
    this.durationSeconds += seconds;
    const bucket = DURATION_BUCKETS.findIndex((bound) => seconds <= bound);
    const index = bucket < 0 ? DURATION_BUCKETS.length : bucket;
    this.durations[index] = (this.durations[index] ?? 0) + 1;
    this.#rounds.push({ at: new Date(at).toISOString(), did: did.slice(0, MOST_SAID), ...note });
    if (this.#rounds.length > MOST_ROUNDS) this.#rounds.shift();
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
