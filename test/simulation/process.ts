/**
 * Owns one life of an agent's process: what it waits for, and that it ends. After SIGKILL nothing of it runs any more, though promises of it
 * are still there; while it is stopped (SIGSTOP) all that it waits for waits too.
 */
import type { SimulatedTime } from '../helpers/simulated-time.ts';

export class Process {
  readonly time: SimulatedTime;
  isAlive = true;
  /** SIGSTOP until then, ms of the simulated time. */
  stoppedUntil = 0;
  /** ms by which its clock is wrong. */
  clockOffset: number;
  /** By our own number of each: the timer that it waits on now. */
  readonly #timers = new Map<number, number>();
  /** What came due while it was stopped, in the order in which it did. */
  readonly #waiting = new Map<number, () => void>();
  #numbers = 0;

  constructor(time: SimulatedTime, clockOffset: number) {
    this.time = time;
    this.clockOffset = clockOffset;
  }

  /** Of the simulated time, whatever the host's clock says. */
  now(): number {
    return this.time.now();
  }

  /** As the process sees it. */
  readonly clock = {
    now: (): number => Math.round(this.time.now() + this.clockOffset),
    steady: (): number => this.time.steady(),
    sleep: (ms: number, signal?: AbortSignal): Promise<void> =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const abort = (): void => {
          this.#cancel(id);
          reject(signal?.reason);
        };
        const id = this.after(ms, () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        });
        signal?.addEventListener('abort', abort, { once: true });
      }),
  };

  /** For xstate. */
  readonly timers = {
    setTimeout: (run: (...args: unknown[]) => void, ms: number): number => this.after(ms, run),
    clearTimeout: (id: number): void => this.#cancel(id),
  };

  /** Runs it after `ms`, unless the process is over by then. */
  after(ms: number, run: () => void): number {
    const number = ++this.#numbers;
    if (this.isAlive) this.#arm(number, ms, run);
    return number;
  }

  #arm(number: number, ms: number, run: () => void): void {
    const fired = (): void => {
      this.#timers.delete(number);
      if (this.#waiting.size > 0 || this.stoppedUntil > this.time.now()) this.#hold(number, run);
      else run();
    };
    this.#timers.set(number, this.time.setTimeout(fired, ms));
  }

  #hold(number: number, run: () => void): void {
    if (this.#waiting.size === 0) this.time.setTimeout(() => this.#goOn(), this.stoppedUntil - this.time.now());
    this.#waiting.set(number, run);
  }

  /** One thing after the other; what comes due meanwhile is held too. It may have been stopped for longer since. */
  #goOn(): void {
    const left = this.stoppedUntil - this.time.now();
    const first = left > 0 ? undefined : this.#waiting.entries().next().value;
    if (first) {
      this.#waiting.delete(first[0]);
      first[1]();
    }
    if (this.#waiting.size > 0) this.time.setTimeout(() => this.#goOn(), left);
  }

  /** Resolves after `ms`; never once the process is over. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  end(): void {
    this.isAlive = false;
    for (const timer of this.#timers.values()) this.time.clearTimeout(timer);
    this.#timers.clear();
    this.#waiting.clear();
  }

  #cancel(number: number): void {
    const timer = this.#timers.get(number);
    if (timer !== undefined) this.time.clearTimeout(timer);
    this.#timers.delete(number);
    this.#waiting.delete(number);
  }
}
