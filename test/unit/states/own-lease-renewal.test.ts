import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { DAY, LeaseHost, world } from '../../helpers/lease-host.ts';
import { addressOf, keyFor, valueFor } from '../../helpers/store.ts';

describe('renewing', () => {
  it('extends the term without writing the key, before it ends', async () => {
    const w = world();
    const host = new LeaseHost(w, 1);
    await host.ensure();
    const { revision } = w.store;
    for (let i = 0; i < 5; i++) {
      const delay = host.lease.renewDelayMs()!;
      assert.ok(delay > 20 * 3600_000 && delay <= 23 * 3600_000, `${delay / 3600_000} h`);
      await w.time.advance(delay);
      assert.equal(host.lease.renewDelayMs(), 0);
      assert.equal(await host.lease.renew(), 'renewed');
    }
    assert.equal(w.store.revision, revision);
    assert.equal(host.lease.compareWith((await host.look()).mirror), 'same');
  });

  for (const seconds of [10, 61, 600, 3600, 3601, 3700, 4000, 90_000, 200 * DAY]) {
    it(`a lease of ${seconds} s is renewed in time, and not all the time`, async () => {
      const w = world();
      const host = new LeaseHost(w, 1, { argv: [`--subnet-lease-ttl=${seconds}s`] });
      await host.ensure();
      for (let i = 0; i < 20; i++) {
        const delay = host.lease.renewDelayMs()!;
        assert.ok(delay >= seconds * 50, `after ${delay} ms`);
        assert.ok(delay < seconds * 1000 - Math.min(seconds * 300, 3_300_000));
        await w.time.advance(delay);
        assert.equal(await host.lease.renew(), 'renewed');
      }
    });
  }

  it('goes by what is left of a lease that it found', async () => {
    const w = world();
    await new LeaseHost(w, 1).ensure();
    await w.time.advance(22 * 3600_000);
    const host = new LeaseHost(w, 1);
    await host.ensure();
    assert.ok(host.lease.renewDelayMs()! <= 3600_000);
    await w.time.advance(90 * 60_000);
    const late = new LeaseHost(w, 1);
    await late.ensure();
    assert.equal(late.lease.renewDelayMs(), 0);
    w.store.writes = [];
    await late.lease.renewIfDue();
    assert.deepEqual(w.store.writes, [`renew ${keyFor(late.subnet)}`]);
    await late.lease.renewIfDue();
    assert.equal(w.store.writes.length, 1);
  });

  it('finds out that it is lost: deleted, ended, or taken by another', async () => {
    const w = world();
    for (const lose of [
      (key: string) => w.store.delete(key),
      () => w.time.advance(DAY * 1000),
      (key: string) => {
        w.store.delete(key);
        w.store.putFor(key, valueFor(2), DAY);
      },
    ]) {
      const host = new LeaseHost(w, 1);
      await host.ensure();
      await lose(keyFor(host.subnet));
      assert.equal(await host.lease.renew(), 'lost');
      assert.equal(host.lease.compareWith((await host.look()).mirror), 'gone');
    }
  });

  it('that fails is the caller’s to try again', async () => {
    const w = world();
    const host = new LeaseHost(w, 1);
    await host.ensure();
    await w.time.advance(23 * 3600_000);
    w.store.cut();
    await assert.rejects(host.lease.renew(), { name: 'StoreError' });
    assert.equal(host.lease.renewDelayMs(), 0);
    w.store.mend();
    assert.equal(await host.lease.renew(), 'renewed');
  });

  it('is nothing for a permanent lease, which stays permanent also when it is rewritten', async () => {
    const w = world();
    w.store.put(keyFor('10.5.7.0/24'), `{"PublicIP":"${addressOf(1)}"}`);
    const host = new LeaseHost(w, 1);
    assert.equal(await host.ensure(), 'held');
    assert.equal(host.subnet, '10.5.7.0/24');
    assert.equal(w.store.get(keyFor('10.5.7.0/24'))?.leaseId, '0');
    assert.equal(w.store.get(keyFor('10.5.7.0/24'))?.value, valueFor(1));
    assert.equal(host.lease.renewDelayMs(), undefined);
    await w.time.advance(30 * DAY * 1000);
    await host.lease.renewIfDue();
    assert.equal(host.lease.renewDelayMs(), undefined);
    assert.deepEqual(w.store.writes, [`update ${keyFor('10.5.7.0/24')}`]);
  });

  it('stops when the lease that we had became permanent', async () => {
    const w = world();
    const host = new LeaseHost(w, 1);
    await host.ensure();
    w.store.put(keyFor(host.subnet), valueFor(1), '0');
    await host.look();
    assert.equal(host.lease.compareWith(host.mirror), 'changed');
    assert.equal(await host.ensure(), 'held');
    assert.equal(host.lease.compareWith(host.mirror), 'same');
    assert.equal(host.lease.renewDelayMs(), undefined);
  });
});
