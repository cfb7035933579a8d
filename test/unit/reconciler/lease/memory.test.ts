import assert from 'node:assert/strict';
import { it } from 'node:test';
import { tooLittleMemory } from '../../../../reconciler/lease/memory.ts';

const MB = 1 << 20;

it('a heap that 16,384 leases would fill is told before, with what to give instead', () => {
  // --max-old-space-size=64 and 96 were seen to end, 128 to be enough.
  for (const limit of [112, 144]) {
    const held = tooLittleMemory('/p', 16_384, limit * MB);
    assert.equal(held?.unmet, true);
    assert.match(held.detail, new RegExp(`may have ${limit - 48},.*--max-old-space-size=1\\d\\d or more`));
  }
  assert.equal(tooLittleMemory('/p', 16_384, 176 * MB), undefined);
  assert.equal(tooLittleMemory('/p', 4096, 88 * MB), undefined);
  assert.equal(tooLittleMemory('/p', 16_384, undefined), undefined);
});
