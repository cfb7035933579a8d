import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { namedAnother, takenOverByAddress, writtenOver } from '../../../../reconciler/lease/two-hosts.ts';
import { addressOf, leaseOf, macOf } from '../../../helpers/store.ts';

const subnet = '10.5.9.0/24';
const lease = leaseOf({ subnet, host: 1, revision: 5 });
const none = { subnets: [], identities: new Set<string>() };
const withoutData = `{"PublicIP":"${addressOf(1)}","PublicIPv6":null,"BackendType":"host-gw"}`;

describe('a lease that is taken over by its address alone', () => {
  it('is told, with the cure, if nothing here shows that it was here before', () => {
    const held = takenOverByAddress(lease, none)!;
    assert.deepEqual([held.kind, held.key, held.unmet], ['lease', lease.key, false]);
    assert.match(held.detail, /10\.5\.9\.0\/24.*192\.168\.0\.1.*--iface or --public-ip\.$/);
    assert.ok(takenOverByAddress({ ...leaseOf({ subnet, host: 1, revision: 5, value: withoutData }) }, none));
  });

  it('is not, if subnet.env, the last good copy or a device shows it', () => {
    assert.equal(takenOverByAddress(lease, { ...none, subnets: ['', subnet] }), undefined);
    assert.equal(takenOverByAddress(lease, { ...none, identities: new Set([macOf(1)]) }), undefined);
    assert.ok(takenOverByAddress(lease, { subnets: ['10.5.8.0/24'], identities: new Set([macOf(2)]) }));
  });

  it('nor a reservation that no host has used yet', () => {
    const permanent = { subnet, host: 1, revision: 5, leaseId: '0' };
    assert.equal(takenOverByAddress(leaseOf({ ...permanent, value: withoutData }), none), undefined);
    assert.ok(takenOverByAddress(leaseOf(permanent), none), 'one with a VTEP has a host');
  });
});

describe('a lease that two hosts write', () => {
  it('is told to who rewrites it to its own address, unless that was an address of its own', () => {
    const held = namedAnother(lease, addressOf(2), [addressOf(2)])!;
    assert.match(
      held.detail,
      new RegExp(`named ${addressOf(1)},.*${addressOf(2)}.*${macOf(1)}.*delete flannel's device`),
    );
    assert.equal(namedAnother(lease, addressOf(1), []), undefined);
    assert.equal(namedAnother(lease, addressOf(2), [addressOf(1), addressOf(2)]), undefined);
  });

  it('and to whose lease is written over: by another address, or another MAC', () => {
    const { attrs } = lease;
    const moved = { ...attrs, publicIP: addressOf(2) };
    assert.match(
      writtenOver(lease, moved, [])!.detail,
      /public IP is 192\.168\.0\.2 now, and was 192\.168\.0\.1;.*--iface/,
    );
    assert.equal(writtenOver(lease, moved, [addressOf(2)]), undefined, 'a run beside us, after the address changed');
    const { attrs: other } = leaseOf({ subnet, host: 2, revision: 6 });
    assert.match(writtenOver(lease, { ...other, publicIP: addressOf(1) }, [])!.detail, /MAC is 02:00:00:00:00:02 now/);
    assert.equal(writtenOver(lease, attrs, []), undefined);
    const hostGw = { ...attrs, backendType: 'host-gw', backendData: undefined };
    assert.equal(writtenOver(lease, hostGw, []), undefined, 'a move of the network');
  });
});
