import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Mirror } from '../../../../reconciler/store/mirror.ts';
import { CONFIG, configRecord, leaseRecord, PREFIX, put, remove, snapshotOf } from '../../../helpers/store.ts';

const A = '10.5.1.0/24';
const B = '10.5.2.0/24';
const TTL = 100_000;
const recordA = leaseRecord({ subnet: A, host: 1, revision: 10 });
const recordB = leaseRecord({ subnet: B, host: 2, revision: 11 });

/** Heard from last at 5,000. */
function watching(leases = [recordA, recordB]): Mirror {
  const mirror = new Mirror(PREFIX, { ttlSeconds: TTL / 1000 });
  mirror.applySnapshot(snapshotOf({ leases }), 0);
  mirror.heard(5000);
  return mirror;
}

const inForce = (mirror: Mirror): string[] => [...mirror.leases.keys()].sort();
const wiped = snapshotOf({ clusterId: 'two', revision: 1, config: undefined });

describe('a doubted store', () => {
  for (const [name, snapshot, words] of [
    ['is another cluster', wiped, /cluster two, was one/],
    ['went back in revisions', snapshotOf({ revision: 99, config: undefined }), /revision 100 to 99/],
  ] as const) {
    it(`keeps all in force when it ${name}`, () => {
      const mirror = watching();
      const change = mirror.applySnapshot(snapshot, 50_000);
      assert.deepEqual([change.doubted, change.config, change.subnets.size], [true, false, 0]);
      assert.deepEqual(inForce(mirror), [A, B]);
      assert.deepEqual([mirror.config?.network, mirror.complete], ['10.5.0.0/16', false]);
      assert.equal(mirror.doubt?.since, 50_000);
      assert.deepEqual([...mirror.lingering], [recordA.key, recordB.key]);
      assert.equal(mirror.record(recordA.key), undefined);
      const [held] = mirror.held;
      assert.equal(mirror.held.length, 1);
      assert.equal(held?.why, 'store doubted');
      assert.match(held!.detail, words);
      assert.match(held!.detail, /the config and 2 leases/);
    });
  }

  it('is not doubted for a listing at a later revision of the same cluster', () => {
    const mirror = watching();
    const change = mirror.applySnapshot(snapshotOf({ revision: 200, leases: [recordA] }), 50_000);
    assert.deepEqual([change.doubted, [...change.removed]], [false, [B]]);
  });

  it('lets go of each lease at its own end: a term after the store was last heard from', () => {
    const mirror = watching();
    mirror.applySnapshot(wiped, 50_000);
    assert.equal(mirror.nextExpiry(), 5000 + TTL);
    assert.equal(mirror.expire(5000 + TTL - 1).subnets.size, 0);
    const change = mirror.expire(5000 + TTL);
    assert.deepEqual([...change.removed].sort(), [A, B]);
    assert.deepEqual([mirror.nextExpiry(), inForce(mirror)], [undefined, []]);
    assert.ok(mirror.doubt, 'the config is still missing');
    mirror.applyChanges([put(configRecord(CONFIG, 2))], 2, 200_000);
    assert.equal(mirror.doubt, undefined);
    assert.deepEqual(mirror.held, []);
  });

  it("takes the store's own word of the end where it gave one", () => {
    const mirror = new Mirror(PREFIX, { ttlSeconds: TTL / 1000 });
    const expiresAt = new Map([
      [recordA.key, 7000],
      [recordB.key, 8000],
    ]);
    mirror.applySnapshot(snapshotOf({ leases: [recordA, recordB], expiresAt }), 0);
    mirror.applyChanges([put({ ...recordB, modRevision: 101 })], 101, 6000); // renewed: its end is not known any more
    mirror.applySnapshot(wiped, 6500);
    assert.deepEqual([...mirror.expire(8000).removed], [A]);
    assert.equal(mirror.nextExpiry(), 6000 + TTL);
  });

  it('never lets go of a permanent lease by itself', () => {
    const mirror = watching([{ ...recordA, leaseId: '0' }]);
    mirror.applySnapshot(wiped, 50_000);
    assert.equal(mirror.nextExpiry(), undefined);
    mirror.expire(Number.MAX_SAFE_INTEGER);
    assert.deepEqual(inForce(mirror), [A]);
  });

  it('is believed again for a lease that has come back', () => {
    const mirror = watching();
    mirror.applySnapshot({ ...wiped, config: configRecord(CONFIG) }, 50_000);
    const back = mirror.applyChanges([put({ ...recordA, modRevision: 2, createRevision: 2 })], 2, 51_000);
    assert.deepEqual([back.subnets.size, [...back.renewed]], [0, [A]]);
    assert.deepEqual([...mirror.lingering], [recordB.key]);
    assert.deepEqual([...mirror.applyChanges([remove(recordA.key, 3)], 3, 52_000).removed], [A]);
    mirror.applyChanges([put({ ...recordB, modRevision: 4, createRevision: 4 })], 4, 53_000);
    assert.equal(mirror.doubt, undefined);
    assert.equal(mirror.expire(Number.MAX_SAFE_INTEGER).subnets.size, 0);
    assert.deepEqual(inForce(mirror), [B]);
  });

  it('has what it lists in force, over what it lost', () => {
    const mirror = watching();
    const other = leaseRecord({ subnet: '10.5.0.0/22', host: 9, revision: 2 });
    mirror.applySnapshot(snapshotOf({ clusterId: 'two', revision: 2, leases: [other] }), 50_000);
    assert.deepEqual(inForce(mirror), ['10.5.0.0/22']);
    mirror.applyChanges([remove(other.key, 3)], 3, 51_000);
    assert.deepEqual(inForce(mirror), [A, B], 'what lingers takes its place again');
  });

  it('forgets the old subnet of a host that has taken another', () => {
    const mirror = watching();
    const moved = leaseRecord({ subnet: '10.5.77.0/24', host: 1, revision: 2 });
    mirror.applySnapshot(snapshotOf({ clusterId: 'two', revision: 2, leases: [moved] }), 50_000);
    assert.deepEqual(inForce(mirror), [B, '10.5.77.0/24']);
    mirror.applyChanges([put(leaseRecord({ subnet: '10.5.78.0/24', host: 2, revision: 3 }))], 3, 51_000);
    assert.deepEqual(inForce(mirror), ['10.5.77.0/24', '10.5.78.0/24']);
    assert.equal(mirror.doubt, undefined);
  });

  it('forgets it also if that host has another address now, and the MAC that its lease named', () => {
    const mirror = watching();
    const moved = leaseRecord({ subnet: '10.5.77.0/24', host: 1, revision: 2 });
    const value = moved.value.replace(/"PublicIP":"[^"]*"/, '"PublicIP":"192.168.99.9"');
    mirror.applySnapshot(snapshotOf({ clusterId: 'two', revision: 2, leases: [{ ...moved, value }] }), 50_000);
    assert.deepEqual(inForce(mirror), [B, '10.5.77.0/24']);
  });

  it('keeps doubting over a second listing and over a restart from disk', () => {
    const mirror = watching();
    mirror.applySnapshot(wiped, 50_000);
    mirror.applySnapshot({ ...wiped, revision: 9 }, 60_000);
    assert.deepEqual(inForce(mirror), [A, B]);
    assert.equal(mirror.nextExpiry(), 5000 + TTL);

    const restarted = new Mirror(PREFIX, { ttlSeconds: TTL / 1000 });
    restarted.applySnapshot(mirror.snapshot(), 60_000);
    const change = restarted.applySnapshot({ ...wiped, revision: 10 }, 70_000);
    assert.equal(change.doubted, true);
    assert.deepEqual(inForce(restarted), [A, B]);
    assert.equal(restarted.nextExpiry(), 5000 + TTL);
  });

  it('keeps no lease that nobody could read', () => {
    const mirror = watching([leaseRecord({ subnet: A, host: 1, revision: 10, value: '?' })]);
    mirror.applySnapshot(wiped, 50_000);
    assert.deepEqual([mirror.lingering.size, mirror.unreadableSubnets], [0, []]);
  });
});
