/**
 * Owns the watches of all drivers as one: what they see is emitted, and what happened before a watch stood is looked for.
 *
 * - A watch that can't be begun is tried again, ever more rarely; one that goes deaf later does that itself (driver.ts).
 * - While one is deaf that is held, and the host is not converged: what others change is found by the level pass only.
 */
import type { Driver, Interest } from '../reconciler/contracts/driver.ts';
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import { everything, type Scope } from '../reconciler/contracts/scope.ts';
import type { Clock } from './deps.ts';
import { asSentence } from './sentence.ts';

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;

type Emit = (scope: Scope) => void;

export class DriverWatches {
  readonly #drivers: readonly Driver[];
  readonly #clock: Clock;
  /** Drivers that are deaf: why, and what is done about it. */
  readonly #deaf = new Map<Driver, string>();

  constructor(drivers: readonly Driver[], clock: Clock) {
    this.#drivers = drivers;
    this.#clock = clock;
  }

  get held(): HeldEntry[] {
    return [...this.#deaf].map(([{ kinds }, why]) => {
      const detail = `What others change on this host (${kinds.join(', ')}) is not heard, and only found by the full pass of --resync: ${why}`;
      return { kind: kinds[0]!, key: '*', why: 'not watched', detail, unmet: true };
    });
  }

  /** Returns what stops them, also those that are just being started. */
  start(emit: Emit, interest: () => Interest): () => void {
    const stop = new AbortController();
    for (const driver of this.#drivers) void this.#watch(driver, emit, interest, stop.signal);
    return () => stop.abort();
  }

  async #watch(driver: Driver, emit: Emit, interest: () => Interest, stop: AbortSignal): Promise<void> {
    const trouble = (problem: string | undefined): void => {
      if (!stop.aborted) this.#note(driver, problem && `${asSentence(problem)} It is tried again.`, emit);
    };
    for (let wait = FIRST_RETRY_MS; !stop.aborted; wait = Math.min(LONGEST_RETRY_MS, 2 * wait)) {
      try {
        const end = await driver.watch(emit, interest, trouble);
        const quietly = (): void => void end().catch(() => {});
        if (stop.aborted) return quietly();
        stop.addEventListener('abort', quietly, { once: true });
        this.#deaf.delete(driver);
        // What happened before the watch stood is nobody's event.
        return emit(everything());
      } catch (error) {
        if (stop.aborted) return;
        const why = error instanceof Error ? error.message : String(error);
        this.#note(driver, `${asSentence(why)} It is tried again in ${wait / 1000} s.`, emit);
        await this.#clock.sleep(wait, stop).catch(() => {});
      }
    }
  }

  /** A round makes the report that says it. */
  #note(driver: Driver, why: string | undefined, emit: Emit): void {
    const isNews = (why === undefined) === this.#deaf.has(driver);
    if (why === undefined) this.#deaf.delete(driver);
    else this.#deaf.set(driver, why);
    if (isNews) emit(everything());
  }
}
