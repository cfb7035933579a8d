/** With --lease adopt the lease is another agent's, and etcd is never written. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DAY, LeaseHost, world } from '../../helpers/lease-host.ts';
import { keyFor, valueFor } from '../../helpers/store.ts';

describe('--lease adopt', () => {
  const argv = ['--lease=adopt'];

  it('works for the lease that somebody holds for this host, and writes nothing ever', async () => {
    const w = world();
    const { key } = w.store.putFor(keyFor('10.5.7.0/24'), valueFor(1).replace('00:01"', '00:99"'), DAY);
    w.store.putFor(keyFor('10.5.8.0/25'), valueFor(1), DAY);
    const host = new LeaseHost(w, 1, { argv });
    assert.equal(await host.ensure(), 'held');
    assert.equal(host.subnet, '10.5.7.0/24');
    assert.equal(host.lease.renewDelayMs(), undefined);
    w.store.put(key, 'junk');
    await host.look();
    assert.equal(host.lease.compareWith(host.mirror), 'changed');
    assert.equal(await host.ensure(), 'held');
    assert.equal(host.lease.compareWith(host.mirror), 'same', 'else it would be looked at for ever');
    w.store.delete(key);
    await host.look();
    assert.equal(host.lease.compareWith(host.mirror), 'gone');
    assert.equal(await host.ensure(), 'waiting');
    await host.lease.renewIfDue();
    assert.deepEqual(w.store.writes, []);
  });

  it('waits, and says so, while nobody holds one', async () => {
    const w = world();
    const host = new LeaseHost(w, 1, { argv });
    assert.equal(await host.ensure(), 'waiting');
    assert.deepEqual(
      host.lease.held.map(({ why, unmet }) => [why, unmet]),
      [['no lease to adopt', true]],
    );
    assert.deepEqual(w.store.writes, []);
    w.store.putFor(keyFor('10.5.7.0/24'), valueFor(1), DAY);
    assert.equal(await host.ensure(), 'held');
    assert.deepEqual(host.lease.held, []);
  });
});
