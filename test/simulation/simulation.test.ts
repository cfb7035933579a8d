/** Whole fleets under whatever faults 200 seeds bring: no invariant is ever violated. More of them: npm run simulate. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureText } from './failure.ts';
import { scheduleOf } from './schedule.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';

const SEEDS = 200;
const PART = 25;
/** For shrinking, so that the file ends in time, ms. */
const SHRINK_MS = 20_000;

for (let first = 1; first <= SEEDS; first += PART) {
  test(`seeds ${first} to ${first + PART - 1}`, async () => {
    for (let seed = first; seed < first + PART; seed++) {
      const result = await simulate(scheduleOf(seed));
      if (result.violation) assert.fail(failureText(seed, await shrink(result, Date.now() + SHRINK_MS)));
    }
  });
}
