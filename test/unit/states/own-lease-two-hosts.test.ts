/** When it is said that another host may have our lease: from the take-over until the lease has been renewed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DAY, LeaseHost, world } from '../../helpers/lease-host.ts';
import { addressOf, keyFor, macOf, valueFor } from '../../helpers/store.ts';

const KEY = keyFor('10.5.9.0/24');
const whys = (host: LeaseHost): string[] => host.lease.held.map(({ why }) => why);

describe('two hosts and one lease', () => {
  it('a take-over by address alone is said until it is over, and not by who was here before', async () => {
    const w = world();
    w.store.putFor(KEY, valueFor(1), DAY);
    const stranger = new LeaseHost(w, 1);
    assert.equal(await stranger.ensure(), 'held');
    assert.deepEqual(whys(stranger), ['taken over by its address']);
    await stranger.ensure();
    assert.deepEqual(whys(stranger), ['taken over by its address'], 'a second look changes nothing about it');
    stranger.lease.forgetDoubts();
    await stranger.ensure();
    assert.deepEqual(whys(stranger), []);

    const byFile = new LeaseHost(w, 1, { previousSubnet: '10.5.9.1/24' });
    const byCopy = new LeaseHost(w, 1);
    byCopy.rememberedSubnet = '10.5.9.0/24';
    const byDevice = new LeaseHost(w, 1);
    byDevice.identities = new Set([macOf(1)]);
    const adopting = new LeaseHost(w, 1, { argv: ['--lease=adopt'] });
    for (const host of [byFile, byCopy, byDevice, adopting]) {
      await host.ensure();
      assert.deepEqual(whys(host), []);
    }
  });

  it('clones that are cured one after the other write the lease in turn, and both say so', async () => {
    const w = world();
    w.store.putFor(KEY, valueFor(9), DAY);
    for (const [number, named] of [
      [1, 9],
      [2, 1],
      [1, 2],
    ] as const) {
      const clone = new LeaseHost(w, number, { previousSubnet: '10.5.9.1/24' });
      clone.identities = new Set([macOf(9)]);
      clone.value = valueFor(number).replace(macOf(number), macOf(9));
      clone.addresses = [addressOf(number)];
      await clone.ensure();
      assert.deepEqual(whys(clone), ['named another host']);
      assert.match(clone.lease.held[0]!.detail, new RegExp(`named ${addressOf(named)},`));
    }
  });

  it('who has it hears that another has written it: with another MAC, or away from here', async () => {
    const w = world();
    const host = new LeaseHost(w, 1, { previousSubnet: '10.5.9.1/24' });
    await host.ensure();
    w.store.put(KEY, valueFor(1).replace(macOf(1), macOf(2)));
    await host.ensure();
    assert.deepEqual(whys(host), ['written by another host']);
    host.lease.forgetDoubts();
    w.store.put(KEY, valueFor(2));
    await host.ensure();
    assert.deepEqual(whys(host), ['written by another host']);
    assert.notEqual(host.subnet, '10.5.9.0/24');
    await host.ensure();
    assert.equal(whys(host).length, 1);
  });
});
