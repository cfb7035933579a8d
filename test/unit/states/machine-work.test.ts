import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { everything, type Scope, scopeOf } from '../../../reconciler/contracts/scope.ts';
import { Rig } from '../../helpers/fake-services.ts';

const scope = (id: string): Scope => scopeOf({ ids: [`route ${id}`] });

async function edge(rig: Rig, what: Scope): Promise<void> {
  rig.send({ type: 'EDGE', scope: what });
  await rig.time.settle();
}
const ids = (of: Scope | undefined): string[] => [...(of?.ids ?? [])];

/** Brings a rig whose host has nothing to do into `state`. */
const INTO: Record<string, (rig: Rig) => Promise<void>> = {
  reading: (rig) => edge(rig, scope('first')),
  planning: async (rig) => {
    await INTO.reading!(rig);
    await rig.answer('read');
  },
  applying: async (rig) => {
    await INTO.planning!(rig);
    await rig.answer('plan', { changes: 1 });
  },
  verifying: async (rig) => {
    await INTO.applying!(rig);
    await rig.answer('apply');
  },
  backingOff: async (rig) => {
    await INTO.reading!(rig);
    await rig.fail('read');
  },
};

describe('the work', () => {
  it('does nothing while nothing is dirty, and one round for an edge', async () => {
    const rig = await new Rig().startHeld();
    assert.equal(rig.state.work, 'idle');
    await edge(rig, scope('a'));
    assert.deepEqual(ids(rig.services.rounds[0]), ['route a']);
    await rig.finishRound();
    assert.equal(rig.state.work, 'idle');
    assert.equal(rig.services.rounds.length, 1);
  });

  it('skips applying when there is nothing to change', async () => {
    const rig = await new Rig().startHeld();
    await edge(rig, scope('a'));
    await rig.finishRound(0);
    assert.ok(!rig.services.asked.includes('apply'));
    assert.equal(rig.state.work, 'idle');
  });

  it('keeps edges from before there is anything desired', async () => {
    const rig = new Rig();
    rig.services.desired = false;
    rig.start();
    await edge(rig, scope('early'));
    assert.equal(rig.state.work, 'idle');
    await rig.answer('connect', { revision: 1 });
    rig.services.desired = true;
    await rig.answer('acquire', 'held');
    assert.equal(rig.state.work, 'reading');
    assert.deepEqual(ids(rig.services.rounds[0]), ['route early']);
  });

  for (const [state, bring] of Object.entries(INTO)) {
    it(`loses no edge while ${state}, and is not disturbed by it`, async () => {
      const rig = await new Rig().startHeld();
      await bring(rig);
      assert.equal(rig.state.work, state);
      await edge(rig, scope('second'));
      await edge(rig, scope('third'));
      assert.equal(rig.state.work, state, 'left for an edge');
      assert.equal(rig.services.open.length <= 1, true, 'one thing at a time');
      if (state === 'backingOff') await rig.time.advance(200);
      else await rig.finishRound();
      assert.equal(rig.state.work, 'reading');
      const [, next] = rig.services.rounds;
      if (state === 'backingOff') assert.ok(next?.all);
      else assert.deepEqual(ids(next), ['route second', 'route third']);
    });

    it(`stops from ${state}, with the change in hand finished`, async () => {
      const rig = await new Rig().startHeld();
      await bring(rig);
      rig.send({ type: 'STOP' });
      await rig.time.settle();
      if (state === 'backingOff') assert.equal(rig.state.work, 'stopping');
      else assert.equal(rig.state.work, state, 'left with its change in hand');
      if (state === 'reading') await rig.answer('read');
      if (state === 'planning') await rig.answer('plan', { changes: 3 });
      if (state === 'applying') await rig.answer('apply');
      if (state === 'applying' || state === 'verifying') await rig.answer('verify');
      assert.equal(rig.state.work, 'stopping');
      // Nothing was begun that had not been begun before.
      const begun = ['reading', 'planning'].includes(state) ? 0 : state === 'backingOff' ? 0 : 1;
      assert.equal(rig.services.asked.filter((asked) => asked === 'apply').length, begun);
      await edge(rig, everything());
      await rig.time.advance(100_000);
      assert.equal(rig.state.work, 'stopping');
    });

    it(`stops from ${state} when that fails, too`, async () => {
      if (state === 'backingOff') return;
      const rig = await new Rig().startHeld();
      await bring(rig);
      rig.send({ type: 'STOP' });
      await rig.fail(
        ({ reading: 'read', planning: 'plan', applying: 'apply', verifying: 'verify' } as const)[state as 'reading'],
      );
      assert.equal(rig.state.work, 'stopping');
    });
  }

  it('stops at once when it is idle', async () => {
    const rig = await new Rig().startHeld();
    rig.send({ type: 'STOP' });
    assert.equal(rig.state.work, 'stopping');
    rig.stop();
    assert.deepEqual(rig.services.asked.filter((asked) => asked.startsWith('stop ')).sort(), [
      'stop host',
      'stop schedule',
      'stop store',
    ]);
  });

  for (const [name, bring] of [
    ['read', INTO.reading],
    ['plan', INTO.planning],
    ['apply', INTO.applying],
    ['verify', INTO.verifying],
  ] as const) {
    it(`backs off when ${name} fails, and then looks at everything`, async () => {
      const rig = await new Rig().startHeld();
      await bring!(rig);
      await rig.fail(name, 'no such thing');
      assert.equal(rig.state.work, 'backingOff');
      assert.equal(rig.services.abandoned, 1);
      assert.deepEqual(rig.services.failures, ['work: no such thing']);
      await rig.time.advance(200);
      assert.ok(rig.services.rounds.at(-1)?.all);
      await rig.finishRound();
      assert.equal(rig.state.work, 'idle');
      assert.equal(rig.context.failures.work, 0);
      assert.equal(rig.error, undefined);
    });
  }

  it('backs off longer each time', async () => {
    const rig = new Rig();
    rig.services.renewDelay = undefined;
    await rig.startHeld();
    await edge(rig, scope('a'));
    const waits: number[] = [];
    for (let i = 0; i < 11; i++) {
      await rig.fail('read');
      waits.push(rig.time.next!);
      await rig.time.advance(rig.time.next!);
    }
    assert.deepEqual(waits, [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
  });

  it('tries again when a retry is due, and does not wake otherwise', async () => {
    const rig = await new Rig().startHeld();
    await edge(rig, scope('a'));
    rig.services.retryDelay = 700;
    rig.services.retriesDue = scope('a');
    await rig.finishRound();
    await rig.time.advance(699);
    assert.equal(rig.services.rounds.length, 1);
    await rig.time.advance(1);
    assert.deepEqual(ids(rig.services.rounds[1]), ['route a']);
    await rig.finishRound();
    const { fired } = rig.time;
    await rig.time.advance(3_600_000);
    assert.equal(rig.services.rounds.length, 2);
    assert.ok(rig.time.fired - fired < 5_000);
  });

  it('does not spin on a retry that is further away than the longest timer', async () => {
    const rig = await new Rig().startHeld();
    rig.services.retryDelay = 40 * 24 * 3600 * 1000;
    await edge(rig, scope('a'));
    await rig.finishRound();
    const { fired } = rig.time;
    rig.services.renewDelay = undefined;
    await rig.time.advance(1_000_000);
    assert.ok(rig.time.fired - fired < 2_000, `${rig.time.fired - fired} timers`);
  });
});
