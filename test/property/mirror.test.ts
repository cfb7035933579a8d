import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { overlaps } from '../../config/ipv4.ts';
import type { StoreChange, StoreRecord } from '../../reconciler/contracts/source.ts';
import { Mirror } from '../../reconciler/store/mirror.ts';
import { CONFIG, CONFIG_KEY, configRecord, leaseRecord, PREFIX, snapshotOf } from '../helpers/store.ts';

// Few subnets of several lengths, so that sequences meet, overlap and chain; some outside the network; some that are no lease keys.
const subnet = fc.tuple(fc.constantFrom(16, 22, 23, 24, 25), fc.integer({ min: 0, max: 9 })).map(([length, n]) => {
  const block = 0x0a050000 + n * 128;
  const first = block - (block % 2 ** (32 - length));
  return `${[24, 16, 8, 0].map((shift) => (first >>> shift) & 255).join('.')}/${length}`;
});
const name = fc.oneof(
  { weight: 8, arbitrary: subnet },
  fc.constantFrom('0.0.0.0/0', '10.6.1.0/24', '10.5.1.7/24', 'junk', '10.5.1.0/24&fc00::/64'),
);
const config = fc.constantFrom(CONFIG, CONFIG.replace('0.0/16', '0.0/22'), CONFIG.replace('10.5', '10.6'));

type Step =
  | { op: 'put'; name: string; host: number; recreate: boolean }
  | { op: 'delete'; name: string }
  | { op: 'config'; text: string }
  | { op: 'cut' };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constant('put' as const), name, host: fc.nat(9), recreate: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('delete' as const), name }) },
  fc.record({ op: fc.constant('config' as const), text: config }),
  // Where one batch ends and the next begins.
  { weight: 3, arbitrary: fc.record({ op: fc.constant('cut' as const) }) },
);

/** A store without a network: each change has its revision. */
class FakeStore {
  revision = 100;
  readonly records = new Map<string, StoreRecord>([[CONFIG_KEY, configRecord(CONFIG)]]);

  take(one: Exclude<Step, { op: 'cut' }>): StoreChange {
    this.revision++;
    if (one.op === 'config') return this.#put(configRecord(one.text, this.revision));
    const key = `${PREFIX}/subnets/${one.name.replaceAll('/', '-')}`;
    if (one.op === 'delete') {
      this.records.delete(key);
      return { op: 'delete', key, modRevision: this.revision };
    }
    const created = one.recreate ? this.revision : (this.records.get(key)?.createRevision ?? this.revision);
    return this.#put({ ...leaseRecord({ subnet: one.name, host: one.host, revision: this.revision, created }), key });
  }

  snapshot() {
    const { [CONFIG_KEY]: stored, ...leases } = Object.fromEntries(this.records);
    return snapshotOf({ revision: this.revision, config: stored, leases: Object.values(leases) });
  }

  #put(record: StoreRecord): StoreChange {
    this.records.set(record.key, record);
    return { op: 'put', record };
  }
}

const stateOf = (mirror: Mirror) => ({
  leases: new Map([...mirror.leases].sort(([a], [b]) => (a < b ? -1 : 1))),
  held: mirror.held,
  config: mirror.config,
  revision: mirror.revision,
  complete: mirror.complete,
  unreadable: mirror.unreadableSubnets.sort(),
  all: mirror.allLeases.map(({ key, modRevision }) => `${key} ${modRevision}`).sort(),
});

function freshOf(store: FakeStore): Mirror {
  const mirror = new Mirror(PREFIX);
  mirror.applySnapshot(store.snapshot(), 0);
  return mirror;
}

/** Runs the steps in their batches through a mirror, and calls `after` with what each batch changed. */
function play(steps: Step[], after: (mirror: Mirror, store: FakeStore, touched: Set<string>) => void): void {
  const store = new FakeStore();
  const mirror = freshOf(store);
  let batch: StoreChange[] = [];
  const flush = () => {
    const { subnets, renewed } = mirror.applyChanges(batch, store.revision, 0);
    batch = [];
    after(mirror, store, new Set([...subnets, ...renewed]));
  };
  for (const one of steps) {
    if (one.op === 'cut') flush();
    else batch.push(store.take(one));
  }
  flush();
}

it('a mirror of changes is the mirror of what they came to', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      play(steps, (mirror, store) => assert.deepEqual(stateOf(mirror), stateOf(freshOf(store))));
    }),
    { numRuns: 300 },
  );
});

it('a listing after missed changes comes to the same as having seen them', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.array(step, { maxLength: 30 }), (seen, missed) => {
      play(seen, (mirror, store) => {
        if (store.revision < 100 + seen.filter(({ op }) => op !== 'cut').length) return;
        for (const one of missed) if (one.op !== 'cut') store.take(one);
        mirror.applySnapshot(store.snapshot(), 1);
        assert.deepEqual(stateOf(mirror), stateOf(freshOf(store)));
      });
    }),
    { numRuns: 200 },
  );
});

it('leases in force never overlap, and each change names exactly the subnets that it changed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let before = new Map<string, string>();
      let first = true;
      play(steps, (mirror, _, touched) => {
        const subnets = [...mirror.leases.keys()];
        for (const [i, a] of subnets.entries())
          for (const b of subnets.slice(i + 1)) assert.ok(!overlaps(a, b), `${a} ${b}`);
        const now = new Map(
          [...mirror.leases].map(([one, lease]) => [one, `${lease.key} ${lease.modRevision} ${lease.value}`]),
        );
        const changed = new Set([...now.keys(), ...before.keys()].filter((one) => now.get(one) !== before.get(one)));
        if (!first) assert.deepEqual([...touched].sort(), [...changed].sort());
        first = false;
        before = now;
      });
    }),
    { numRuns: 300 },
  );
});

it('a store that forgets everything takes nothing out of force before its end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.array(step, { maxLength: 10 }), (steps, anew) => {
      play(steps, (mirror, store) => {
        const before = new Map([...mirror.leases].map(([one, lease]) => [one, lease.attrs]));
        const copy = new Mirror(PREFIX);
        copy.applySnapshot(mirror.snapshot(), 0);
        copy.applySnapshot(snapshotOf({ clusterId: 'two', revision: 1, config: undefined }), 10);
        assert.deepEqual(new Map([...copy.leases].map(([one, lease]) => [one, lease.attrs])), before);
        assert.deepEqual(copy.config, mirror.config);
        assert.equal(copy.complete, false, 'nothing is deleted on its word');

        // Whatever the new store then says is in force unless an elder of its own is in the way, and in the end there is nothing else.
        const other = new FakeStore();
        const changes = anew.flatMap((one) => (one.op === 'cut' ? [] : [other.take(one)]));
        copy.applyChanges([{ op: 'put', record: configRecord(CONFIG, 1) }, ...changes], other.revision, 20);
        copy.expire(Number.MAX_SAFE_INTEGER);
        const { leases, held } = stateOf(freshOf(other));
        assert.deepEqual(stateOf(copy).leases, leases);
        assert.deepEqual(
          copy.held.map(({ detail }) => detail),
          held.map(({ detail }) => detail),
        );
        assert.ok(store.records.size > 0);
      });
    }),
    { numRuns: 100 },
  );
});
