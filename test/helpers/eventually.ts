/** Owns waiting for something that will be so: polls until it is, and says what it waited for if it never is. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** For the message: "host 2 to have a route to 10.5.34.0/24". */
  what: string;
  /** Milliseconds, default 60,000: generous, for a loaded machine; nothing is measured by it. */
  timeout?: number;
  /** Milliseconds between tries, always the same. By default 20 at first, and then longer: most checks start a process. */
  interval?: number;
}

const FIRST_MS = 20;
const LONGEST_MS = 250;
const GROWTH = 1.25;

/**
 * Resolves with the first truthy value of `check`; a check that throws (an assertion) is tried again. Give assert.ok a message in there: else
 * Node looks for the words of it in the source, which takes it for ever in what tsx has put on one line.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { what, timeout = 60_000, interval }: EventuallyOptions,
): Promise<NonNullable<T>> {
  let pause = interval ?? FIRST_MS;
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
    await sleep(pause);
    if (interval === undefined) pause = Math.min(pause * GROWTH, LONGEST_MS);
  }
}
