/**
 * Owns the count of our writes to one id, by which a person who undoes something three times (mended at once, each time) is told from a
 * program that does so for ever (held, longer each time, and reported: docs/design.md#failures-are-of-six-kinds).
 *
 * - Only writes of the same want count: a lease that changes ten times in ten seconds is news, not a contest.
 */

import { identical, splitId, type Want } from '../kinds/index.ts';
import type { Hold } from './hold.ts';

/** Repairs within one window that are still made at once. */
export const FREE_REPAIRS = 5;
/** ms in which repairs are counted together. */
export const WINDOW = 10_000;
/** ms of the first hold, doubled with each that follows on it. */
export const FIRST_HOLD = 10_000;
export const LONGEST_HOLD = 600_000;
/** Ids remembered at most; the ones longest known go first. */
export const MAX_REMEMBERED = 100_000;

interface Writes {
  want: Want | undefined;
  since: number;
  count: number;
  /** Holds in a row. */
  holds: number;
  /** End of the present hold; 0 if there has been none. */
  until: number;
  taken: boolean;
}

const lengthOf = (holds: number): number => Math.min(LONGEST_HOLD, FIRST_HOLD * 2 ** Math.min(holds - 1, 16));

export class Contest {
  readonly #writes = new Map<string, Writes>();
  /** How many have ever been held and not been forgotten: if none, nobody has to look through all. */
  #held = 0;

  get size(): number {
    return this.#held;
  }

  get remembered(): number {
    return this.#writes.size;
  }

  /** We have written `want` (undefined: a delete), and it was verified. */
  wrote(id: string, want: Want | undefined, now: number): void {
    const writes = this.#writes.get(id);
    if (!writes || !identical(writes.want, want) || isQuiet(writes, now)) {
      this.#forget(id);
      if (this.#writes.size >= MAX_REMEMBERED) this.#forgetOldest();
      this.#writes.set(id, { want, since: now, count: 1, holds: 0, until: 0, taken: false });
      return;
    }
    if (writes.count === 0 || now - writes.since > WINDOW) {
      writes.since = now;
      writes.count = 0;
    }
    // The first write puts it there; the next ones are repairs. After a hold one repair is allowed, to see whether it stays.
    if (++writes.count <= (writes.holds === 0 ? FREE_REPAIRS : 1)) return;
    if (writes.holds++ === 0) this.#held++;
    Object.assign(writes, { until: now + lengthOf(writes.holds), count: 0, taken: false });
  }

  holds(id: string, want: Want | undefined, now: number): Hold | undefined {
    const writes = this.#held === 0 ? undefined : this.#writes.get(id);
    if (!writes || writes.until <= now || !identical(writes.want, want)) return undefined;
    const { kind, key } = splitId(id);
    const times = writes.holds === 1 ? `${FREE_REPAIRS} times in ${WINDOW / 1000} s` : 'again and again';
    const seconds = Math.ceil((writes.until - now) / 1000);
    const detail = `Somebody else undoes what selvage does to ${kind} ${key}, ${times}; find out who (ip monitor), selvage repairs it again in ${seconds} s.`;
    return { why: 'contested', detail, until: writes.until };
  }

  nextDue(): number {
    let next = Infinity;
    if (this.#held === 0) return next;
    for (const { holds, until, taken } of this.#writes.values()) if (holds > 0 && !taken && until < next) next = until;
    return next;
  }

  /** Those that are held, with how often in a row. */
  waits(): { id: string; why: string; times: number; until: number }[] {
    if (this.#held === 0) return [];
    return [...this.#writes].flatMap(([id, { holds: times, until, taken }]) =>
      times > 0 && !taken ? [{ id, why: 'contested', times, until }] : [],
    );
  }

  takeDue(now: number): string[] {
    const due: string[] = [];
    if (this.#held === 0) return due;
    for (const [id, writes] of this.#writes) {
      if (writes.holds === 0 || writes.taken || writes.until > now) continue;
      writes.taken = true;
      due.push(id);
    }
    return due;
  }

  sweep(now: number): void {
    for (const [id, writes] of this.#writes) if (isQuiet(writes, now)) this.#forget(id);
  }

  #forget(id: string): void {
    const writes = this.#writes.get(id);
    if (writes && writes.holds > 0) this.#held--;
    this.#writes.delete(id);
  }

  #forgetOldest(): void {
    const oldest = this.#writes.keys().next();
    if (!oldest.done) this.#forget(oldest.value);
  }
}

/** Untouched for a whole window and, if it was held, for as long again as it was. */
function isQuiet(writes: Writes, now: number): boolean {
  if (writes.holds === 0) return now - writes.since > WINDOW;
  return now - Math.max(writes.since, writes.until) > Math.max(WINDOW, lengthOf(writes.holds));
}
