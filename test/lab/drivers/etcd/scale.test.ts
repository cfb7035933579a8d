/** Listings beyond gRPC's 4 MB, and backlogs beyond what etcd delivers at once. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openEtcdV3 } from '../../../../drivers/etcd/source.ts';
import { startEtcd } from '../../../helpers/etcd.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { revisionOf, Watching } from '../../contract/watching.ts';
import { EtcdV3Store } from './etcd-v3-store.ts';
import { TcpProxy } from './proxy.ts';

describe('etcd v3 with much in it', () => {
  let store: EtcdV3Store;

  before(async () => {
    store = new EtcdV3Store(await startEtcd());
  });
  after(() => store?.destroy());

  it('lists 30,000 leases (8 MB) in one page and in many, in the order of their keys', async () => {
    await store.fill('/large', 30_000, 240);
    const listings = [];
    for (const pageSize of [100_000, 7000, 30_000]) {
      const source = openEtcdV3({ endpoints: [store.etcd.endpoint], prefix: '/large', tuning: { pageSize } });
      listings.push(await source.snapshot());
      await source.close();
    }
    const [whole, ...paged] = listings;
    assert.equal(whole!.leases.length, 30_000);
    const keys = whole!.leases.map(({ key }) => key);
    assert.deepEqual(keys, keys.toSorted());
    for (const listing of paged) assert.deepEqual(listing, whole);
  });

  it('delivers a backlog of 5,000 revisions, although the connection breaks after the first thousand', async () => {
    const { etcd, client } = store;
    const proxy = await TcpProxy.inFrontOf(etcd.clientPort);
    const source = openEtcdV3({ endpoints: [proxy.endpoint], prefix: '/backlog' });
    try {
      const { revision } = await source.snapshot();
      for (let i = 0; i < 5000; i += 250) {
        const puts = Array.from({ length: 250 }, (_, n) =>
          client.kv.put({
            key: Buffer.from(`/backlog/subnets/10.5.${(i + n) % 200}.0-24`),
            value: Buffer.from(`${i + n}`),
          }),
        );
        await Promise.all(puts);
      }
      // Cut as soon as the first changes are there, once; then resume as whoever watches would: from the last revision plus one.
      const first = new Watching(source, revision + 1, (event) => event.type === 'changes' && proxy.cut());
      assert.equal((await first.untilEnded()).reason, 'unavailable');
      assert.ok(first.changes.length > 0 && first.changes.length < 5000, `${first.changes.length} came before the cut`);
      const second = await resume(source, first.lastRevision(revision) + 1);
      await eventually(() => second.changes.length >= 5000 - first.changes.length, { what: 'the rest of the backlog' });
      const revisions = [...first.changes, ...second.changes].map(revisionOf);
      assert.deepEqual(
        revisions,
        Array.from({ length: 5000 }, (_, i) => revision + 1 + i),
      );
      second.stop();
    } finally {
      await source.close();
      await proxy.close();
    }
  });
});

/** Tries until a watch starts. */
async function resume(source: ReturnType<typeof openEtcdV3>, revision: number): Promise<Watching> {
  let watch = new Watching(source, revision);
  await eventually(
    () => {
      if (watch.ended) watch = new Watching(source, revision);
      return watch.started;
    },
    { what: 'a new watch', interval: 100 },
  );
  return watch;
}
