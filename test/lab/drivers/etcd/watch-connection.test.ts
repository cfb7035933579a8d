/** Connections of watches to a real etcd: none is made for a watch that has ended, and none stays. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { openEtcdV3 } from '../../../../drivers/etcd/source.ts';
import { type Etcd, startEtcd } from '../../../helpers/etcd.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { TcpProxy } from './proxy.ts';

describe('a watch that ends before its connection is there', () => {
  let etcd: Etcd;
  before(async () => {
    etcd = await startEtcd();
  });
  after(() => etcd?.destroy());

  async function open(t: TestContext, tuning = {}) {
    const proxy = await TcpProxy.inFrontOf(Number(new URL(etcd.endpoint).port));
    const source = openEtcdV3({ endpoints: [proxy.endpoint], prefix: '/n', tuning });
    t.after(async () => {
      await source.close();
      await proxy.close();
    });
    return { proxy, source };
  }

  it('because it took too long: what it had begun to open is not kept', async (t) => {
    // The first test: loading etcd3 takes longer than a millisecond.
    const { proxy, source } = await open(t, { deadlineMs: 1, snapshotDeadlineMs: 30_000 });
    const ended = new Promise<void>((resolve) => {
      source.watch(1, (event) => event.type === 'ended' && resolve());
    });
    await ended;
    await source.snapshot();
    assert.equal(proxy.open, 1);
    source.reconnect?.();
    await eventually(() => proxy.open === 0, { what: 'the connection to be closed', timeout: 30_000 });
  });

  it('because the way there has changed: what it had begun to open is not kept', async (t) => {
    const { proxy, source } = await open(t);
    const reasons: string[] = [];
    source.watch(1, (event) => event.type === 'ended' && reasons.push(event.reason));
    source.reconnect?.();
    assert.deepEqual(reasons, ['unavailable']);
    await source.snapshot();
    assert.equal(proxy.open, 1);
    source.reconnect?.();
    await eventually(() => proxy.open === 0, { what: 'the connection to be closed', timeout: 30_000 });
  });

  it('because nobody wants it any more: none is made', async (t) => {
    const { proxy, source } = await open(t);
    source.watch(1, () => assert.fail('a stopped watch said something'))();
    const other = openEtcdV3({ endpoints: [etcd.endpoint], prefix: '/n' });
    t.after(() => other.close());
    for (let n = 0; n < 5; n++) await other.snapshot();
    assert.equal(proxy.taken, 0);
  });
});
