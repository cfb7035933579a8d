import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Have } from '../../../../reconciler/kinds/index.ts';
import { keepSubnets, mayDelete } from '../../../../reconciler/plan/gates.ts';
import { observedOf, overlayWith } from '../../../helpers/planning.ts';

const haves = observedOf(overlayWith(2));
const keptIds = (subnets: string[], among = haves): string[] => {
  const keep = keepSubnets(subnets, among);
  return among.filter(keep).map(keyOfKind);
};
const keyOfKind = (have: Have): string => {
  const names = { neighbour: 'ip', fdb: 'mac', nexthop: 'gateway', route: 'dst' } as Record<string, string>;
  return `${have.kind} ${(have as unknown as Record<string, string>)[names[have.kind] ?? 'kind']}`;
};

test('deleting takes complete knowledge of both sides', () => {
  assert.equal(mayDelete({ desiredComplete: true, scopeComplete: true }), true);
  assert.equal(mayDelete({ desiredComplete: false, scopeComplete: true }), false);
  assert.equal(mayDelete({ desiredComplete: true, scopeComplete: false }), false);
});

test('all that one subnet’s peer has is kept: its FDB entry by the MAC in its ARP entry', () => {
  assert.deepEqual(keptIds(['10.5.2.0/24']), [
    'neighbour 10.5.2.0',
    'fdb 02:00:00:00:02:01',
    'nexthop 10.5.2.0',
    'route 10.5.2.0/24',
  ]);
  assert.deepEqual(keptIds([]), []);
  assert.deepEqual(
    keptIds(['10.5.77.0/24', 'nonsense']),
    ['fdb 02:00:00:00:02:01', 'fdb 02:00:00:00:03:01'],
    'any might be its',
  );
});

test('what a peer has whose lease names a way that this host does not have is kept, and no other FDB entry for its sake', () => {
  const kept = (among: Have[]): string[] => among.filter(keepSubnets([], among, ['10.5.2.0/24'])).map(keyOfKind);
  assert.deepEqual(kept(haves), keptIds(['10.5.2.0/24']));
  const without = haves.filter((have) => have.kind !== 'neighbour');
  assert.deepEqual(kept(without), ['nexthop 10.5.2.0', 'route 10.5.2.0/24']);
});

test('without its ARP entry any FDB entry might be its, and all stay', () => {
  const without = haves.filter((have) => have.kind !== 'neighbour' || have.ip !== '10.5.2.0');
  assert.deepEqual(keptIds(['10.5.2.0/24'], without), [
    'fdb 02:00:00:00:02:01',
    'nexthop 10.5.2.0',
    'route 10.5.2.0/24',
    'fdb 02:00:00:00:03:01',
  ]);
});
