import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contains, overlaps } from '../../../config/ipv4.ts';
import { StoreError } from '../../../reconciler/contracts/source.ts';
import { DAY, finish, LeaseHost, SMALL, world } from '../../helpers/lease-host.ts';
import { addressOf, CONFIG, CONFIG_KEY, keyFor, macOf, PREFIX, valueFor } from '../../helpers/store.ts';

describe('making sure of a lease', () => {
  it('creates one with a term, by comparing first', async () => {
    const w = world();
    const host = new LeaseHost(w, 1);
    assert.equal(await host.ensure(), 'held');
    const [record, ...more] = w.store.all();
    assert.deepEqual(more, []);
    assert.equal(record?.key, keyFor(host.subnet));
    assert.equal(record.value, valueFor(1));
    assert.notEqual(record.leaseId, '0');
    assert.equal((await w.store.leases.timeLeft([record.leaseId])).get(record.leaseId)?.grantedSeconds, DAY);
    assert.equal(host.lease.compareWith((await host.look()).mirror), 'same');
  });

  it('writes nothing when it is right', async () => {
    const w = world();
    await new LeaseHost(w, 1).ensure();
    const { revision } = w.store;
    w.store.writes = [];
    const again = new LeaseHost(w, 1);
    assert.equal(await again.ensure(), 'held');
    assert.deepEqual(w.store.writes, []);
    assert.equal(w.store.revision, revision);
    assert.equal(again.lease.compareWith(again.mirror), 'same');
  });

  it('rewrites it in place when it says another MAC', async () => {
    const w = world();
    const { leaseId } = w.store.putFor(keyFor('10.5.7.0/24'), valueFor(1).replace('00:01"', '00:99"'), DAY);
    const host = new LeaseHost(w, 1);
    assert.equal(await host.ensure(), 'held');
    assert.equal(host.subnet, '10.5.7.0/24');
    assert.deepEqual(w.store.writes, [`update ${keyFor('10.5.7.0/24')}`]);
    const record = w.store.get(keyFor('10.5.7.0/24'));
    assert.equal(record?.value, valueFor(1));
    assert.equal(record.leaseId, leaseId);
  });

  it("keeps its subnet when the host's address changes", async () => {
    const w = world();
    const host = new LeaseHost(w, 1);
    await host.ensure();
    const { subnet } = host;
    await host.look();
    const moved = {
      mirror: host.mirror,
      publicIP: addressOf(2),
      identities: host.identities,
      valueFor: async () => valueFor(2),
      isBuilt: () => true,
    };
    assert.equal(await host.lease.ensure(moved), 'held');
    assert.equal(host.subnet, subnet);
    assert.equal(host.lease.current?.attrs.publicIP, addressOf(2));
    assert.deepEqual(
      w.store.all().map(({ key, value }) => [key, value]),
      [[keyFor(subnet), valueFor(2)]],
    );
  });

  it('keeps its subnet when a process without memory finds another address: the MAC of its VTEP is in the lease', async () => {
    const w = world();
    await new LeaseHost(w, 1, { previousSubnet: '10.5.77.1/24' }).ensure();
    const parts = { previousSubnet: '10.5.77.1/24' };
    const moved = new LeaseHost(w, 2, parts);
    moved.identities = new Set([macOf(1)]);
    await moved.ensure();
    assert.equal(moved.subnet, '10.5.77.0/24');
    assert.deepEqual(
      w.store.all().map(({ value }) => value),
      [valueFor(2)],
    );

    const other = new LeaseHost(w, 3, parts);
    other.identities = new Set([macOf(3)]);
    await other.ensure();
    assert.notEqual(other.subnet, '10.5.77.0/24', 'a lease of another MAC is another host’s');
    const nowhere = new LeaseHost(w, 4);
    nowhere.identities = new Set([macOf(2)]);
    await nowhere.ensure();
    assert.notEqual(nowhere.subnet, '10.5.77.0/24', 'a MAC alone is no proof: subnet.env must say it too');
  });

  it('of another is never adopted into ours with --lease adopt', async () => {
    const w = world();
    w.store.putFor(keyFor('10.5.77.0/24'), valueFor(1), DAY);
    const host = new LeaseHost(w, 2, { argv: ['--lease=adopt'], previousSubnet: '10.5.77.1/24' });
    host.identities = new Set([macOf(1)]);
    assert.equal(await host.ensure(), 'waiting');
  });

  it('never touches the lease of another, whatever subnet.env says', async () => {
    const w = world(SMALL);
    w.store.putFor(keyFor('10.5.10.0/24'), valueFor(2), DAY);
    const host = new LeaseHost(w, 1, { previousSubnet: '10.5.10.1/24' });
    assert.equal(await host.ensure(), 'held');
    assert.notEqual(host.subnet, '10.5.10.0/24');
    assert.equal(w.store.get(keyFor('10.5.10.0/24'))?.value, valueFor(2));
  });

  it('goes back to the subnet of subnet.env if that is free', async () => {
    const w = world();
    const host = new LeaseHost(w, 1, { previousSubnet: '10.5.77.1/24' });
    await host.ensure();
    assert.equal(host.subnet, '10.5.77.0/24');
  });

  it('takes another when it loses the race for one', async () => {
    const w = world();
    const host = await new LeaseHost(w, 1, { previousSubnet: '10.5.77.1/24' }).look();
    w.store.putFor(keyFor('10.5.77.0/24'), valueFor(2), DAY);
    assert.equal(await finish(w.time, host.ensureFromMemory()), 'held');
    assert.notEqual(host.subnet, '10.5.77.0/24');
    assert.equal(w.store.all().length, 2);
  });

  it('gives up between two tries when it is told to', async () => {
    const w = world();
    const host = await new LeaseHost(w, 1, { previousSubnet: '10.5.77.1/24' }).look();
    w.store.putFor(keyFor('10.5.77.0/24'), valueFor(2), DAY);
    const control = new AbortController();
    const ensured = host.ensureFromMemory(control.signal);
    await w.time.settle();
    control.abort();
    await assert.rejects(ensured, { name: 'AbortError' });
    assert.equal(host.lease.current, undefined);
  });

  it('looks again when the lease it would reuse has changed meanwhile', async () => {
    const w = world();
    w.store.putFor(keyFor('10.5.7.0/24'), valueFor(1).replace('00:01"', '00:99"'), DAY);
    const host = await new LeaseHost(w, 1).look();
    w.store.put(keyFor('10.5.7.0/24'), valueFor(1).replace('00:01"', '00:88"'));
    assert.equal(await finish(w.time, host.ensureFromMemory()), 'held');
    assert.equal(host.subnet, '10.5.7.0/24');
    assert.equal(w.store.get(keyFor('10.5.7.0/24'))?.value, valueFor(1));
  });

  it('takes a new one when the lease it would reuse has just ended', async () => {
    const w = world();
    const { key } = w.store.putFor(keyFor('10.5.7.0/24'), valueFor(1), 10);
    const host = await new LeaseHost(w, 1).look();
    await w.time.advance(10_000);
    assert.equal(w.store.get(key), undefined);
    assert.equal(await finish(w.time, host.ensureFromMemory()), 'held');
    assert.equal(w.store.all().length, 1);
    assert.equal(host.lease.compareWith((await host.look()).mirror), 'same');
  });

  it('gives way to an elder lease that overlaps its new one', async () => {
    const w = world();
    const host = await new LeaseHost(w, 1, { previousSubnet: '10.5.8.1/24' }).look();
    w.store.putFor(keyFor('10.5.8.0/23'), valueFor(2), DAY);
    assert.equal(await finish(w.time, host.ensureFromMemory()), 'held');
    assert.ok(w.store.writes.includes(`release ${keyFor('10.5.8.0/24')}`));
    assert.ok(!overlaps('10.5.8.0/23', host.subnet));
    assert.equal(w.store.all().length, 2);
  });

  it('does not give way to a key outside the network', async () => {
    const w = world();
    w.store.put(`${PREFIX}/subnets/0.0.0.0-0`, valueFor(9));
    const host = new LeaseHost(w, 1);
    assert.equal(await host.ensure(), 'held');
    assert.ok(contains('10.5.0.0/16', host.subnet));
  });

  it('says when there is no room, and writes nothing', async () => {
    const w = world(SMALL);
    for (const n of [10, 11, 12, 13]) w.store.putFor(keyFor(`10.5.${n}.0/24`), valueFor(n), DAY);
    const host = new LeaseHost(w, 1);
    assert.equal(await host.ensure(), 'outOfSubnets');
    assert.deepEqual(w.store.writes, []);
    assert.deepEqual(
      host.lease.held.map(({ why, unmet }) => [why, unmet]),
      [['out of subnets', true]],
    );
    w.store.delete(keyFor('10.5.12.0/24'));
    assert.equal(await host.ensure(), 'held');
    assert.equal(host.subnet, '10.5.12.0/24');
    assert.deepEqual(host.lease.held, []);
  });

  it('fails with the sentence of the store, and has taken nothing then', async () => {
    const w = world();
    const host = await new LeaseHost(w, 1).look();
    w.store.cut();
    await assert.rejects(host.ensureFromMemory(), { name: 'StoreError', kind: 'unavailable' });
    assert.equal(host.lease.current, undefined);
    assert.equal(host.lease.renewDelayMs(), undefined);
  });

  it('that was written though the answer was lost is found, and no second one is taken', async () => {
    const w = world();
    let drawn = 0;
    const host = await new LeaseHost(w, 1, { random: () => (drawn++ * 0.37) % 1 }).look();
    const { create } = w.store.leases;
    w.store.leases.create = async (...args) => {
      await create(...args);
      throw new StoreError('unavailable', 'The answer was lost.');
    };
    await assert.rejects(host.ensureFromMemory(), { name: 'StoreError', message: 'The answer was lost.' });
    const written = w.store.all().map(({ key }) => key);
    assert.equal(written.length, 1);

    w.store.leases.create = create;
    assert.equal(await host.ensureFromMemory(), 'held');
    assert.deepEqual(
      w.store.all().map(({ key }) => key),
      written,
    );
    assert.equal(keyFor(host.subnet), written[0]);
  });

  for (const [hosts, blocks] of [
    [50, 50],
    [55, 50],
  ] as const) {
    it(`${hosts} hosts that start at once on ${blocks} free blocks: ${Math.min(hosts, blocks)} get one each`, async () => {
      const w = world(
        `{"Network":"10.5.0.0/16","SubnetMin":"10.5.1.0","SubnetMax":"10.5.${blocks}.0","Backend":{"Type":"vxlan"}}`,
      );
      const all = Array.from({ length: hosts }, (_, i) => new LeaseHost(w, i + 1));
      const results = await finish(w.time, Promise.all(all.map((host) => host.ensure())));
      const held = all.filter((_, i) => results[i] === 'held');
      assert.equal(held.length, Math.min(hosts, blocks));
      assert.equal(results.filter((result) => result === 'outOfSubnets').length, hosts - held.length);
      assert.equal(new Set(held.map(({ subnet }) => subnet)).size, held.length);
      assert.equal(w.store.all().length, held.length);
    });
  }
});

