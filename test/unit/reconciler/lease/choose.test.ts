import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseNetworkConfig } from '../../../../config/network.ts';
import { type ChooseInput, chooseLease } from '../../../../reconciler/lease/choose.ts';
import { pickFree } from '../../../../reconciler/lease/free.ts';
import { addressOf, leaseOf } from '../../../helpers/store.ts';

const ME = addressOf(1);
const config = parseNetworkConfig('{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}');
const small = parseNetworkConfig('{"Network":"10.5.0.0/26","SubnetLen":28,"Backend":{"Type":"vxlan"}}');
const choose = (parts: Partial<ChooseInput> = {}) =>
  chooseLease({ config, leases: [], occupied: [], publicIP: ME, random: () => 0, ...parts });
const mine = (subnet: string, revision = 10, leaseId?: string) => leaseOf({ subnet, host: 1, revision, leaseId });
const theirs = (subnet: string, host = 2, revision = 5) => leaseOf({ subnet, host, revision });

describe('chooseLease, reuse', () => {
  it('takes the lease under its own public IP, whatever its backend', () => {
    const lease = { ...mine('10.5.34.0/24'), attrs: { ...mine('10.5.34.0/24').attrs, backendType: 'host-gw' } };
    const choice = choose({ leases: [theirs('10.5.1.0/24'), lease], previousSubnet: '10.5.9.1/24' });
    assert.deepEqual(choice, { action: 'reuse', lease, release: [], others: [] });
  });

  it('takes a permanent one as it is', () => {
    const lease = mine('10.5.34.0/24', 10, '0');
    assert.equal(choose({ leases: [lease] }).action, 'reuse');
  });

  it('prefers the previous subnet, then the eldest, and reports the others', () => {
    const [a, b, c] = [mine('10.5.1.0/24', 12), mine('10.5.2.0/24', 11), mine('10.5.3.0/24', 13)];
    const eldest = choose({ leases: [a, b, c] });
    assert.deepEqual([eldest.action === 'reuse' && eldest.lease, eldest.others], [b, [a, c]]);
    const previous = choose({ leases: [a, b, c], previousSubnet: '10.5.3.1/24' });
    assert.equal(previous.action === 'reuse' && previous.lease, c);
  });

  it('takes the first and the last block of the range, and releases what lies outside it or has another length', () => {
    for (const subnet of ['10.5.1.0/24', '10.5.255.0/24'])
      assert.equal(choose({ leases: [mine(subnet)] }).action, 'reuse');
    for (const subnet of ['10.5.0.0/24', '10.6.1.0/24', '10.5.2.0/25', '10.5.2.0/23']) {
      const lease = mine(subnet);
      const choice = choose({ leases: [lease] });
      assert.deepEqual([choice.action, choice.release], ['create', [lease]]);
    }
  });

  it('never releases a reservation that does not fit, but reports it', () => {
    const lease = mine('10.6.1.0/24', 10, '0');
    const choice = choose({ leases: [lease] });
    assert.deepEqual([choice.action, choice.release, choice.others], ['create', [], [lease]]);
  });

  it('gives up its own lease that overlaps an elder one', () => {
    const lease = mine('10.5.1.0/24', 10);
    const wide = theirs('10.5.0.0/22', 2, 5);
    const choice = choose({ leases: [lease, wide] });
    assert.ok(choice.action === 'create');
    assert.deepEqual([choice.subnet, choice.release], ['10.5.4.0/24', [lease]]);
    assert.equal(choose({ leases: [lease, theirs('10.5.0.0/22', 2, 11)] }).action, 'reuse');
  });

  it('has no use for a lease with an IPv6 half in a network without', () => {
    const dual = { ...mine('10.5.1.0/24'), ipv6Subnet: 'fc00::/64' };
    assert.deepEqual(choose({ leases: [dual] }).release, [dual]);
  });
});

