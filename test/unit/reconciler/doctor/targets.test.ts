import assert from 'node:assert/strict';
import { it } from 'node:test';
import { targetsOf } from '../../../../reconciler/doctor/targets.ts';
import { factsOf, leaseOf, lookWith } from '../../../helpers/facts.ts';

const leases = [1, 2, 3, 4, 5].map((block) => leaseOf(block));
const facts = factsOf({ look: lookWith({ leases }) });
const subnets = (wanted: Parameters<typeof targetsOf>[1], random = () => 0) =>
  targetsOf(facts, wanted, random)?.targets.map(({ subnet }) => subnet);

it('everybody but this host, so many, or those that are named', () => {
  assert.deepEqual(subnets('all'), ['10.5.2.0/24', '10.5.3.0/24', '10.5.4.0/24', '10.5.5.0/24']);
  assert.deepEqual(subnets(64), subnets('all'));
  assert.equal(subnets(2, Math.random)?.length, 2);
  assert.deepEqual(subnets(['10.5.4.0/24', '192.0.2.2']), ['10.5.2.0/24', '10.5.4.0/24']);
  assert.deepEqual(targetsOf(facts, ['10.9.9.0/24', '192.0.2.2'], () => 0)?.unknown, ['10.9.9.0/24']);
});

it('each is drawn as often as any other', () => {
  // Each of n equal parts of [0, 1) leads to another peer, in order.
  const all = subnets('all')!;
  assert.deepEqual(
    all.map((_, i) => subnets(1, () => (i + 0.5) / all.length)),
    all.map((subnet) => [subnet]),
  );
});

it('a tunnel has the first address of its subnet; without one it is the bridge that answers, and that asks', () => {
  const tunnelled = targetsOf(facts, 1, () => 0);
  assert.deepEqual(
    [tunnelled?.targets[0]?.address, tunnelled?.mtu, tunnelled?.outerMtu, tunnelled?.source],
    ['10.5.2.0', 1450, 1500, undefined],
  );
  const look = lookWith({ config: { Type: 'host-gw' }, leases });
  const direct = targetsOf(
    factsOf({ look: { ...look, host: { ...look.host!, addresses: ['10.5.1.1', '192.0.2.1'] } } }),
    1,
    () => 0,
  );
  assert.deepEqual([direct?.targets[0]?.address, direct?.outerMtu, direct?.source], ['10.5.2.1', 1450, '10.5.1.1']);
});

it('without config and lease there is nobody', () => {
  assert.equal(
    targetsOf(factsOf({ look: undefined }), 'all', () => 0),
    undefined,
  );
});
