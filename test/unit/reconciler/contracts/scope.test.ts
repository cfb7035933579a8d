import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  emptyScope,
  everything,
  isEmptyScope,
  MAX_IDS,
  mergeScope,
  scopeOf,
  scopeOfIds,
} from '../../../../reconciler/contracts/scope.ts';

const idsOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i % 2 ? 'fdb' : 'route'} ${i}`);

describe('a scope', () => {
  it('is added to in any order, once or twice, with the same result', () => {
    const parts = [
      scopeOf({ ids: ['route a'], links: ['flannel.1'] }),
      scopeOf({ kinds: ['file'], peers: ['10.5.1.0/24'] }),
      scopeOf({ ids: ['route a', 'fdb b'] }),
    ];
    const merged = (...order: number[]) => order.reduce((into, at) => mergeScope(into, parts[at]!), emptyScope());
    const sorted = (order: number[]) => {
      const { ids, ...rest } = merged(...order);
      return { ...rest, ids: [...ids].sort() };
    };
    assert.deepEqual(sorted([2, 1, 0]), sorted([0, 1, 2]));
    assert.deepEqual(sorted([0, 0, 1, 2, 1]), sorted([0, 1, 2]));
  });

  it('of everything swallows what is narrower, whichever comes first', () => {
    const narrow = () => scopeOf({ ids: ['route a'], peers: ['10.5.1.0/24'] });
    assert.deepEqual(mergeScope(narrow(), everything()), everything());
    assert.deepEqual(mergeScope(everything(), narrow()), everything());
    assert.ok(isEmptyScope(emptyScope()));
    assert.ok(!isEmptyScope(narrow()));
  });

  it('of more single things than are worth it becomes their kinds, and of more peers everything', () => {
    const few = mergeScope(scopeOf({ ids: idsOf(MAX_IDS - 1) }), scopeOf({ ids: ['fdb x'] }));
    assert.equal(few.ids.size, MAX_IDS);
    const many = mergeScope(few, scopeOf({ ids: ['fdb y'] }));
    assert.deepEqual([many.ids.size, [...many.kinds].sort()], [0, ['fdb', 'route']]);
    const peers = Array.from({ length: MAX_IDS + 1 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    assert.ok(mergeScope(emptyScope(), scopeOf({ peers })).all);
  });

  it('of ids is what merging them would make of it', () => {
    for (const count of [0, 1, MAX_IDS, MAX_IDS + 1]) {
      assert.deepEqual(scopeOfIds(idsOf(count)), mergeScope(emptyScope(), scopeOf({ ids: idsOf(count) })));
    }
  });
});
