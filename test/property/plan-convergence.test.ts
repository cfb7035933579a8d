/**
 * From anything that a host may have to anything that may be wanted: one round gets there, the next writes nothing, and what is foreign is as
 * it was.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Change } from '../../reconciler/contracts/driver.ts';
import { idOf, type Resource } from '../../reconciler/kinds/index.ts';
import { changesOf } from '../../reconciler/plan/plan.ts';
import { assertConverged, assertForeignUntouched } from '../helpers/converged.ts';
import { host, INSTANCE, overlay, sortedText } from '../helpers/hosts.ts';
import { ModelDriver, populate } from '../helpers/model-driver.ts';
import { Crash, ModelKernel } from '../helpers/model-kernel.ts';
import { holds } from '../helpers/property.ts';
import { isEmptyPlan, planOf, type RoundOptions, runRound } from '../helpers/run-round.ts';
import { type Overlay, wantsOf } from '../helpers/wants.ts';

function start(resources: Resource[], wanted: Overlay): { kernel: ModelKernel; options: RoundOptions } {
  const kernel = new ModelKernel();
  populate(kernel, resources);
  const options = { driver: new ModelDriver(kernel), instance: INSTANCE, desired: wantsOf(wanted) };
  return { kernel, options };
}

const cases = fc.record({ resources: host, wanted: overlay, nexthopObjects: fc.constantFrom(true, true, false) });

test('one round converges, touches nothing foreign, and the next writes nothing', async (t) => {
  await holds(
    t,
    cases,
    async ({ resources, wanted, nexthopObjects }) => {
      const { kernel, options } = start(resources, wanted);
      const before = kernel.all();

      const { outcomes } = await runRound({ ...options, nexthopObjects });
      for (const { change, result, failure } of outcomes)
        assert.ok(result === 'done' || result === 'noop', `${change.op} ${change.id}: ${result} ${failure?.message}`);
      const judged = { ...options, before, after: kernel.all() };
      assertForeignUntouched(judged);
      assertConverged(judged);

      const { writes } = kernel;
      const again = await runRound({ ...options, nexthopObjects });
      assert.deepEqual(changesOf(again.plan), []);
      assert.equal(kernel.writes, writes);
    },
    1000,
  );
});

test('a plan carried out as it is, without a second look after a device was made or changed, gets there too', async (t) => {
  await holds(t, cases, async ({ resources, wanted }) => {
    const { kernel, options } = start(resources, wanted);
    const before = kernel.all();
    const { outcomes } = await runRound({ ...options, lookAgain: false });
    for (const { change, result, failure } of outcomes)
      assert.ok(result === 'done' || result === 'noop', `${change.op} ${change.id}: ${result} ${failure?.message}`);
    const judged = { ...options, before, after: kernel.all() };
    assertForeignUntouched(judged);
    assertConverged(judged);
    assert.ok(isEmptyPlan(await planOf(options)));
  });
});

test('what a report says before a repair is what the repair does', async (t) => {
  await holds(t, cases, async ({ resources, wanted }) => {
    const { options } = start(resources, wanted);
    const drift = changesOf(await planOf(options)).map((change) => `${change.op} ${change.id}`);
    const { outcomes } = await runRound(options);
    const said = new Set(drift);
    for (const { change } of outcomes)
      assert.ok(said.has(`${change.op} ${change.id}`), `unannounced: ${change.op} ${change.id}`);
    assert.ok(isEmptyPlan(await planOf(options)));
  });
});

test('the order of the changes of a step does not matter', async (t) => {
  await holds(t, fc.tuple(cases, fc.infiniteStream(fc.nat())), async ([{ resources, wanted }, numbers]) => {
    const [plain, shuffled] = [start(resources, wanted), start(resources, wanted)];
    const shuffle = (changes: Change[]): Change[] => {
      const ranks = new Map(changes.map((change) => [change, numbers.next().value]));
      return changes.toSorted((a, b) => ranks.get(a)! - ranks.get(b)!);
    };
    await runRound(plain.options);
    await runRound({ ...shuffled.options, shuffle });
    // Only a MAC that the kernel draws may differ.
    const text = (kernel: ModelKernel): string[] => sortedText(kernel.all());
    assert.deepEqual(text(shuffled.kernel), text(plain.kernel));
  });
});

test('killed after any write, a fresh start heals', async (t) => {
  await holds(
    t,
    fc.tuple(cases, fc.double({ min: 0, max: 1, noNaN: true })),
    async ([{ resources, wanted }, where]) => {
      const rehearsal = start(resources, wanted);
      const already = rehearsal.kernel.writes;
      await runRound(rehearsal.options);
      const writes = rehearsal.kernel.writes - already;

      const { kernel, options } = start(resources, wanted);
      const before = kernel.all();
      kernel.crashAfter = already + Math.floor(where * writes);
      if (writes > 0 && where < 1) await assert.rejects(runRound(options), Crash);
      kernel.crashAfter = Infinity;

      const { outcomes } = await runRound(options);
      // Two routes of one slot that differ in nothing a delete can name, left by a crash between: the read-back tells, and it takes a round more.
      if (outcomes.some(({ failure }) => failure?.code === 'MISMATCH')) await runRound(options);
      const judged = { ...options, before, after: kernel.all() };
      assertConverged(judged);
      assertForeignUntouched(judged);
      assert.ok(isEmptyPlan(await planOf(options)));
    },
    600,
  );
});

test('without complete knowledge nothing is deleted', async (t) => {
  const ignorance = fc.constantFrom('desired', 'listing');
  await holds(t, fc.tuple(cases, ignorance, fc.infiniteStream(fc.boolean())), async ([given, what, hidden]) => {
    const { kernel, options } = start(given.resources, given.wanted);
    const driver = options.driver as ModelDriver;
    const before = kernel.all();
    if (what === 'listing') {
      const left = new Map(before.map((have) => [idOf(have), hidden.next().value]));
      driver.hides = (have) => left.get(idOf(have)) === true;
    }
    const { outcomes } = await runRound({ ...options, desiredComplete: what !== 'desired' });

    for (const { change } of outcomes) {
      assert.notEqual(change.op, 'delete');
      assert.ok(change.op !== 'update' || !change.recreate, `recreated: ${change.id}`);
    }
    const after = kernel.all();
    const there = new Set(after.map(idOf));
    const flushed = new Set(outcomes.map(({ change }) => (change.op === 'update' ? change.id : '')));
    for (const have of before) {
      if (have.kind === 'neighbour' && flushed.has(`link ${have.dev}`)) continue; // its device got another MAC
      assert.ok(there.has(idOf(have)), `gone: ${idOf(have)}`);
    }
    assertForeignUntouched({ ...options, before, after });
  });
});
