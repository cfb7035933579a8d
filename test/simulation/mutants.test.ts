/** The simulation can fail: each of these faults, put into the product, is found. Their texts are replaced in a bundle; the sources stay. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hunt } from './mutant-run.ts';
import { MUTANTS } from './mutants.ts';

/** Of CPU, for one mutant: nearly all are found in two. */
const SECONDS = 20;

for (const mutant of MUTANTS) {
  test(`found: ${mutant.name}`, async (t) => {
    const { seed, invariant, text } = await hunt(mutant, SECONDS);
    assert.ok(invariant, 'no seed shows it');
    assert.ok(mutant.finds.includes(invariant), `found by ${invariant}: ${text}`);
    t.diagnostic(`seed ${seed}: ${invariant}: ${text}`);
  });
}
