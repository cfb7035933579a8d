import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cleanPrefix, configKey, leaseKey, parseLeaseKey, subnetsPrefix } from '../../../config/lease-key.ts';
import { LEASE_KEYS } from '../../golden/lease-keys.ts';

describe('golden lease keys', () => {
  for (const { key, subnet, ipv6Subnet } of LEASE_KEYS) {
    test(`${key} is ${subnet ?? 'no lease key'}`, () => {
      const parsed = parseLeaseKey(key);
      assert.deepEqual([parsed?.subnet ?? null, parsed?.ipv6Subnet ?? null], [subnet, ipv6Subnet]);
    });
  }
});

test('more keys, as flannel’s expression has them', () => {
  assert.deepEqual(parseLeaseKey('/x/subnets/10.5.34.0-024'), { subnet: '10.5.34.0/24' });
  assert.deepEqual(parseLeaseKey('/x/subnets/1.10.5.34.0-24'), { subnet: '10.5.34.0/24' });
  assert.deepEqual(parseLeaseKey('/x/subnets/0.0.0.0-0&fc00:0:0:1::-64'), {
    subnet: '0.0.0.0/0',
    ipv6Subnet: 'fc00:0:0:1::/64',
  });
  assert.deepEqual(parseLeaseKey('/x/subnets/10.5.34.0-24&fc00:0:0:0001::0-64')?.ipv6Subnet, 'fc00:0:0:1::/64');
  for (const key of [
    '',
    '/x/config',
    '/x/subnets/',
    '/x/subnets/10.5.34.0',
    '/x/subnets/10.5.34.0-',
    '/x/subnets/10.5.34.0-24/',
    '/x/subnets/10.5.34.0/24',
    '/x/subnets/300.5.34.0-24',
    '/x/subnets/10.5.34.0-99999999999999999999',
    '/x/subnets/10.5.34.0-24&',
    '/x/subnets/10.5.34.0-24&fc00::',
    '/x/subnets/10.5.34.0-24&fc00::1::-64',
    '/x/subnets/fc00::-64',
    '/x/10.5/34.0-24',
  ]) {
    assert.equal(parseLeaseKey(key), undefined, key);
  }
});

test('prefixes are cleaned as Go’s path.Join does, and get no leading slash', () => {
  const cases: [string, string][] = [
    ['/coreos.com/network', '/coreos.com/network'],
    ['/coreos.com/network/', '/coreos.com/network'],
    ['coreos.com/network', 'coreos.com/network'],
    ['//coreos.com///network//', '/coreos.com/network'],
    ['/a/./b/../c', '/a/c'],
    ['/..', '/'],
    ['/', '/'],
    ['.', ''],
    ['', ''],
    ['a/..', ''],
    ['../a', '../a'],
  ];
  for (const [prefix, clean] of cases) assert.equal(cleanPrefix(prefix), clean, prefix);
});

test('keys', () => {
  assert.equal(configKey('/coreos.com/network/'), '/coreos.com/network/config');
  assert.equal(configKey('/'), '/config');
  assert.equal(configKey(''), 'config');
  assert.equal(subnetsPrefix('/coreos.com/network'), '/coreos.com/network/subnets');
  assert.equal(leaseKey('/x/', '10.5.34.0/24'), '/x/subnets/10.5.34.0-24');
  assert.equal(leaseKey('/x', '10.5.34.0/24', 'fc00:0:0:1::/64'), '/x/subnets/10.5.34.0-24&fc00:0:0:1::-64');
});