describe('leases that do not fit', () => {
  it('are given back, after there is a new one', async () => {
    const w = world();
    w.store.putFor(keyFor('10.5.7.0/25'), valueFor(1), DAY);
    const host = new LeaseHost(w, 1);
    assert.equal(await host.ensure(), 'held');
    assert.deepEqual(w.store.writes, [`create ${keyFor(host.subnet)}`, `release ${keyFor('10.5.7.0/25')}`]);
    assert.equal(w.store.all().length, 1);
  });

  it('stay while there is no new one', async () => {
    const w = world(SMALL);
    for (const n of [10, 11, 12, 13]) w.store.putFor(keyFor(`10.5.${n}.0/24`), valueFor(n), DAY);
    w.store.putFor(keyFor('10.5.7.0/25'), valueFor(1), DAY);
    assert.equal(await new LeaseHost(w, 1).ensure(), 'outOfSubnets');
    assert.deepEqual(w.store.writes, []);
  });

  it('stay if somebody has changed them meanwhile', async () => {
    const w = world();
    w.store.putFor(keyFor('10.5.7.0/25'), valueFor(1), DAY);
    const host = await new LeaseHost(w, 1).look();
    w.store.put(keyFor('10.5.7.0/25'), valueFor(2));
    assert.equal(await host.ensureFromMemory(), 'held');
    assert.equal(w.store.get(keyFor('10.5.7.0/25'))?.value, valueFor(2));
  });

  it('that are reservations are only reported', async () => {
    const w = world();
    w.store.put(keyFor('10.5.7.0/25'), valueFor(1));
    const host = new LeaseHost(w, 1);
    await host.ensure();
    assert.ok(w.store.get(keyFor('10.5.7.0/25')));
    assert.deepEqual(
      host.lease.held.map(({ key, why }) => [key, why]),
      [[keyFor('10.5.7.0/25'), 'second lease of this host']],
    );
  });
});

