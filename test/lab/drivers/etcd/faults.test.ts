/** What the etcd driver makes of each fault at each of its calls. Every fault is consumed, and a real etcd says what came of it. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { connect } from '../../../../drivers/etcd/client.ts';
import { etcdV3Source } from '../../../../drivers/etcd/source.ts';
import type { CreateResult, Source, StoreRecord } from '../../../../reconciler/contracts/source.ts';
import { startEtcd } from '../../../helpers/etcd.ts';
import { brief, Watching } from '../../contract/watching.ts';
import { EtcdV3Store } from './etcd-v3-store.ts';
import { COMPACTED, DEADLINE, Faults, NO_LEADER, NO_SPACE, UNAVAILABLE } from './faults.ts';

describe('faults between us and etcd v3', () => {
  let store: EtcdV3Store;
  let source: Source;
  let faults: Faults;
  let prefix: string;
  let key: string;
  let tests = 0;

  before(async () => {
    store = new EtcdV3Store(await startEtcd());
  });
  after(() => store?.destroy());
  beforeEach(() => {
    prefix = `/faults/${tests++}`;
    key = `${prefix}/subnets/10.5.1.0-24`;
    const options = { endpoints: [store.etcd.endpoint], prefix, tuning: { pageSize: 2 } };
    faults = new Faults(connect(options));
    source = etcdV3Source(faults.rpc, options);
  });
  afterEach(async () => {
    await source.close();
    faults.assertConsumed();
  });

  async function created(): Promise<StoreRecord> {
    const result: CreateResult = await source.leases.create(key, 'mine', 60);
    assert.equal(result.result, 'created');
    return (result as Extract<CreateResult, { result: 'created' }>).record;
  }

  const keysLeft = async () => (await source.snapshot()).leases.map((record) => record.value);
  const compact = async () => {
    await store.put('/elsewhere', 'x');
    const { header } = await store.client.kv.range({ key: Buffer.from('/elsewhere') });
    await store.client.kv.compact({ revision: header.revision });
  };

  for (const [name, text] of Object.entries({ UNAVAILABLE, DEADLINE, NO_LEADER })) {
    it(`${name}: a listing fails, and the next one works`, async () => {
      faults.refuse('txn', text);
      await assert.rejects(source.snapshot(), { kind: 'unavailable' });
      assert.deepEqual(await keysLeft(), []);
    });

    it(`${name} at the grant: nothing is taken`, async () => {
      const leases = await store.leaseIds();
      faults.refuse('leaseGrant', text);
      await assert.rejects(source.leases.create(key, 'mine', 60), { kind: 'unavailable' });
      assert.deepEqual(await store.leaseIds(), leases);
    });

    it(`${name} after the key was written: neither key nor lease stay, and the next try succeeds`, async () => {
      const leases = await store.leaseIds();
      faults.loseAnswer('txn', text);
      await assert.rejects(source.leases.create(key, 'mine', 60), { kind: 'unavailable' });
      assert.deepEqual(await keysLeft(), []);
      assert.deepEqual(await store.leaseIds(), leases);
      await created();
    });

    it(`${name} at a renewal, an update, a release: the record stays good`, async () => {
      const record = await created();
      faults.refuse('leaseKeepAlive', text);
      await assert.rejects(source.leases.renew(record), { kind: 'unavailable' });
      faults.refuse('range', text);
      await assert.rejects(source.leases.renew(record), { kind: 'unavailable' });
      faults.refuse('txn', text);
      await assert.rejects(source.leases.update(record, 'new'), { kind: 'unavailable' });
      faults.refuse('txn', text);
      await assert.rejects(source.leases.release(record), { kind: 'unavailable' });
      assert.deepEqual(await source.leases.renew(record), { ttlSeconds: 60 });
      faults.refuse('leaseTimeToLive', text);
      await assert.rejects(source.leases.timeLeft([record.leaseId]), { kind: 'unavailable' });
      assert.equal(await source.leases.release(record), 'released');
    });

    it(`${name} while clearing up is nobody's failure`, async () => {
      await store.put(key, 'theirs');
      faults.refuse('leaseRevoke', text);
      assert.deepEqual(await source.leases.create(key, 'mine', 60), { result: 'exists' });
      await store.remove(key);
      const record = await created();
      faults.refuse('leaseTimeToLive', text);
      assert.equal(await source.leases.release(record), 'released');
      assert.deepEqual(await keysLeft(), []);
    });
  }

  it('an update whose answer was lost is "changed" at the next try', async () => {
    const record = await created();
    faults.loseAnswer('txn', DEADLINE);
    await assert.rejects(source.leases.update(record, 'new'), { kind: 'unavailable' });
    assert.equal(await source.leases.update(record, 'new'), 'changed');
    assert.deepEqual(await keysLeft(), ['new']);
  });

  it('somebody is first between our grant and our write', async () => {
    const leases = await store.leaseIds();
    faults.before('txn', () => store.put(key, 'theirs'));
    assert.deepEqual(await source.leases.create(key, 'mine', 60), { result: 'exists' });
    assert.deepEqual(await keysLeft(), ['theirs']);
    assert.deepEqual(await store.leaseIds(), leases);
  });

  it('the lease ends just before the renewal, or during it', async () => {
    const record = await created();
    faults.answer('leaseKeepAlive', (answer) => ({ ...answer, TTL: '0' }));
    assert.equal(await source.leases.renew(record), 'lost');
    faults.before('range', () => store.client.leaseClient.leaseRevoke({ ID: record.leaseId }));
    assert.equal(await source.leases.renew(record), 'lost');
    assert.equal(await source.leases.renew(record), 'lost');
    assert.equal(await source.leases.update(record, 'new'), 'changed');
  });

  it('somebody puts our very value on another lease: the renewal is lost', async () => {
    const record = await created();
    faults.before('range', () => store.put(key, 'mine', 60));
    assert.equal(await source.leases.renew(record), 'lost');
  });

  it("a released key's lease stays if another key hangs on it", async () => {
    const record = await created();
    const other = `${prefix}/other`;
    await store.client.kv.put({ key: Buffer.from(other), value: Buffer.from('x'), lease: record.leaseId });
    assert.equal(await source.leases.release(record), 'released');
    assert.ok((await store.leaseIds()).includes(record.leaseId));
    assert.equal((await store.client.kv.range({ key: Buffer.from(other) })).count, '1');
  });

  it('a full etcd says what to do', async () => {
    faults.refuse('txn', NO_SPACE);
    await assert.rejects(source.leases.create(key, 'mine', 60), {
      kind: 'unavailable',
      message: /etcdctl alarm disarm/,
    });
  });

  it('lists page by page at one revision, whatever is written between', async () => {
    for (const n of [1, 2, 3, 4, 5]) await store.put(`${prefix}/subnets/10.5.${n}.0-24`, `old ${n}`);
    faults.before('range', async () => {
      await store.put(`${prefix}/subnets/10.5.5.0-24`, 'new 5');
      await store.put(`${prefix}/subnets/10.5.6.0-24`, 'new 6');
    });
    assert.deepEqual(await keysLeft(), ['old 1', 'old 2', 'old 3', 'old 4', 'old 5']);
    assert.deepEqual(await keysLeft(), ['old 1', 'old 2', 'old 3', 'old 4', 'new 5', 'new 6']);
  });

  it('a compaction between two pages starts the listing again', async () => {
    for (const n of [1, 2, 3]) await store.put(`${prefix}/subnets/10.5.${n}.0-24`, `old ${n}`);
    faults.before('range', async () => {
      await store.put(`${prefix}/subnets/10.5.3.0-24`, 'new 3');
      await compact();
    });
    assert.deepEqual(await keysLeft(), ['old 1', 'old 2', 'new 3']);
    for (let i = 0; i < 3; i++) faults.refuse('range', COMPACTED);
    await assert.rejects(source.snapshot(), { kind: 'unavailable', message: /compacted/ });
  });

  it('a stream that breaks in the middle of a response delivers none of it, and all of it to who resumes', async () => {
    const { revision } = await source.snapshot();
    for (const n of [1, 2, 3]) await store.put(`${prefix}/subnets/10.5.${n}.0-24`, `${n}`);
    faults.cutWatch(UNAVAILABLE, 2);
    const first = new Watching(source, revision + 1);
    assert.equal((await first.untilEnded()).reason, 'unavailable');
    assert.deepEqual(first.changes, []);
    const second = new Watching(source, first.lastRevision(revision) + 1);
    assert.equal((await second.untilChanges(3)).length, 3);
    second.stop();
  });

  for (const [text, reason] of [
    [NO_LEADER, 'noLeader'],
    [COMPACTED, 'compacted'],
    ['7 PERMISSION_DENIED: etcdserver: permission denied', 'denied'],
    ['13 INTERNAL: something new', 'unavailable'],
  ] as const) {
    it(`a watch that breaks with ${text} ends with "${reason}"`, async () => {
      const { revision } = await source.snapshot();
      faults.cutWatch(text);
      const watch = new Watching(source, revision + 1);
      await watch.untilStarted();
      await store.put(key, 'x');
      assert.equal((await watch.untilEnded()).reason, reason);
    });
  }

  it('puts fragments together, and takes no progress notification for a change', async () => {
    const { revision } = await source.snapshot();
    await store.put(key, '1');
    await store.put(key, '2');
    await store.remove(key);
    faults.fragmentWatch();
    const watch = new Watching(source, revision + 1);
    assert.deepEqual(brief(await watch.untilChanges(3)), [`put ${key}=1`, `put ${key}=2`, `delete ${key}`]);
    assert.equal(watch.events.filter(({ type }) => type === 'changes').length, 1);
    watch.stop();
  });
});
