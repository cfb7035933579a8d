/**
 * Owns time that stands still until a test moves it: xstate's clock and the agent's in one.
 *
 * - Timers fire in order, and all that a timer sets off has run before the next one fires.
 * - As Node's, a timer of more than 2^31 − 1 ms fires after 1 ms.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { TimerQueue } from './timer-queue.ts';

const LONGEST = 2 ** 31 - 1;
const QUIET_TURNS = 4;

export class SimulatedTime {
  /** Timers that have fired so far: what spins shows here. */
  fired = 0;
  /** Called after each turn of the event loop: whether anything happened in it. */
  onTurn: () => boolean = () => false;
  #now: number;
  #ids = 0;
  readonly #timers = new TimerQueue();

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  readonly now = (): number => this.#now;

  /** Counts from elsewhere, so that nobody takes the one for the other. */
  readonly steady = (): number => this.#now - 1_600_000_000_000;

  readonly setTimeout = (run: (...args: unknown[]) => void, ms: number): number => {
    const delay = ms > LONGEST || !(ms >= 1) ? 1 : ms;
    const id = ++this.#ids;
    this.#timers.add({ id, at: this.#now + delay, run });
    return id;
  };

  readonly clearTimeout = (id: number): void => {
    this.#timers.cancel(id);
  };

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = (): void => {
        this.clearTimeout(id);
        reject(signal?.reason);
      };
      const id = this.setTimeout(() => {
        signal?.removeEventListener('abort', abort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', abort, { once: true });
    });

  /** Calls `run` every `ms`, until the returned function is called. */
  every(ms: number, run: () => void): () => void {
    let id = 0;
    const again = (): void => {
      id = this.setTimeout(() => {
        run();
        again();
      }, ms);
    };
    again();
    return () => this.clearTimeout(id);
  }

  /** ms from now of the next timer; undefined if there is none. */
  get next(): number | undefined {
    const { next } = this.#timers;
    return next && next.at - this.#now;
  }

  /** Lets everything run that waits for no timer: until nothing happens, anywhere, for some turns in a row. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; ) {
      await turn();
      quiet = this.onTurn() ? 0 : quiet + 1;
    }
  }

  /** Lets `ms` pass. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.settle();
    while (this.#fire(until)) await this.settle();
    this.#now = until;
  }

  /** Lets run what waits for nothing, once: enough where nothing goes on for longer without a timer. */
  async turn(): Promise<void> {
    await turn();
  }

  /** One timer, and all that it sets off by itself; for worlds whose every answer waits for a timer. False if none is due by `until`. */
  async step(until: number): Promise<boolean> {
    if (!this.#fire(until)) {
      this.#now = Math.max(this.#now, until);
      return false;
    }
    await turn();
    return true;
  }

  #fire(until: number): boolean {
    const due = this.#timers.take(until);
    if (!due) return false;
    this.#now = Math.max(this.#now, due.at);
    this.fired++;
    due.run();
    return true;
  }
}
