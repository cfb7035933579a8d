/** A store that shows a subnet as free which it then refuses. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreError } from '../../../reconciler/contracts/source.ts';
import { finish, LeaseHost, world } from '../../helpers/lease-host.ts';
import { addressOf } from '../../helpers/store.ts';

describe('a store whose listing does not show what its writes run into', () => {
  /** As behind a member that lags: of the first `races` keys each is said to exist, and none is listed. `listings`: when. */
  function lagging(races: number) {
    const w = world();
    const listings: number[] = [];
    w.store.pause = async (request) => void (request === 'snapshot' && listings.push(w.time.now()));
    const { create } = w.store.leases;
    let lost = 0;
    w.store.leases.create = async (...args) => (lost++ < races ? { result: 'exists' } : create(...args));
    const host = new LeaseHost(w, 1, { random: () => 0.5 });
    return { ...w, listings, host };
  }

  it('is listed ever more rarely, and after some tries the failure says so', async () => {
    const { time, listings, host, store } = lagging(Number.POSITIVE_INFINITY);
    await assert.rejects(finish(time, host.ensure()), (error: Error) => {
      assert.ok(error instanceof StoreError && error.kind === 'unavailable');
      assert.match(error.message, /^No lease could be taken: 8 times in a row .*http:\/\/memory:2379.* behind/);
      return true;
    });
    const gaps = listings.slice(1).map((at, n) => at - listings[n]!);
    // The first look at the store is before the first race.
    assert.deepEqual(gaps, [25, 50, 100, 200, 400, 800, 1600]);
    assert.equal(store.all().length, 0);
  });

  it('that has caught up gives the lease', async () => {
    const { time, store, host } = lagging(5);
    assert.equal(await finish(time, host.ensure()), 'held');
    assert.equal(store.all().length, 1);
  });
});

it('a lease whose write was never answered, and comes when this host has another, is given back', async () => {
  const { store, time } = world();
  const host = new LeaseHost({ store, time }, 1);
  const { create } = store.leases;
  let late: Promise<unknown> | undefined;
  store.leases.create = async (...args) => {
    store.leases.create = create;
    late = time.sleep(10_000).then(() => create(...args));
    throw new StoreError('unavailable', 'No answer.');
  };
  await assert.rejects(host.ensure());
  assert.equal(await host.ensure(), 'held');
  // By then it names another way, and no MAC.
  host.value = JSON.stringify({ PublicIP: addressOf(1), PublicIPv6: null, BackendType: 'host-gw' });
  assert.equal(await host.ensure(), 'held');
  await finish(time, late!);
  assert.equal(store.all().length, 2);
  assert.equal(await host.ensure(), 'held');
  assert.deepEqual(
    store.all().map(({ key }) => key),
    [host.lease.current?.key],
  );
});
