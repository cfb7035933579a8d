/** A store that was restored from a backup may know this host's lease as it once was: by another address, or on another subnet. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LeaseHost, world } from '../../helpers/lease-host.ts';
import { addressOf, CONFIG, CONFIG_KEY, keyFor, macOf, valueFor } from '../../helpers/store.ts';

describe('a store that was restored from a backup', () => {
  it('may have our lease under an earlier address: it is still ours, and is rewritten', async () => {
    const w = world();
    const host = new LeaseHost(w, 1);
    await host.ensure();
    const { subnet } = host;
    const earlier = w.store.get(keyFor(subnet))!;
    const publicIP = addressOf(2);
    const moved = valueFor(1).replace(addressOf(1), publicIP);
    const context = () => ({
      mirror: host.mirror,
      publicIP,
      identities: new Set<string>(),
      valueFor: async () => moved,
      isBuilt: () => true,
    });
    await host.look();
    await host.lease.ensure(context());
    assert.equal(w.store.get(keyFor(subnet))?.value, moved);

    w.store.put(earlier.key, earlier.value);
    assert.equal(host.lease.compareWith((await host.look()).mirror), 'changed');
    assert.equal(await host.lease.ensure(context()), 'held');
    assert.equal(host.subnet, subnet);
    assert.deepEqual(
      w.store.all().map(({ key, value }) => [key, value]),
      [[keyFor(subnet), moved]],
    );
    // On a subnet that this host has left since, it would be the elder, and have our MAC.
    await host.look();
    w.store.put(CONFIG_KEY, CONFIG.replace('10.5', '10.6'));
    await host.look();
    await host.lease.ensure(context());
    assert.match(host.subnet, /^10\.6\./);
    w.store.put(CONFIG_KEY, CONFIG.replace('10.5.0.0/16', '10.4.0.0/14'));
    w.store.put(earlier.key, earlier.value, earlier.leaseId);
    await host.look();
    const now = host.subnet;
    assert.equal(await host.lease.ensure(context()), 'held');
    assert.equal(host.subnet, now);
    assert.deepEqual(
      w.store.all().map(({ key }) => key),
      [keyFor(now)],
      'it is given back',
    );
  });

  it('may have a lease in the place of ours that names another VTEP: that is another host’s', async () => {
    const w = world();
    const host = new LeaseHost(w, 1);
    await host.ensure();
    const earlier = w.store.get(keyFor(host.subnet))!;
    const other = earlier.value.replace(macOf(1), macOf(3)).replace(addressOf(1), addressOf(3));
    w.store.put(earlier.key, other);
    assert.equal(host.lease.compareWith((await host.look()).mirror), 'gone');
  });
});

describe('a store that has lost its memory', () => {
  const moved = valueFor(1).replace(addressOf(1), addressOf(2));

  it('gets our lease back on its subnet, also when this host has another address since', async () => {
    const w = world();
    const host = new LeaseHost(w, 1);
    await host.ensure();
    const { subnet } = host;
    await host.look();
    w.store.wipe();
    w.store.put(CONFIG_KEY, CONFIG);
    await host.look();
    const identities = new Set<string>();
    const context = {
      mirror: host.mirror,
      publicIP: addressOf(2),
      identities,
      valueFor: async () => moved,
      isBuilt: () => true,
    };
    assert.equal(await host.lease.ensure(context), 'held');
    assert.equal(host.subnet, subnet);
  });

  it('gets it back from a process without memory too, if its VTEP has the MAC', async () => {
    const w = world();
    const host = new LeaseHost(w, 1, { previousSubnet: '10.5.77.1/24' });
    await host.ensure();
    const next = new LeaseHost(w, 2, { previousSubnet: '10.5.77.1/24' });
    await next.look();
    w.store.wipe();
    w.store.put(CONFIG_KEY, CONFIG);
    next.identities = new Set([macOf(1)]);
    next.value = moved;
    await next.ensure();
    assert.equal(next.subnet, '10.5.77.0/24');
    // Another's is not taken for ours.
    const other = new LeaseHost(w, 3, { previousSubnet: '10.5.77.1/24' });
    await other.look();
    w.store.wipe();
    w.store.put(CONFIG_KEY, CONFIG);
    other.identities = new Set([macOf(3)]);
    await other.ensure();
    assert.notEqual(other.subnet, '10.5.77.0/24');
  });
});

it('an answer that was on its way when the store was wiped is no word of the new one', async () => {
  const { store, time } = world();
  const host = new LeaseHost({ store, time }, 1);
  await host.ensure();
  for (let n = 0; n < 10; n++) store.put(keyFor(`10.5.${200 + n}.0/24`), valueFor(200 + n));
  store.pause = async (request) => {
    if (request !== 'timeLeft') return;
    store.pause = async () => {};
    // Only its answer is still to come.
    host.lease.forgetRevision();
  };
  assert.equal(await host.ensure(), 'held');
  assert.equal(
    host.lease.current?.modRevision,
    0,
    'it would be newer than all that the new store says for a long time',
  );
});