describe('what the store says of our lease', () => {
  const cases: [string, (w: ReturnType<typeof world>, key: string) => void, string][] = [
    ['nothing new', () => {}, 'same'],
    ['another value of ours', (w, key) => void w.store.put(key, valueFor(1).replace('00:01"', '00:99"')), 'changed'],
    ['junk', (w, key) => void w.store.put(key, 'junk'), 'changed'],
    ['another host', (w, key) => void w.store.put(key, valueFor(2)), 'gone'],
    ['nothing at all', (w, key) => w.store.delete(key), 'gone'],
  ];
  for (const [name, change, expected] of cases) {
    it(`${name}: ${expected}, and made sure of again it is the same`, async () => {
      const w = world();
      const host = new LeaseHost(w, 1);
      await host.ensure();
      await host.look();
      const { subnet } = host;
      change(w, keyFor(subnet));
      await host.look();
      assert.equal(host.lease.compareWith(host.mirror), expected);
      assert.equal(await host.ensure(), 'held');
      assert.equal(host.lease.compareWith((await host.look()).mirror), 'same');
      if (name !== 'another host') assert.equal(host.subnet, subnet);
      const mine = w.store.all().filter(({ value }) => value.includes(addressOf(1)));
      assert.deepEqual(
        mine.map(({ key, value }) => [key, value]),
        [[keyFor(host.subnet), valueFor(1)]],
      );
    });
  }
});

