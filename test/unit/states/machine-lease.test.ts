import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AgentEvent } from '../../../states/events.ts';
import { Rig } from '../../helpers/fake-services.ts';

const DAY = 24 * 3600 * 1000;

async function send(rig: Rig, ...events: AgentEvent['type'][]): Promise<void> {
  for (const type of events) rig.send({ type } as AgentEvent);
  await rig.time.settle();
}
const acquires = (rig: Rig): number => rig.services.asked.filter((asked) => asked === 'acquire').length;

async function connected(rig: Rig): Promise<Rig> {
  rig.start();
  await rig.answer('connect', { revision: 1 });
  assert.equal(rig.state.lease, 'acquiring');
  return rig;
}

describe('the lease', () => {
  it('is taken as soon as there is a config that can be run', async () => {
    const rig = new Rig();
    rig.services.wantsLease = false;
    rig.start();
    await rig.answer('connect', { revision: 1 });
    assert.equal(rig.state.lease, 'none');
    rig.services.wantsLease = true;
    await send(rig, 'STORE_CONFIG');
    assert.equal(rig.state.lease, 'acquiring');
    await rig.answer('acquire', 'held');
    assert.equal(rig.state.lease, 'held');
    assert.equal(acquires(rig), 1);
  });

  it('is renewed when it is due, again and again', async () => {
    const rig = await new Rig().startHeld();
    for (let i = 0; i < 3; i++) {
      rig.services.renewDelay = 0;
      await rig.time.advance(1000);
      assert.equal(rig.state.lease, 'renewing');
      rig.services.renewDelay = 1000;
      await rig.answer('renew', 'renewed');
      assert.equal(rig.state.lease, 'held');
    }
  });

  it('that is permanent is never renewed', async () => {
    const rig = new Rig();
    rig.services.renewDelay = undefined;
    await rig.startHeld();
    await rig.time.advance(365 * DAY);
    assert.equal(rig.state.lease, 'held');
    assert.ok(!rig.services.asked.includes('renew'));
    assert.ok(rig.time.fired < 50, `${rig.time.fired} timers`);
  });

  it('with a term of more than the longest timer is waited for without spinning', async () => {
    const rig = new Rig();
    const due = rig.time.now() + 100 * DAY;
    rig.services.renewDelayMs = () => Math.max(0, due - rig.time.now());
    await rig.startHeld();
    await rig.time.advance(99 * DAY);
    assert.ok(!rig.services.asked.includes('renew'));
    assert.ok(rig.time.fired < 20, `${rig.time.fired} timers`);
    await rig.time.advance(DAY);
    assert.equal(rig.state.lease, 'renewing');
  });

  it('whose renewal fails is renewed until that works', async () => {
    const rig = await new Rig().startHeld();
    rig.services.renewDelay = 0;
    await rig.time.advance(1000);
    for (let i = 0; i < 5; i++) {
      await rig.fail('renew');
      assert.equal(rig.state.lease, 'renewalFailed');
      await rig.time.advance(30_000);
      assert.equal(rig.state.lease, 'renewing');
    }
    rig.services.renewDelay = 1000;
    await rig.answer('renew', 'renewed');
    assert.equal(rig.state.lease, 'held');
    assert.equal(rig.context.failures.lease, 0);
    assert.equal(acquires(rig), 1);
  });

  it('that a renewal finds lost is taken again', async () => {
    const rig = await new Rig().startHeld();
    rig.services.renewDelay = 0;
    await rig.time.advance(1000);
    await rig.answer('renew', 'lost');
    assert.equal(rig.state.lease, 'acquiring');
    assert.deepEqual(rig.services.states.lease.slice(-2), ['lost', 'acquiring']);
  });

  for (const [state, next] of [
    ['gone', 'lost'],
    ['changed', 'acquiring'],
  ] as const) {
    it(`that is ${state} is taken again`, async () => {
      const rig = await new Rig().startHeld();
      rig.services.lease = state;
      await send(rig, 'OWN_LEASE');
      assert.equal(rig.state.lease, 'acquiring');
      assert.equal(rig.services.states.lease.at(next === 'lost' ? -2 : -1), next);
      rig.services.lease = 'same';
      await rig.answer('acquire', 'held');
      assert.equal(rig.state.lease, 'held');
    });

    it(`that becomes ${state} while it is being taken is not missed`, async () => {
      const rig = await connected(new Rig());
      rig.services.lease = state;
      await send(rig, 'OWN_LEASE');
      assert.equal(acquires(rig), 1);
      await rig.answer('acquire', 'held');
      assert.equal(rig.state.lease, 'acquiring');
      assert.equal(acquires(rig), 2);
    });

    it(`that becomes ${state} while it is being renewed is not missed`, async () => {
      const rig = await new Rig().startHeld();
      rig.services.renewDelay = 0;
      await rig.time.advance(1000);
      rig.services.lease = state;
      await send(rig, 'OWN_LEASE');
      rig.services.renewDelay = 1000;
      await rig.answer('renew', 'renewed');
      assert.equal(rig.state.lease, 'acquiring');
    });
  }

  it('that is gone when its renewal has failed is taken again without waiting', async () => {
    const rig = await new Rig().startHeld();
    rig.services.renewDelay = 0;
    await rig.time.advance(1000);
    rig.services.lease = 'gone';
    await rig.fail('renew');
    assert.equal(rig.state.lease, 'acquiring');
  });

  for (const type of ['STORE_CONFIG', 'HOST_CHANGED'] as const) {
    it(`${type} has it looked at again from every state, and never twice at once`, async () => {
      const rig = await connected(new Rig());
      await send(rig, type, type);
      assert.equal(acquires(rig), 1, 'one at a time');
      await rig.answer('acquire', 'held');
      assert.equal(rig.state.lease, 'acquiring', 'from acquiring');
      await rig.answer('acquire', 'held');
      assert.equal(rig.state.lease, 'held');

      await send(rig, type);
      assert.equal(rig.state.lease, 'acquiring', 'from held');
      await rig.answer('acquire', 'held');

      rig.services.renewDelay = 0;
      await rig.time.advance(1000);
      await send(rig, type);
      assert.equal(rig.state.lease, 'renewing');
      rig.services.renewDelay = 1000;
      await rig.answer('renew', 'renewed');
      assert.equal(rig.state.lease, 'acquiring', 'from renewing');
      await rig.answer('acquire', 'held');

      rig.services.renewDelay = 0;
      await rig.time.advance(1000);
      await rig.fail('renew');
      assert.equal(rig.state.lease, 'renewalFailed');
      await send(rig, type);
      assert.equal(rig.state.lease, 'acquiring', 'from renewalFailed');
      rig.services.renewDelay = 1000;

      for (const result of ['outOfSubnets', 'waiting'] as const) {
        await rig.answer('acquire', result);
        assert.equal(rig.state.lease, result);
        await send(rig, type);
        assert.equal(rig.state.lease, 'acquiring', `from ${result}`);
      }
      await rig.fail('acquire');
      assert.equal(rig.state.lease, 'retrying');
      await send(rig, type);
      assert.equal(rig.state.lease, 'acquiring', 'from retrying');
    });
  }

  for (const type of ['LEASE_FREED', 'STORE_CONFIG', 'OWN_LEASE', 'HOST_CHANGED'] as const) {
    it(`out of subnets: ${type} wakes it, also while it is still looking`, async () => {
      const rig = await connected(new Rig());
      await rig.answer('acquire', 'outOfSubnets');
      assert.equal(rig.state.lease, 'outOfSubnets');
      assert.ok(rig.time.next! > DAY, 'it does not poll');
      await send(rig, type);
      assert.equal(rig.state.lease, 'acquiring');
      await send(rig, type);
      await rig.answer('acquire', 'outOfSubnets');
      assert.equal(rig.state.lease, 'acquiring');
      await rig.answer('acquire', 'outOfSubnets');
      assert.equal(rig.state.lease, 'outOfSubnets');
    });
  }

  it('that is held is not looked at again for leases of others', async () => {
    const rig = await connected(new Rig());
    await send(rig, 'LEASE_FREED', 'OWN_LEASE');
    await rig.answer('acquire', 'held');
    await send(rig, 'LEASE_FREED');
    assert.equal(rig.state.lease, 'held');
    assert.equal(acquires(rig), 1);
  });

  it('that nobody holds for this host is waited for (--lease adopt)', async () => {
    const rig = await connected(new Rig());
    await rig.answer('acquire', 'waiting');
    await rig.time.advance(DAY);
    assert.equal(rig.state.lease, 'waiting');
    await send(rig, 'LEASE_FREED');
    assert.equal(rig.state.lease, 'waiting');
    await send(rig, 'OWN_LEASE');
    assert.equal(rig.state.lease, 'acquiring');
  });

  it('that can not be taken is tried less and less often', async () => {
    const rig = await connected(new Rig());
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      await rig.fail('acquire');
      waits.push(rig.time.next!);
      await rig.time.advance(rig.time.next!);
    }
    assert.deepEqual(waits, [300, 600, 1200, 2400, 4800, 9600, 19_200, 30_000, 30_000]);
    await rig.answer('acquire', 'held');
    assert.equal(rig.context.failures.lease, 0);
  });

  it('is not begun twice when the machine stops in between', async () => {
    const rig = await connected(new Rig());
    const question = rig.services.open.find(({ name }) => name === 'acquire');
    await send(rig, 'STOP');
    rig.stop();
    assert.ok(question?.signal?.aborted, 'told to give up');
  });
});
