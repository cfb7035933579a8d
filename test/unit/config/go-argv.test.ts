import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGoArgv } from '../../../config/go-argv.ts';
import { parseGoBool, parseGoInt } from '../../../config/go-value.ts';
import { nearest } from '../../../config/nearest.ts';

const given = (...argv: string[]) => Object.fromEntries(parseGoArgv(argv).given);

test('one dash or two, "=" or the next word', () => {
  for (const argv of [['-etcd-prefix=/x'], ['--etcd-prefix=/x'], ['-etcd-prefix', '/x'], ['--etcd-prefix', '/x']]) {
    assert.deepEqual(given(...argv), { 'etcd-prefix': ['/x'] });
  }
});

test('a value may be empty, hold "=" or start with a dash', () => {
  assert.deepEqual(given('--public-ip='), { 'public-ip': [''] });
  assert.deepEqual(given('--etcd-password=a=b'), { 'etcd-password': ['a=b'] });
  assert.deepEqual(given('--etcd-password', '--once'), { 'etcd-password': ['--once'] });
  assert.deepEqual(given('-v', '-1'), { v: ['-1'] });
});

test('a bool never takes the next word', () => {
  const { given: flags, rest } = parseGoArgv(['--ip-masq', 'true', '--once']);
  assert.deepEqual([...flags], [['ip-masq', ['true']]]);
  assert.deepEqual(rest, ['true', '--once']);
  assert.deepEqual(given('--ip-masq=false', '-once=T'), { 'ip-masq': ['false'], once: ['T'] });
});

test('reading stops at the first word, at "-" and at "--"', () => {
  assert.deepEqual(parseGoArgv(['--once', 'drift', '--once']).rest, ['drift', '--once']);
  assert.deepEqual(parseGoArgv(['-', '--once']), { given: new Map(), rest: ['-', '--once'], terminated: false });
  assert.deepEqual(parseGoArgv(['--', '--once']), { given: new Map(), rest: ['--once'], terminated: true });
});

test('repeated flags keep all their values', () => {
  assert.deepEqual(given('--iface=eth0', '-iface', 'eth1', '--v=1', '--v=2'), {
    iface: ['eth0', 'eth1'],
    v: ['1', '2'],
  });
});

test('-h is --help', () => {
  assert.deepEqual(given('-h'), { help: ['true'] });
});

test('what is no flag is refused, with the nearest one', () => {
  const cases: [string, string][] = [
    ['--etcd-prefx=/x', '--etcd-prefx is no flag of selvage: did you mean --etcd-prefix?'],
    ['-iptable-resync=5', '-iptable-resync is no flag of selvage: did you mean --iptables-resync?'],
    ['--completely-else', '--completely-else is no flag of selvage: selvage --help lists them.'],
    ['--Once', '--Once is no flag of selvage: did you mean --once?'],
    ['---once', '---once is no flag of selvage: did you mean --once?'],
    ['--=x', '-- is no flag of selvage: selvage --help lists them.'],
    ['--__proto__=x', '--__proto__ is no flag of selvage: selvage --help lists them.'],
  ];
  for (const [word, message] of cases) assert.throws(() => parseGoArgv([word]), { name: 'UsageError', message });
});

test('a missing value is named', () => {
  assert.throws(() => parseGoArgv(['--etcd-prefix']), {
    name: 'UsageError',
    flag: 'etcd-prefix',
    message: '--etcd-prefix needs a value: write --etcd-prefix=KEY.',
  });
});

test('Go’s bools and integers', () => {
  for (const text of ['1', 't', 'T', 'true', 'TRUE', 'True']) assert.equal(parseGoBool(text), true);
  for (const text of ['0', 'f', 'F', 'false', 'FALSE', 'False']) assert.equal(parseGoBool(text), false);
  for (const text of ['', 'yes', 'on', 'tRUE', ' true']) assert.equal(parseGoBool(text), undefined);
  const ints: [string, number | undefined][] = [
    ['0', 0],
    ['42', 42],
    ['-7', -7],
    ['+7', 7],
    ['0x10', 16],
    ['0b11', 3],
    ['0o17', 15],
    ['017', 15],
    ['1_000', 1000],
    ['', undefined],
    ['1.0', undefined],
    ['1e3', undefined],
    ['09', undefined],
    ['_1', undefined],
    ['1__0', undefined],
    [' 1', undefined],
    ['99999999999999999999', undefined],
  ];
  for (const [text, value] of ints) assert.equal(parseGoInt(text), value, text);
});

test('nearest', () => {
  assert.equal(nearest('drfit', ['run', 'drift']), 'drift');
  assert.equal(nearest('zzz', ['run', 'drift']), undefined);
  assert.equal(nearest('x', []), undefined);
});
