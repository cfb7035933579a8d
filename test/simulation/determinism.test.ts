/** The same seed is the same story, step by step; another seed is another one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from './random.ts';
import { scheduleOf } from './schedule.ts';
import { simulate } from './simulate.ts';

test('one seed gives one trace, whatever ran before it', async () => {
  const first = new Map<number, string>();
  for (const seed of [1001, 1002, 1003, 1004]) first.set(seed, (await simulate(scheduleOf(seed))).hash);
  assert.equal(new Set(first.values()).size, first.size, 'each has its own');
  for (const seed of [1004, 1002, 1001, 1003])
    assert.equal((await simulate(scheduleOf(seed))).hash, first.get(seed), `seed ${seed}`);
});

test('a fork of a stream takes nothing from it', () => {
  const [one, other] = [new Random(7), new Random(7)];
  one.fork('a').next();
  assert.equal(one.next(), other.next());
  assert.notEqual(one.fork('a').next(), one.fork('b').next());
});
