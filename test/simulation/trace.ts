/** Owns the record of a run: every step as a line, of which the last ones are kept, and a hash over all of them, by which two runs are compared. */
import { hashOf } from './random.ts';

const KEPT = 4000;

export class Trace {
  /** Lines so far. */
  steps = 0;
  readonly #now: () => number;
  readonly #start: number;
  readonly #lines: string[] = [];
  #hash = 0x811c9dc5;

  /** `now`: ms. */
  constructor(now: () => number) {
    this.#now = now;
    this.#start = now();
  }

  say(who: string, what: string): void {
    const line = `${((this.#now() - this.#start) / 1000).toFixed(3).padStart(9)} ${who.padEnd(6)} ${what}`;
    this.steps++;
    this.#hash = hashOf(line, this.#hash);
    this.#lines.push(line);
    if (this.#lines.length > 2 * KEPT) this.#lines.splice(0, KEPT);
  }

  /** Of all lines there were. */
  get hash(): string {
    return `${this.steps}-${this.#hash.toString(16).padStart(8, '0')}`;
  }

  last(count: number): string[] {
    return this.#lines.slice(-count);
  }
}
