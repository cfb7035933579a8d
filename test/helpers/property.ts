/** Owns how the plan's properties are run: the seed is always printed, and `SEED=… RUNS=…` run them again or longer. */
import type { TestContext } from 'node:test';
import fc from 'fast-check';

export async function holds<T>(
  t: TestContext,
  arbitrary: fc.Arbitrary<T>,
  predicate: (value: T) => Promise<void>,
  runs = 300,
): Promise<void> {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed ${seed}`);
  const numRuns = Number(process.env.RUNS ?? runs);
  await fc.assert(fc.asyncProperty(arbitrary, predicate), { seed, numRuns, includeErrorInReport: true });
}
