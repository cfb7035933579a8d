import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contains6, formatCidr6, formatIp6, networkOf6, parseCidr6, parseIp6 } from '../../../config/ipv6.ts';

const canonical: [string, string][] = [
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['FC00:0:0:1:0:0:0:0', 'fc00:0:0:1::'],
  ['fc00::8000:0:0:0', 'fc00::8000:0:0:0'],
  ['fc00:0:0:1:8000:0:0:0', 'fc00:0:0:1:8000::'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['::ffff:c000:201', '::ffff:192.0.2.1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
];

test('addresses are read, and written as RFC 5952 has it', () => {
  for (const [text, wanted] of canonical) {
    const ip = parseIp6(text);
    assert.notEqual(ip, undefined, text);
    assert.equal(formatIp6(ip!), wanted);
    assert.equal(parseIp6(wanted), ip);
  }
});

test('what is no address is refused', () => {
  for (const text of [
    '',
    ':',
    ':::',
    '1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '1:2:3:4::5:6:7:8',
    '12345::',
    'g::',
    ':1',
    '1:',
    '::1%eth0',
    ' ::1',
    '1.2.3.4',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::1.2.3',
    '::01.2.3.4',
  ]) {
    assert.equal(parseIp6(text), undefined, JSON.stringify(text));
  }
});

test('ranges', () => {
  assert.deepEqual(parseCidr6('fc00::7/48'), { ip: parseIp6('fc00::7'), length: 48 });
  assert.equal(formatCidr6({ ip: 1n, length: 128 }), '::1/128');
  assert.equal(formatIp6(networkOf6(parseIp6('fc00:1:2:3::7')!, 48)), 'fc00:1:2::');
  assert.equal(networkOf6(7n, 0), 0n);
  assert.equal(networkOf6(7n, 128), 7n);
  for (const text of ['fc00::', 'fc00::/', 'fc00::/129', 'fc00::/048', 'fc00::/-1', '10.5.0.0/16', '/48']) {
    assert.equal(parseCidr6(text), undefined, text);
  }
});

test('contains', () => {
  const outer = parseCidr6('fc00::/48')!;
  assert.equal(contains6(outer, parseCidr6('fc00:0:0:1::/64')!), true);
  assert.equal(contains6(outer, parseCidr6('fc00:0:1::/64')!), false);
  assert.equal(contains6(outer, parseCidr6('fc00::/32')!), false);
});