describe('chooseLease, a new one', () => {
  it('takes the previous subnet if it is free', () => {
    const choice = choose({ leases: [theirs('10.5.1.0/24')], previousSubnet: '10.5.9.1/24' });
    assert.ok(choice.action === 'create');
    assert.equal(choice.subnet, '10.5.9.0/24');
  });

  it('leaves the previous subnet to whoever is there, whatever the length', () => {
    for (const other of ['10.5.9.0/24', '10.5.8.0/23', '10.5.9.128/25']) {
      const lease = theirs(other);
      const choice = choose({ leases: [lease], previousSubnet: '10.5.9.1/24' });
      assert.ok(choice.action === 'create');
      assert.deepEqual([choice.subnet, choice.release], ['10.5.1.0/24', []]);
    }
    for (const occupied of ['10.5.9.7/24', '10.5.9.3/25']) {
      const choice = choose({ occupied: [occupied], previousSubnet: '10.5.9.1/24' });
      assert.equal(choice.action === 'create' && choice.subnet, '10.5.1.0/24');
    }
  });

  it('has no use for a previous subnet of another network or length, or that is none', () => {
    for (const previousSubnet of ['10.6.9.1/24', '10.5.9.1/25', '10.5.0.1/24', 'nonsense', '']) {
      const choice = choose({ previousSubnet });
      assert.equal(choice.action === 'create' && choice.subnet, '10.5.1.0/24');
    }
  });

  it('goes back to where it was when the store has lost that', () => {
    const lost = mine('10.5.34.0/24');
    const other = theirs('10.5.35.0/24');
    const choice = choose({ leases: [lost, other], lingering: new Set([lost.key, other.key]) });
    assert.deepEqual(choice, { action: 'create', subnet: '10.5.34.0/24', release: [], others: [] });
    const without = choose({ leases: [lost, other], lingering: new Set([other.key]), publicIP: addressOf(2) });
    assert.equal(without.action === 'create' && without.subnet, '10.5.35.0/24');
  });

  it('goes back to the lost one that this host used, where it had two', () => {
    const leases = [mine('10.5.33.0/24'), mine('10.5.29.0/24')];
    for (const { subnet } of leases) {
      const choice = choose({ leases, lingering: new Set(leases.map(({ key }) => key)), previousSubnet: subnet });
      assert.deepEqual([choice.action, choice.action === 'create' && choice.subnet], ['create', subnet]);
    }
  });

  it('does not take what a lost lease of another still has', () => {
    const others = ['10.5.0.16/28', '10.5.0.32/28', '10.5.0.48/28'].map((subnet, i) => theirs(subnet, i + 2));
    const choice = choose({ config: small, leases: others, lingering: new Set(others.map(({ key }) => key)) });
    assert.equal(choice.action, 'outOfSubnets');
  });

  it('finds the last free block, and says when there is none', () => {
    const leases = ['10.5.0.16/28', '10.5.0.48/28'].map((subnet, i) => theirs(subnet, i + 2));
    for (const random of [0, 0.5, 0.999]) {
      const choice = choose({ config: small, leases, random: () => random });
      assert.equal(choice.action === 'create' && choice.subnet, '10.5.0.32/28');
    }
    const full = choose({ config: small, leases, occupied: ['10.5.0.33/28'] });
    assert.ok(full.action === 'outOfSubnets');
    assert.match(full.detail, /All 3 subnets of length \/28 from 10\.5\.0\.16 to 10\.5\.0\.48/);
  });

  it('never takes a block that a shorter one covers or a longer one touches', () => {
    const choice = choose({ config: small, leases: [theirs('10.5.0.32/27'), theirs('10.5.0.30/31', 3)] });
    assert.equal(choice.action, 'outOfSubnets');
  });

  it('is not moved by keys that are not inside the network', () => {
    const all = theirs('0.0.0.0/0', 2, 1);
    const choice = choose({ leases: [all], occupied: ['10.0.0.0/8'], previousSubnet: '10.5.9.1/24' });
    assert.equal(choice.action === 'create' && choice.subnet, '10.5.9.0/24');
    assert.equal(choose({ leases: [all, mine('10.5.1.0/24')] }).action, 'reuse');
  });

  it('picks evenly, and among millions as well', () => {
    const pool = { min: 0x0a000004, max: 0x0afffffc, length: 30 };
    const taken = Array.from({ length: 16_384 }, (_, i) => ({ ip: 0x0a000004 + i * 1024, length: 30 }));
    const first = pickFree(pool, taken, () => 0);
    const last = pickFree(pool, taken, () => 1 - 2 ** -53);
    assert.deepEqual([first?.ip, last?.ip], [0x0a000008, 0x0afffffc]);
    const middle = pickFree(pool, taken, () => 0.5)!.ip;
    assert.ok(Math.abs(middle - 0x0a800000) < 100_000, `${middle} is far from the middle`);
  });
});
