/** The sum in WebAssembly and in JavaScript is that of RFC 1071, wherever the bytes begin and however many they are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Memory } from '../../../../drivers/udp/engine/memory.ts';
import { type OnesSum, openOnesSum, plainOnesSum } from '../../../../drivers/udp/engine/ones-sum.ts';
import { holds } from '../../../helpers/property.ts';
import { bytes } from '../../../helpers/udp/arbitrary.ts';
import { sumOf } from '../../../helpers/udp/reference.ts';

const memory = new Memory(4 * 65_536, () => 0);
const { sums: wasm, plain } = await openOnesSum(memory);

const swapped = (sum: number): number => ((sum & 0xff) << 8) | (sum >>> 8);
/** 0 and 0xffff are one number in ones' complement. */
const same = (sum: number): number => sum % 0xffff;

const range = fc.record({
  content: fc.oneof(
    bytes(200),
    bytes(3000),
    fc.integer({ min: 0, max: 70_000 }).map((n) => new Uint8Array(n).fill(255)),
  ),
  at: fc.integer({ min: 0, max: 40 }),
  initial: fc.integer({ min: 0, max: 0xffff }),
});

test('WebAssembly is there, in this Node', () => assert.equal(plain, undefined));

for (const [name, sums] of [
  ['WebAssembly', wasm],
  ['JavaScript', plainOnesSum(memory)],
] as [string, OnesSum][]) {
  test(`${name}: the sum is the reference's`, async (t) => {
    await holds(t, range, async ({ content, at, initial }) => {
      memory.u8.fill(0xaa);
      memory.u8.set(content, at);
      const expected = same(sumOf(content) + swapped(initial));
      const sum = sums.sum(at, content.length, initial);
      assert.ok(sum <= 0xffff, `${sum} is not folded`);
      assert.equal(same(swapped(sum)), expected);
    });
  });

  test(`${name}: a copy is a copy, its sum is the same, and nothing beside it is touched`, async (t) => {
    await holds(t, range, async ({ content, at, initial }) => {
      memory.u8.fill(0xaa);
      const to = 100_000 + (at % 7);
      memory.u8.set(content, at);
      assert.equal(sums.copySum(to, at, content.length, initial), sums.sum(at, content.length, initial));
      assert.deepEqual(memory.u8.subarray(to, to + content.length), content);
      assert.equal(memory.u8[to - 1], 0xaa);
      assert.equal(memory.u8[to + content.length], 0xaa);
    });
  });
}
