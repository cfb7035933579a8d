import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Lease } from '../../config/model.ts';
import { emptyScope, scopeOf } from '../../reconciler/contracts/scope.ts';
import { Desired } from '../../reconciler/desired/desired.ts';
import { contextOf, OWN_SUBNET, peerOf } from '../helpers/desired.ts';
import { leaseOf } from '../helpers/store.ts';

// Few MACs, so that peers meet; one of them no VTEP's, so that some are unreadable. Some are of one host, and share what they claim.
const lease: fc.Arbitrary<Lease> = fc
  .record({
    n: fc.nat(7),
    mac: fc.constantFrom('02:00:00:00:00:0a', '02:00:00:00:00:0b', '02:00:00:00:00:0c', '01:00:00:00:00:00'),
    revision: fc.integer({ min: 2, max: 30 }),
    of: fc.constantFrom(undefined, undefined, 1, 2),
  })
  .map(({ n, ...parts }) => peerOf(n, parts));
const own = leaseOf({ subnet: OWN_SUBNET, host: 1, revision: 1 });
const change = fc.oneof(
  lease.map((one) => ({ subnet: one.subnet, lease: one as Lease | undefined })),
  fc.nat(7).map((n) => ({ subnet: `10.5.${n}.0/24`, lease: undefined })),
  fc.constant({ subnet: OWN_SUBNET, lease: own as Lease | undefined }),
);

const stateOf = (desired: Desired) => ({
  wants: new Map([...desired.wants].sort(([a], [b]) => (a < b ? -1 : 1))),
  held: desired.held.sort((a, b) => (a.key < b.key ? -1 : 1)),
  unreadable: desired.unreadableSubnets.sort(),
});

function freshOf(leases: Map<string, Lease>): Desired {
  const desired = new Desired(contextOf());
  desired.setAll({ leases, complete: true });
  return desired;
}

it('desired, kept up to date lease by lease, is desired made anew; and an update names all that it changed', () => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 20 }), (batches) => {
      const leases = new Map<string, Lease>();
      const desired = freshOf(leases);
      for (const batch of batches) {
        for (const { subnet, lease: one } of batch) {
          if (one) leases.set(subnet, one);
          else leases.delete(subnet);
        }
        const before = new Map(desired.wants);
        const affected = desired.update(new Set(batch.map(({ subnet }) => subnet)), { leases, complete: true });
        assert.deepEqual(stateOf(desired), stateOf(freshOf(leases)));
        for (const id of new Set([...before.keys(), ...desired.wants.keys()])) {
          if (before.get(id) !== desired.wants.get(id)) assert.ok(affected.has(id), id);
        }
        for (const { subnet } of batch) for (const id of desired.idsOfPeer(subnet)) assert.ok(affected.has(id), id);
      }
    }),
    { numRuns: 300 },
  );
});

it('a peer is in force with all of its wants or with none, and its ids find it', () => {
  fc.assert(
    fc.property(fc.array(lease, { maxLength: 12 }), (all) => {
      const leases = new Map(all.map((one) => [one.subnet, one]));
      const desired = freshOf(leases);
      const held = new Set(desired.held.map(({ key }) => key));
      for (const [subnet, { attrs }] of leases) {
        // What two leases of one host share finds one of them.
        const isOfHost = (id: string): boolean =>
          leases.get(desired.peerOfId(id) ?? '')?.attrs.publicIP === attrs.publicIP;
        const inForce = desired.idsOfPeer(subnet).filter((id) => desired.wants.has(id) && isOfHost(id));
        assert.equal(inForce.length, held.has(subnet) ? 0 : 4, subnet);
        for (const id of inForce) {
          if (desired.peerOfId(id) !== subnet) continue;
          const expanded = desired.expandScope(scopeOf({ ids: [id] }));
          assert.deepEqual(new Set(desired.restrict(expanded).keys()), new Set(inForce));
        }
      }
    }),
    { numRuns: 200 },
  );
});

it('a scope holds the wants that its parts hold', () => {
  const leases = new Map([0, 1, 2, 3].map((n) => [`10.5.${n}.0/24`, peerOf(n)]));
  const desired = freshOf(leases);
  const some = <T>(all: Iterable<T>) => fc.subarray([...all]);
  const scope = fc.record({
    all: fc.constant(false),
    kinds: some(['link', 'address', 'neighbour', 'fdb', 'nexthop', 'route', 'file'] as const),
    links: some(['flannel.1', 'eth0']),
    ids: some([...desired.wants.keys(), 'route 254|10.9.9.0/24|0|0']),
    peers: some(leases.keys()),
  });
  fc.assert(
    fc.property(scope, (parts) => {
      const whole = new Set(desired.restrict(scopeOf(parts)).keys());
      const pieces = [
        { kinds: parts.kinds },
        { links: parts.links },
        { ids: parts.ids },
        ...parts.peers.map((peer) => ({ peers: [peer] })),
      ];
      const united = new Set(
        pieces.flatMap((piece) => {
          const ids = parts.peers.length ? desired.expandScope(scopeOf(piece)) : scopeOf(piece);
          return [...desired.restrict(ids).keys()];
        }),
      );
      assert.deepEqual([...whole].sort(), [...united].sort());
    }),
  );
  assert.equal(desired.restrict(emptyScope()).size, 0);
});
