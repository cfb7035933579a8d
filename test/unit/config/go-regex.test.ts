import assert from 'node:assert/strict';
import { it } from 'node:test';
import { goRegex } from '../../../config/go-regex.ts';

it("takes RE2's leading flags, and nothing that is no expression by itself", () => {
  assert.ok(goRegex('(?i)ETH\\d+')?.test('eth0'));
  assert.ok(!goRegex('ETH')?.test('eth0'));
  const whole = (text: string) => goRegex(text, (body) => `^(?:${body})$`);
  assert.ok(whole('eth9')?.test('eth9') && !whole('eth9')?.test('veth9f'));
  for (const text of ['eth[', '(', 'a)|(b', '(?i)(']) assert.equal(whole(text), undefined, text);
});
