import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BlockIndex } from '../../../../reconciler/lease/blocks.ts';
import { settle } from '../../../../reconciler/store/rivals.ts';

describe('settle', () => {
  /** Rivals are those that share a letter; the text is the order. */
  const decide = (all: string[], start = all) =>
    settle(
      start,
      (one) => all.filter((other) => [...other.slice(1)].some((letter) => one.slice(1).includes(letter))),
      (a, b) => (a < b ? -1 : 1),
    );

  it('has nobody lose without a rival, and looks at nobody else', () => {
    assert.deepEqual([...decide(['1a', '2b'], ['1a'])], [['1a', undefined]]);
  });

  it('lets the first win, and who rivals only a loser', () => {
    const verdicts = decide(['1a', '2ab', '3b'], ['2ab']);
    assert.deepEqual([...verdicts].sort(), [
      ['1a', undefined],
      ['2ab', '1a'],
      ['3b', undefined],
    ]);
  });

  it('follows rivals of rivals from any of them', () => {
    const all = ['1a', '2ab', '3bc', '4cd'];
    for (const start of all)
      assert.deepEqual(new Map([...decide(all, [start])].sort()), new Map([...decide(all)].sort()));
  });
});

describe('BlockIndex', () => {
  const item = (ip: number, length: number) => ({ block: { ip, length } });
  const net = 0x0a050000;

  it('finds what contains a block, is it, or is in it', () => {
    const index = new BlockIndex<{ block: { ip: number; length: number } }>();
    const items = [item(net, 16), item(net, 24), item(net + 256, 24), item(net + 64, 26), item(net, 24)];
    for (const one of items) index.add(one);
    index.add(items[1]!);
    const found = (ip: number, length: number) => new Set(index.overlapping({ ip, length }));
    assert.deepEqual(found(net, 24), new Set([items[0], items[1], items[3], items[4]]));
    assert.deepEqual(found(net, 8), new Set(items), 'more places than blocks');
    assert.deepEqual(found(net + 0x200, 24), new Set([items[0]]));
    assert.deepEqual(found(net + 0x10000, 16), new Set());
    index.delete(items[0]!);
    index.delete(items[1]!);
    index.delete(items[1]!);
    assert.deepEqual(found(net, 24), new Set([items[3], items[4]]));
    assert.equal(index.overlapping({ ip: net, length: 24 }).length, 2);
  });
});
