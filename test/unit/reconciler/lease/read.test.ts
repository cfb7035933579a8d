import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maskCidr } from '../../../../config/ipv4.ts';
import { parseLeaseAttrs } from '../../../../config/lease.ts';
import { leaseKey, parseLeaseKey } from '../../../../config/lease-key.ts';
import { readLease, readLeaseKey } from '../../../../reconciler/lease/read.ts';
import { readWrittenForm } from '../../../../reconciler/lease/written-form.ts';
import { LEASE_KEYS } from '../../../golden/lease-keys.ts';
import { ACCEPTED, REFUSED, WRITTEN, WRITTEN_V2 } from '../../../golden/lease-values.ts';
import { leaseRecord, valueFor } from '../../../helpers/store.ts';

describe('readLeaseKey', () => {
  const more = [
    '10.5.34.0-024',
    '1.10.5.34.0-24',
    '10.5.34.0/24',
    '10.5.34.0-24/',
    '',
    '10.5.34.0-32',
    '10.5.34.128-24',
  ];
  const keys = [...LEASE_KEYS.map(({ key }) => key), ...more.map((name) => `/x/subnets/${name}`)];
  for (const key of keys) {
    it(`agrees with flannel about ${key}, but for what is not to the letter`, () => {
      const prefix = key.startsWith('/x/') ? '/x' : '/coreos.com/network';
      const parsed = parseLeaseKey(key);
      const isExact =
        parsed &&
        key === leaseKey(prefix, parsed.subnet, parsed.ipv6Subnet) &&
        maskCidr(parsed.subnet) === parsed.subnet;
      const reading = readLeaseKey(`${prefix}/subnets/`, key);
      if (isExact) {
        assert.ok(!reading.problem, reading.problem?.detail);
        assert.deepEqual([reading.subnet, reading.ipv6Subnet], [parsed.subnet, parsed.ipv6Subnet]);
      } else {
        assert.ok(reading.problem, 'it must be held');
        assert.equal(reading.occupies, parsed?.subnet);
      }
    });
  }
});

describe('readLease', () => {
  const read = (value: string) =>
    readLease({ subnet: '10.5.1.0/24' }, leaseRecord({ subnet: '10.5.1.0/24', host: 1, revision: 1, value }));

  for (const { value, publicIP } of ACCEPTED) {
    it(`takes ${value}`, () => {
      const lease = read(value);
      assert.equal('attrs' in lease && lease.attrs.publicIP, publicIP);
    });
  }
  for (const { value } of REFUSED) {
    it(`holds ${value}`, () => {
      const lease = read(value);
      assert.equal('why' in lease && lease.why, 'malformed lease');
    });
  }
});

describe('readWrittenForm', () => {
  const values = [
    ...WRITTEN,
    ...WRITTEN_V2,
    valueFor(1),
    valueFor(1).replace('192.168.0.1', '192.168.0.01'),
    valueFor(1).replace('192.168.0.1', '1.2.3'),
    valueFor(1).replace('"VNI":1', '"VNI":01'),
    valueFor(1).replace('"VNI":1', '"VNI":99999999'),
    valueFor(1).replace(/02:[^"]*/, ':::::::::::::::::'),
    `${valueFor(1)} `,
    `${valueFor(1)}\n`,
  ];
  for (const value of values) {
    it(`says what the full reader says of ${JSON.stringify(value)}, or leaves it to that`, () => {
      const short = readWrittenForm(value);
      if (short) assert.deepEqual(short, parseLeaseAttrs(value));
    });
  }

  it('takes the forms that flannel writes for vxlan', () => {
    for (const value of [WRITTEN[1]!, WRITTEN_V2[0]!, valueFor(1)]) assert.ok(readWrittenForm(value), value);
  });
});
