/**
 * Owns the memory between rounds: which change isn't tried again yet, and since when it has to be. Losing it costs patience, never
 * correctness; time and randomness are passed in.
 *
 * - A failure is about one want and one have: if either changes, it is forgotten.
 * - A repair is made at once, also the third time; one that is undone again and again is contested (contest.ts) and waits longer each time.
 * - Bounded: what has been quiet for long is swept.
 */

import type { Change, Outcome } from '../contracts/driver.ts';
import type { Failure } from '../contracts/failure.ts';
import { type Have, identical, parentOf, splitId, type Want } from '../kinds/index.ts';
import { Contest, WINDOW } from './contest.ts';
import type { Hold, RetryView } from './hold.ts';

/** First wait after a transient failure, ms; doubled with each further one. */
export const FIRST_WAIT = 200;
/** Longest wait, ms; also that of a conflict which the listing doesn't show (a port that another socket has). */
export const LONGEST_WAIT = 60_000;
/** A failure that nobody asked about for this long (ms) has mended itself, or its id is no longer wanted. */
export const FORGOTTEN_AFTER = 600_000;

interface Failed {
  want: Want | undefined;
  have: Have | undefined;
  failure: Failure;
  times: number;
  until: number;
  /** When it last happened or a plan last asked. */
  seen: number;
  /** Its time has come and was handed out by takeDue. */
  taken: boolean;
}

/** A change that waits. `until`: ms on the caller's clock, Infinity for not before something changes. */
export interface Wait {
  id: string;
  why: string;
  times: number;
  until: number;
}

export const wantOf = (change: Change): Want | undefined => (change.op === 'delete' ? undefined : change.want);
export const haveOf = (change: Change): Have | undefined => (change.op === 'create' ? undefined : change.have);

export class Retry {
  readonly #failed = new Map<string, Failed>();
  /** Ids of deletes that waited for something that failed: no lease names what they are about, so nobody else looks there. */
  readonly #blocked = new Set<string>();
  readonly #contest = new Contest();
  #swept = 0;
  #contestSwept = 0;

  /** How many ids are held, or have been and are not forgotten. */
  get size(): number {
    return this.#failed.size + this.#contest.size;
  }

  /** How many ids anything is kept of. */
  get remembered(): number {
    return this.#failed.size + this.#blocked.size + this.#contest.remembered;
  }

  /** Takes in the verified outcomes of a round. `random` is in [0, 1) and spreads the waits over half their length. */
  record(outcomes: readonly Outcome[], now: number, random: () => number): void {
    const changedLinks = new Set<string>();
    for (const { change, result } of outcomes)
      if (result === 'done' && splitId(change.id).kind === 'link') changedLinks.add(splitId(change.id).key);

    for (const { change, result, failure } of outcomes) {
      if (result === 'blocked') {
        if (change.op === 'delete') this.#blocked.add(change.id);
        continue;
      }
      if (result === 'failed' && failure && failure.kind !== 'vanished') {
        this.#fail(change, failure, now, random);
        continue;
      }
      this.#failed.delete(change.id);
      // What came back with its link says nothing about who took it away.
      const own = wantOf(change) ?? haveOf(change);
      const underChanged = own !== undefined && changedLinks.has(parentOf(own) ?? '');
      if (result === 'done' && !underChanged) this.#contest.wrote(change.id, wantOf(change), now);
    }
    this.#sweep(now);
  }

  /** Whether that change has to wait, and why. */
  holds(change: Change, now: number): Hold | undefined {
    const contested = this.#contest.holds(change.id, wantOf(change), now);
    if (contested) return contested;
    const failed = this.#failed.get(change.id);
    if (!failed) return undefined;
    if (!identical(failed.want, wantOf(change)) || !identical(failed.have, haveOf(change))) {
      this.#failed.delete(change.id);
      return undefined;
    }
    failed.seen = now;
    return failed.until > now ? holdOf(failed, now) : undefined;
  }

  view(now: number): RetryView {
    return { empty: this.size === 0, holds: (change) => this.holds(change, now) };
  }

  /** What stands in the way of these may be gone: the next plan tries again. What is contested goes on waiting. */
  endWaits(ids: Iterable<string>, now: number): void {
    for (const id of ids) {
      const failed = this.#failed.get(id);
      if (failed) failed.until = Math.min(failed.until, now);
    }
  }

  /** When the next wait is over (ms on the caller's clock, maybe already past); undefined if nothing waits for time alone. */
  nextDue(): number | undefined {
    let next = this.#contest.nextDue();
    for (const { until, taken } of this.#failed.values()) if (!taken && until < next) next = until;
    return next === Infinity ? undefined : next;
  }

  /** All that waits, for people to read. */
  waits(): Wait[] {
    // One whose time has come was looked at, and would be here anew if it had failed again.
    const failed = [...this.#failed].flatMap(([id, { failure, times, until, taken }]) =>
      taken ? [] : [{ id, why: failure.message, times, until }],
    );
    return [...failed, ...this.#contest.waits()];
  }

  /** Ids whose wait is over, each told once, and what waited for such: they are what the next round has to look at. */
  takeDue(now: number): string[] {
    const due = this.#contest.takeDue(now);
    for (const [id, failed] of this.#failed) {
      if (failed.taken || failed.until > now) continue;
      failed.taken = true;
      due.push(id);
    }
    if (due.length === 0) return due;
    due.push(...this.#blocked);
    this.#blocked.clear();
    return due;
  }

  #fail(change: Change, failure: Failure, now: number, random: () => number): void {
    const [want, have] = [wantOf(change), haveOf(change)];
    const before = this.#failed.get(change.id);
    const same = before !== undefined && identical(before.want, want) && identical(before.have, have);
    const times = same ? before.times + 1 : 1;
    const until = now + wait(failure, times, random);
    this.#failed.set(change.id, { want, have, failure, times, until, seen: now, taken: false });
  }

  #sweep(now: number): void {
    // Each write is remembered there: a minute of a fleet that changes fast would be more than all else that is kept.
    if (now - this.#contestSwept >= WINDOW) {
      this.#contestSwept = now;
      this.#contest.sweep(now);
    }
    if (now - this.#swept < LONGEST_WAIT) return;
    this.#swept = now;
    this.#blocked.clear(); // a full pass has looked at them
    for (const [id, failed] of this.#failed) if (now - failed.seen > FORGOTTEN_AFTER) this.#failed.delete(id);
  }
}

function wait(failure: Failure, times: number, random: () => number): number {
  switch (failure.kind) {
    case 'invalid':
    case 'denied':
      return Infinity;
    case 'conflict':
      return jittered(LONGEST_WAIT, random);
    default:
      return jittered(Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(times - 1, 16)), random);
  }
}

/** Half of it, and up to half of it more. */
const jittered = (ms: number, random: () => number): number => Math.round(ms * (0.5 + random() / 2));

function holdOf(failed: Failed, now: number): Hold {
  const { failure, times, until } = failed;
  const sentence = failure.message.replace(/\.$/, '');
  if (until === Infinity) {
    const detail = `${sentence}; it is not tried again before what is wanted or what is there changes.`;
    return { why: failure.kind === 'denied' ? 'not permitted' : 'refused', detail, until };
  }
  const tried = times === 1 ? 'once' : `${times} times`;
  const seconds = Math.max(0.1, (until - now) / 1000).toFixed(1);
  const why = failure.kind === 'conflict' ? 'conflict' : 'backing off';
  return { why, detail: `${sentence}; tried ${tried}, again in ${seconds} s.`, until };
}
