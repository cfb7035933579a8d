import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../config/errors.ts';
import { httpUrl, isLoopback, parseHttpAddress } from '../../../config/http-address.ts';
import { parseOptions } from '../../../config/options.ts';

test('an address and a port', () => {
  assert.deepEqual(parseHttpAddress('127.0.0.1:9472'), { ip: '127.0.0.1', port: 9472 });
  assert.deepEqual(parseHttpAddress('[::1]:80'), { ip: '::1', port: 80 });
  for (const wrong of [
    ':9472',
    '9472',
    'localhost:80',
    '::1:80',
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:70000',
    '[127.0.0.1]:80',
  ])
    assert.equal(parseHttpAddress(wrong), undefined, wrong);
  assert.equal(httpUrl({ ip: '::1', port: 80 }), 'http://[::1]:80/');
});

test('which of them only this host can reach', () => {
  assert.deepEqual(['127.0.0.1', '127.1.2.3', '::1', '0:0:0:0:0:0:0:1'].map(isLoopback), [true, true, true, true]);
  assert.deepEqual(['0.0.0.0', '::', '192.168.64.2', 'fe80::1', '1::1'].map(isLoopback), [
    false,
    false,
    false,
    false,
    false,
  ]);
});

test('the flag names what is wrong', () => {
  assert.deepEqual(parseOptions(['--http=127.0.0.1:9472'], {}).http, { ip: '127.0.0.1', port: 9472 });
  assert.equal(parseOptions([], { SELVAGE_HTTP: '' }).http, undefined);
  assert.throws(
    () => parseOptions(['--http=:9472'], {}),
    (error) => error instanceof UsageError && /127\.0\.0\.1:9472/.test(error.message),
  );
});
