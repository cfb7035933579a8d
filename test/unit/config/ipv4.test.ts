import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  contains,
  formatCidr,
  formatIp,
  isGlobalUnicast,
  isLinkLocal,
  isLoopback,
  isMulticast,
  lastOf,
  maskCidr,
  maskOf,
  networkOf,
  overlaps,
  parseCidr,
  parseIp,
} from '../../../config/ipv4.ts';

test('addresses are read as unsigned numbers', () => {
  assert.equal(parseIp('0.0.0.0'), 0);
  assert.equal(parseIp('10.5.34.1'), 0x0a052201);
  assert.equal(parseIp('255.255.255.255'), 0xffffffff);
  assert.equal(formatIp(0xffffffff), '255.255.255.255');
  assert.equal(formatIp(0x80000000), '128.0.0.0');
});

test('what is no canonical address is refused', () => {
  for (const text of [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '256.0.0.1',
    '01.2.3.4',
    '1.2.3.00',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '+1.2.3.4',
    '1.2.3.-4',
    '1.2.3.4/24',
    '0x1.2.3.4',
    '١.2.3.4',
    '::1',
    '1.2.3.9999999999',
  ]) {
    assert.equal(parseIp(text), undefined, JSON.stringify(text));
  }
});

test('ranges keep their host bits', () => {
  assert.deepEqual(parseCidr('10.5.34.7/24'), { ip: 0x0a052207, length: 24 });
  assert.deepEqual(parseCidr('0.0.0.0/0'), { ip: 0, length: 0 });
  assert.equal(formatCidr({ ip: 0xc0a84003, length: 32 }), '192.168.64.3/32');
  assert.equal(maskCidr('10.5.34.7/24'), '10.5.34.0/24');
  assert.equal(maskCidr('10.5.34.7'), undefined);
});

test('what is no canonical range is refused', () => {
  for (const text of ['', '/', '10.5.0.0', '10.5.0.0/', '10.5.0.0/33', '10.5.0.0/024', '10.5.0.0/08', '10.5.0.0/-1']) {
    assert.equal(parseCidr(text), undefined, JSON.stringify(text));
  }
  for (const text of ['10.5.0.0/1 ', '10.5.0.0/a', '10.5.0/16', '10.5.0.0/16/16', '/24', '10.5.0.0/100']) {
    assert.equal(parseCidr(text), undefined, JSON.stringify(text));
  }
});

test('masks at both ends of the scale', () => {
  assert.deepEqual([0, 1, 24, 31, 32].map(maskOf), [0, 0x80000000, 0xffffff00, 0xfffffffe, 0xffffffff]);
  assert.equal(networkOf(0xffffffff, 0), 0);
  assert.equal(networkOf(0xffffffff, 1), 0x80000000);
  assert.equal(lastOf(0x0a052200, 24), 0x0a0522ff);
  assert.equal(lastOf(0, 0), 0xffffffff);
  assert.equal(lastOf(7, 32), 7);
});

test('contains: range in range, address in range, as text or parsed', () => {
  assert.equal(contains('10.5.0.0/16', '10.5.34.0/24'), true);
  assert.equal(contains('10.5.0.0/16', '10.5.0.0/16'), true);
  assert.equal(contains('10.5.34.0/24', '10.5.0.0/16'), false);
  assert.equal(contains('10.5.0.0/16', '10.6.0.0/24'), false);
  assert.equal(contains('10.5.9.9/16', '10.5.255.255'), true);
  assert.equal(contains({ ip: 0x0a050000, length: 16 }, 0x0a05ffff), true);
  assert.equal(contains({ ip: 0x0a050000, length: 16 }, 0x0a060000), false);
  assert.equal(contains('0.0.0.0/0', '255.255.255.255'), true);
  assert.equal(contains('nonsense', '10.5.0.0/16'), false);
  assert.equal(contains('10.5.0.0/16', 'nonsense'), false);
});

test('overlaps is symmetric', () => {
  assert.equal(overlaps('10.5.34.0/24', '10.5.0.0/16'), true);
  assert.equal(overlaps('10.5.0.0/16', '10.5.34.0/24'), true);
  assert.equal(overlaps('10.5.34.0/24', '10.5.35.0/24'), false);
  assert.equal(overlaps('10.5.34.128/25', '10.5.34.0/25'), false);
  assert.equal(overlaps('10.5.34.0/24', 'x'), false);
});

test('kinds of addresses, as Go sees them', () => {
  const global = (text: string) => isGlobalUnicast(parseIp(text)!);
  for (const text of ['10.0.0.1', '192.168.1.1', '8.8.8.8', '240.0.0.1', '126.255.255.255', '169.253.0.1']) {
    assert.equal(global(text), true, text);
  }
  for (const text of ['0.0.0.0', '255.255.255.255', '127.0.0.1', '169.254.3.4', '224.0.0.1', '239.255.255.255']) {
    assert.equal(global(text), false, text);
  }
  assert.equal(isLinkLocal(parseIp('169.254.255.255')!), true);
  assert.equal(isLinkLocal(parseIp('169.255.0.0')!), false);
  assert.equal(isLoopback(parseIp('127.1.2.3')!), true);
  assert.equal(isLoopback(parseIp('128.0.0.1')!), false);
  assert.equal(isMulticast(parseIp('224.0.0.0')!), true);
  assert.equal(isMulticast(parseIp('240.0.0.0')!), false);
});
