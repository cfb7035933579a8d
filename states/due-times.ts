/**
 * Owns when the agent has to look again though nothing happens. What falls due is asked of those who know; here is only how long to wait.
 *
 * - Whoever has looked at a time that was due makes it another one, or none. One that stays as it was is looked at ever more rarely:
 *   whatever is wrong behind it, nobody spins.
 */

/** The shortest wait, ms: what falls due together is one look. */
const LEAST_MS = 10;
/** The wait for a time that was looked at and stayed, ms; doubled with each further look. */
const AGAIN_MS = 1000;
const LONGEST_MS = 60_000;

/** ms by the caller's clock; undefined or Infinity: never. */
export type Due = readonly (number | undefined)[];

export class DueTimes {
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Those that were due when it was looked last, and how long they wait if they stay. */
  #waits = new Map<number, number>();

  /** Everything that is due `now` is being looked at. */
  looked(due: Due, now: number): void {
    const waits = new Map<number, number>();
    for (const at of due) {
      if (at === undefined || at > now) continue;
      const before = this.#waits.get(at);
      waits.set(at, before === undefined ? AGAIN_MS : Math.min(LONGEST_MS, 2 * before));
    }
    this.#waits = waits;
    this.#lookedAt = now;
  }

  /** How long until the next look, ms; undefined if nothing will be due. */
  delayMs(due: Due, now: number): number | undefined {
    const times = due.map((at = Number.POSITIVE_INFINITY) => {
      const wait = this.#waits.get(at);
      return wait === undefined ? at : Math.max(at, this.#lookedAt + wait);
    });
    const next = Math.min(...times);
    return Number.isFinite(next) ? Math.max(LEAST_MS, next - now) : undefined;
  }
}
