/**
 * Whatever single change fails or lies, its round says so, holds up what stands on it and nothing else, takes away nothing that is still
 * used, and the next round heals.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Change, Outcome } from '../../reconciler/contracts/driver.ts';
import type { Failure } from '../../reconciler/contracts/failure.ts';
import { splitId } from '../../reconciler/kinds/index.ts';
import { changesOf } from '../../reconciler/plan/plan.ts';
import { Retry } from '../../reconciler/plan/retry.ts';
import { assertConverged, assertForeignUntouched } from '../helpers/converged.ts';
import { BASE, host, INSTANCE, overlay } from '../helpers/hosts.ts';
import { ModelDriver, populate } from '../helpers/model-driver.ts';
import { ModelKernel } from '../helpers/model-kernel.ts';
import { holds } from '../helpers/property.ts';
import { planOf, runRound } from '../helpers/run-round.ts';
import { overlayOf, peersOf, wantsOf } from '../helpers/wants.ts';

const BUSY: Failure = { kind: 'transient', code: 'EBUSY', message: 'The kernel was busy.' };
const cases = fc.record({
  resources: host,
  wanted: overlay,
  pick: fc.nat(),
  fault: fc.constantFrom<(Failure | 'lie')[]>(BUSY, 'lie'),
});

test('one fault costs one round, and the report of that round shows it', async (t) => {
  await holds(
    t,
    cases,
    async ({ resources, wanted, pick, fault }) => {
      const kernel = new ModelKernel();
      populate(kernel, resources);
      const driver = new ModelDriver(kernel);
      const options = { driver, instance: INSTANCE, desired: wantsOf(wanted) };
      const before = kernel.all();
      const planned = triedForSure(changesOf(await planOf(options)));
      fc.pre(planned.length > 0);
      const victim = planned[pick % planned.length]!;

      driver.faults.set(victim.id, fault);
      const { outcomes } = await runRound(options);
      assert.equal(driver.faults.size, 0, 'the fault was met');
      const bad = outcomes.filter(({ result }) => result === 'failed' || result === 'blocked');
      assert.ok(
        bad.length > 0 || isMoot(victim, outcomes),
        `nothing shows that ${victim.op} ${victim.id} did not happen`,
      );
      assertForeignUntouched({ ...options, before, after: kernel.all() });

      await runRound(options);
      await runRound(options); // two routes in one slot can take one more
      const judged = { ...options, before, after: kernel.all() };
      assertConverged(judged);
      assertForeignUntouched(judged);
      assert.deepEqual(changesOf(await planOf(options)), []);
    },
    600,
  );
});

/** A device that is made anew or gets another MAC may take along what was to be deleted: then nobody tries. */
function triedForSure(changes: Change[]): Change[] {
  const linkChanges = changes.some(({ op, id }) => op !== 'delete' && splitId(id).kind === 'link');
  return linkChanges ? changes.filter(({ op }) => op !== 'delete') : changes;
}

/** A delete that went along with a device or a nexthop object, or the other of two changes of one id. */
function isMoot(victim: Change, outcomes: Outcome[]): boolean {
  return victim.op === 'delete' && outcomes.some(({ change }) => change.op === 'delete' && change !== victim);
}

const network = wantsOf(overlayOf({ instance: INSTANCE, peers: peersOf(4) }));

test('a failure waits its turn and blocks only its own: the others are made, and it is made when its time has come', async (t) => {
  const ids = [...network.keys()].filter((id) => splitId(id).kind !== 'nexthop');
  await holds(t, fc.constantFrom(...ids), async (id) => {
    const kernel = new ModelKernel();
    populate(kernel, BASE);
    const driver = new ModelDriver(kernel);
    const options = { driver, instance: INSTANCE, desired: network };
    const retry = new Retry();
    driver.faults.set(id, BUSY);
    const first = await runRound({ ...options, retry: retry.view(0) });
    retry.record(first.outcomes, 0, () => 0.5);

    const bad = first.outcomes.filter(({ result }) => result !== 'done');
    assert.deepEqual(
      first.outcomes.filter(({ result }) => result === 'failed').map(({ change }) => change.id),
      [id],
    );
    // Under a device stands everything but the file.
    assert.equal(bad.length, splitId(id).kind === 'link' ? network.size - 1 : 1);

    const waiting = await planOf({ ...options, retry: retry.view(1) });
    assert.deepEqual(
      waiting.held.map(({ kind: of, key, why }) => [`${of} ${key}`, why]),
      [[id, 'backing off']],
    );
    const due = retry.nextDue()!;
    assert.deepEqual(retry.takeDue(due), [id]);
    const second = await runRound({ ...options, retry: retry.view(due) });
    retry.record(second.outcomes, due, () => 0.5);
    assert.deepEqual(changesOf(await planOf({ ...options, retry: retry.view(due) })), []);
    assert.equal(retry.nextDue(), undefined);
  });
});

test('a route does not wait for a nexthop object that was refused', async () => {
  const kernel = new ModelKernel();
  populate(kernel, BASE);
  const driver = new ModelDriver(kernel);
  const options = { driver, instance: INSTANCE, desired: network };
  const retry = new Retry();
  driver.faults.set('nexthop 168100352', { ...BUSY, kind: 'invalid' });
  const first = await runRound({ ...options, retry: retry.view(0) });
  retry.record(first.outcomes, 0, () => 0.5);
  assert.deepEqual(
    first.outcomes.filter(({ result }) => result !== 'done').map(({ change, result }) => [change.id, result]),
    [
      ['nexthop 168100352', 'failed'],
      ['route 254|10.5.2.0/24|0|0', 'blocked'],
    ],
  );
  await runRound({ ...options, retry: retry.view(1) });
  const route = kernel.all().find((have) => have.kind === 'route' && have.dst === '10.5.2.0/24');
  assert.ok(route?.kind === 'route' && route.nexthopId === 0 && route.gateway === '10.5.2.0');
  assert.deepEqual(changesOf(await planOf({ ...options, retry: retry.view(2) })), []);
});
