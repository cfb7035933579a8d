import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renewAfter, renewDelayMs, termFrom, timesOf } from '../../../../reconciler/lease/renewal.ts';
import { leaseValue, needsRewrite } from '../../../../reconciler/lease/value.ts';
import { mustYieldTo } from '../../../../reconciler/lease/yield.ts';
import { addressOf, keyFor, leaseOf, macOf } from '../../../helpers/store.ts';

const HOUR = 3600;
const NETWORK = '10.5.0.0/16';

describe('the own value', () => {
  const own = { publicIP: addressOf(1), backendType: 'vxlan', backendData: { VNI: 1, VtepMAC: macOf(1) } };
  const text = leaseValue(own);
  const leaseWith = (value: string) => leaseOf({ subnet: '10.5.1.0/24', host: 1, revision: 1, value });

  it('is what flannel v0.28 writes', () => {
    const expected = `{"PublicIP":"192.168.0.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}}`;
    assert.equal(text, expected);
    assert.equal(
      leaseValue({ publicIP: '192.0.2.1', backendType: 'host-gw' }),
      '{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"host-gw"}',
    );
  });

  for (const [name, value] of [
    ['itself', text],
    [
      'what v0.11 wrote',
      '{"PublicIP":"192.168.0.1","BackendType":"vxlan","BackendData":{"VtepMAC":"02:00:00:00:00:01"}}',
    ],
    [
      'another spelling',
      '{ "publicip":"192.168.0.1", "BackendData":{"VtepMAC":"02-00-00-00-00-01","VNI":1},"BackendType":"vxlan","x":1}',
    ],
  ] as const) {
    it(`leaves ${name} as it is`, () => assert.equal(needsRewrite(leaseWith(value), text), false));
  }

  for (const [name, value] of [
    ['a reservation', '{"PublicIP":"192.168.0.1"}'],
    ['another address', text.replace('0.1"', '0.2"')],
    ['another MAC', text.replace(':01"', ':02"')],
    ['another backend', text.replace('vxlan', 'host-gw')],
    ['a wrong VNI', text.replace('"VNI":1', '"VNI":2')],
    ['an IPv6 address', text.replace('null', '"2001:db8::1"')],
    ['an IPv6 backend', text.replace(/}$/, ',"BackendV6Data":{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}}')],
  ] as const) {
    it(`replaces ${name}`, () => assert.equal(needsRewrite(leaseWith(value), text), true));
  }

  it('replaces what can not be read any more', () => {
    assert.equal(needsRewrite({ ...leaseWith(text), value: 'junk' }, text), true);
  });
});

describe('mustYieldTo', () => {
  const own = { key: keyFor('10.5.1.0/24'), createRevision: 10 };
  const other = (subnet: string, createRevision: number) => ({ key: keyFor(subnet), createRevision });

  it('gives way to an elder that overlaps, of any length', () => {
    for (const subnet of ['10.5.0.0/23', '10.5.1.128/25', '10.5.1.7/24']) {
      assert.deepEqual(mustYieldTo(own, [own, other(subnet, 9)], NETWORK), other(subnet, 9));
    }
  });

  it('stays for a younger one, for one beside it, and for what is no lease key', () => {
    const beside = [
      other('10.5.0.0/23', 11),
      other('10.5.2.0/24', 9),
      other('0.0.0.0/0', 1),
      { key: '/x/subnets/what', createRevision: 1 },
    ];
    assert.equal(mustYieldTo(own, [own, ...beside], NETWORK), undefined);
  });

  it('is settled between two of one revision', () => {
    const twin = { key: `${own.key}&fc00::-64`, createRevision: 10 };
    assert.equal(mustYieldTo(own, [twin], NETWORK), undefined);
    assert.equal(mustYieldTo(twin, [own], NETWORK), own);
  });
});

describe('renewAfter', () => {
  const base = { grantedSeconds: 24 * HOUR, remainingSeconds: 24 * HOUR, marginMinutes: 60, random: 0 };

  it('is the margin before the end, or up to a twentieth of the term earlier', () => {
    assert.equal(renewAfter(base), 23 * HOUR * 1000);
    assert.equal(renewAfter({ ...base, remainingSeconds: 12 * HOUR }), 11 * HOUR * 1000);
    assert.equal(renewAfter({ ...base, random: 0.5 }), (23 - 24 * 0.025) * HOUR * 1000);
  });

  it('is two thirds of a term without room for the margin', () => {
    assert.equal(renewAfter({ ...base, grantedSeconds: 60, remainingSeconds: 60 }), 40_000);
    assert.equal(renewAfter({ ...base, grantedSeconds: HOUR, remainingSeconds: HOUR }), 2400_000);
  });

  it('is at once when it is late', () => {
    assert.equal(renewAfter({ ...base, remainingSeconds: 59 * 60 }), 0);
    assert.equal(renewAfter({ ...base, remainingSeconds: -5 }), 0);
  });
});

describe('the term of a lease', () => {
  const input = { grantedSeconds: 24 * HOUR, remainingSeconds: 24 * HOUR, marginMinutes: 60, random: 0 };
  const clock = (wall: number, steady: number) => ({ now: () => wall, steady: () => steady });
  const term = termFrom(input, clock(5_000_000, 100));
  const later = HOUR * 1000;

  it('is renewed in time whether its clock is set back or forth', () => {
    for (const set of [-10 * later, 0])
      assert.equal(renewDelayMs(term, clock(5_000_000 + later + set, 100 + later)), 22 * later);
    assert.equal(renewDelayMs(term, clock(5_000_000 + 30 * later, 100 + later)), 0, 'or the machine has slept');
  });

  it('is told in the time that the clock has now', () => {
    assert.deepEqual(timesOf(term, clock(1000, 100 + later)), {
      endsAt: 1000 + 23 * later,
      renewAt: 1000 + 22 * later,
    });
  });
});