describe('a store that lost its memory', () => {
  it('gets our lease back on the same subnet, though another was quicker elsewhere', async () => {
    const w = world();
    const host = new LeaseHost(w, 1);
    await host.ensure();
    const { subnet } = host;
    w.store.wipe();
    w.store.put(CONFIG_KEY, CONFIG);
    w.store.putFor(keyFor('10.5.200.0/24'), valueFor(2), DAY);
    await host.look();
    assert.equal(host.lease.compareWith(host.mirror), 'gone');
    assert.equal(await host.ensure(), 'held');
    assert.equal(host.subnet, subnet);
  });

  it('does not get a lease of ours on a subnet whose host has not come back yet, also after a lost race', async () => {
    const w = world(SMALL);
    for (const n of [10, 11, 12]) w.store.putFor(keyFor(`10.5.${n}.0/24`), valueFor(n), DAY);
    const host = new LeaseHost(w, 1);
    await host.ensure();
    assert.equal(host.subnet, '10.5.13.0/24');
    w.store.wipe();
    w.store.put(CONFIG_KEY, SMALL);
    await host.look();
    w.store.putFor(keyFor('10.5.13.0/24'), valueFor(99), DAY);
    assert.equal(await finish(w.time, host.ensureFromMemory()), 'outOfSubnets');
  });
});
