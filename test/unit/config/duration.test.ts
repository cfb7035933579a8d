import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, parseDuration } from '../../../config/duration.ts';

test('read as Go reads them', () => {
  const cases: [string, number][] = [
    ['24h', 86_400_000],
    ['1h30m', 5_400_000],
    ['90s', 90_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1.s', 1000],
    ['0', 0],
    ['+3s', 3000],
    ['-3s', -3000],
    ['-0', 0],
    ['1h1h', 7_200_000],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['1s2ms', 1002],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

test('what is no duration is refused', () => {
  for (const text of ['', '24', '24 h', 'h', '1d', '1H', '-', '.s', '1h-3m', ' 1h', '1e3s', '3000000h', '+-1s']) {
    assert.equal(parseDuration(text), undefined, JSON.stringify(text));
  }
});

test('written as short as can be', () => {
  const cases: [number, string][] = [
    [86_400_000, '24h'],
    [5_400_000, '1h30m'],
    [90_000, '1m30s'],
    [500, '500ms'],
    [3_661_001, '1h1m1s1ms'],
    [0, '0s'],
    [-3000, '-3s'],
    [0.4, '0s'],
  ];
  for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
});
