import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ipv4At,
  ipv4Number,
  ipv4Text,
  macAt,
  prefixLength,
  putMac,
} from '../../../../../drivers/netlink/codec/text.ts';

test('every IPv4 address survives the way to a number and back', () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (ip, length) => {
      assert.equal(ipv4Text(ipv4Number(ip)), ip);
      assert.equal(ipv4Number(`${ip}/${length}`), ipv4Number(ip));
      assert.equal(prefixLength(`${ip}/${length}`), length);
      assert.equal(ipv4At(Uint8Array.from(ip.split('.').map(Number)), 0), ip);
    }),
  );
  assert.equal(ipv4Number('255.255.255.255'), 0xffffffff);
  assert.equal(prefixLength('10.5.34.0'), 32);
});

test('what is no IPv4 address is refused', () => {
  for (const text of [
    '',
    '10.5.34',
    '10.5.34.0.1',
    '10.5.34.256',
    '10..34.0',
    '10.5.34.',
    '.5.34.0',
    'a.b.c.d',
    '::1',
    ' 1.2.3.4',
  ]) {
    assert.throws(() => ipv4Number(text), TypeError, text);
  }
  for (const text of ['10.5.34.0/33', '10.5.34.0/', '10.5.34.0/x', '10.5.34.0/-1']) {
    assert.throws(() => prefixLength(text), TypeError, text);
  }
});

test('every MAC address survives the way to bytes and back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
      const written = new Uint8Array(8);
      putMac(written, 1, macAt(bytes, 0));
      assert.deepEqual(written.subarray(1, 7), bytes);
    }),
  );
  const upper = new Uint8Array(6);
  putMac(upper, 0, 'AA:BB:CC:DD:EE:FF');
  assert.equal(macAt(upper, 0), 'aa:bb:cc:dd:ee:ff');
});

test('what is no MAC address is refused', () => {
  for (const text of ['', 'aa:bb:cc:dd:ee', 'aa:bb:cc:dd:ee:fg', 'aa-bb-cc-dd-ee-ff', 'aa:bb:cc:dd:ee:ff:00']) {
    assert.throws(() => putMac(new Uint8Array(6), 0, text), TypeError, text);
  }
});
