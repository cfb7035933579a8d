import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { everything } from '../../../reconciler/contracts/scope.ts';
import { Rig } from '../../helpers/fake-services.ts';

const connected = (inner: string): object => ({ connected: inner });

describe('the store', () => {
  it('is listed, then watched', async () => {
    const rig = new Rig().start();
    assert.equal(rig.state.store, 'connecting');
    assert.ok(!rig.services.asked.includes('watch store'));
    await rig.answer('connect', { revision: 1 });
    assert.deepEqual(rig.state.store, connected('watching'));
    assert.ok(rig.services.asked.includes('watch store'));
  });

  it('waits for a config, and follows it from missing to invalid to good and back', async () => {
    const rig = new Rig();
    const { services } = rig;
    services.config = 'missing';
    services.wantsLease = false;
    rig.start();
    await rig.answer('connect', { revision: 1 });
    assert.deepEqual(rig.state.store, connected('awaitingConfig'));
    assert.equal(rig.state.lease, 'none');
    for (const [config, state] of [
      ['invalid', 'invalid'],
      ['good', 'watching'],
      ['missing', 'awaitingConfig'],
      ['good', 'watching'],
    ] as const) {
      services.config = config;
      services.send.store?.({ type: 'STORE_CONFIG' });
      await rig.time.settle();
      assert.deepEqual(rig.state.store, connected(state));
    }
    // The watch is one and the same all the time.
    assert.equal(services.asked.filter((asked) => asked === 'watch store').length, 1);
    assert.ok(!services.asked.includes('stop store'));
  });

  it('is connected to again after it ended, from a new listing', async () => {
    const rig = await new Rig().startHeld();
    rig.services.send.store?.({ type: 'STORE_ENDED', reason: 'compacted', message: 'compacted' });
    await rig.time.settle();
    assert.equal(rig.state.store, 'stale');
    assert.deepEqual(rig.services.storeEnds, ['compacted']);
    assert.ok(rig.services.asked.includes('stop store'));
    await rig.time.advance(300);
    assert.equal(rig.state.store, 'connecting');
    await rig.answer('connect', { revision: 9 });
    assert.deepEqual(rig.state.store, connected('watching'));
  });

  it('is tried less and less often, and often again once it was heard', async () => {
    const rig = new Rig().start();
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      await rig.fail('connect');
      assert.equal(rig.state.store, 'stale');
      waits.push(rig.time.next!);
      await rig.time.advance(rig.time.next!);
    }
    assert.deepEqual(waits, [300, 600, 1200, 2400, 4800, 9600, 10_000, 10_000]);

    await rig.answer('connect', { revision: 1 });
    rig.services.send.store?.({ type: 'STORE_HEARD' });
    rig.services.send.store?.({ type: 'STORE_ENDED', reason: 'noLeader', message: 'no leader' });
    await rig.time.settle();
    assert.equal(rig.state.store, 'stale');
    await rig.time.advance(300);
    assert.equal(rig.state.store, 'connecting');
  });

  it('that can be listed but not watched is listed less and less often', async () => {
    const rig = new Rig();
    rig.services.wantsLease = false;
    rig.start();
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      await rig.answer('connect', { revision: 1 });
      rig.services.send.store?.({ type: 'STORE_ENDED', reason: 'denied', message: 'denied' });
      await rig.time.settle();
      waits.push(rig.time.next!);
      await rig.time.advance(rig.time.next!);
    }
    assert.deepEqual(waits, [300, 600, 1200, 2400, 4800, 9600, 10_000]);
  });

  it('that goes away leaves lease and work as they are', async () => {
    const rig = await new Rig().startHeld();
    rig.services.send.store?.({ type: 'STORE_ENDED', reason: 'unavailable', message: 'cut' });
    rig.send({
      type: 'EDGE',
      scope: everything(),
    });
    await rig.time.settle();
    assert.deepEqual(rig.state, { store: 'stale', lease: 'held', work: 'reading' });
    await rig.finishRound();
    assert.deepEqual(rig.state, { store: 'stale', lease: 'held', work: 'idle' });
  });
});
