/** Owns waiting for something that will be so: polls until it is, and says what it waited for if it never is. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** For the message: "host 2 to have a route to 10.5.34.0/24". */
  what: string;
  /** Milliseconds, default 60,000: generous, for a loaded machine; nothing is measured by it. */
  timeout?: number;
  /** Milliseconds between tries, default 20. */
  interval?: number;
}

/**
 * Resolves with the first truthy value of `check`; a check that throws (an assertion) is tried again. Give assert.ok a message in there: else
 * Node looks for the words of it in the source, which takes it for ever in what tsx has put on one line.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { what, timeout = 60_000, interval = 20 }: EventuallyOptions,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeout;
  for (;;) {
    let last: unknown;
    try {
      const value = await check();
      if (value) return value;
      last = `the last answer was ${JSON.stringify(value)}`;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const why = last instanceof Error ? last.message : last;
      throw new Error(`waited ${timeout / 1000} s for ${what}: ${why}`, { cause: last });
    }
    await sleep(interval);
  }
}
