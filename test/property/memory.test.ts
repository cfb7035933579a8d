/**
 * What is remembered is a function of the peers, never of the changes: after 100,000 changes of leases only the last of each is alive. Counted are
 * live objects, by weak references to what the store has said, and what the memories between rounds say of themselves.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { StoreRecord } from '../../reconciler/contracts/source.ts';
import { Desired } from '../../reconciler/desired/desired.ts';
import { Contest } from '../../reconciler/plan/contest.ts';
import { Retry } from '../../reconciler/plan/retry.ts';
import { Mirror } from '../../reconciler/store/mirror.ts';
import { contextOf } from '../helpers/desired.ts';
import { CONFIG, configRecord, leaseRecord, PREFIX, snapshotOf } from '../helpers/store.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const PEERS = 200;
const CHANGES = 100_000;
const CHUNK = 1000;

/** Alive of those, once all that nobody holds is gone. */
async function alive(refs: readonly WeakRef<object>[]): Promise<number> {
  // A reference that was made in this turn of the loop keeps its object until the next one.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  return refs.filter((ref) => ref.deref() !== undefined).length;
}

it('100,000 changes leave nothing behind in the mirror and in what is wanted', async () => {
  const mirror = new Mirror(PREFIX);
  mirror.applySnapshot(snapshotOf({ config: configRecord(CONFIG), leases: [] }), 0);
  const desired = new Desired(contextOf());
  desired.setAll(mirror);
  const refs: WeakRef<object>[] = [];
  let revision = 1000;
  for (let count = 0; count < CHANGES; count++) {
    const n = count % PEERS;
    revision++;
    const subnet = `10.5.${n}.0/24`;
    // A host that comes back with another MAC, one that goes, one whose lease nobody can read for a while.
    const kind = Math.floor(count / PEERS) % 4;
    const host = 256 + n + 1000 * (count % 7);
    const record: StoreRecord = leaseRecord({ subnet, host, revision, ...(kind === 3 ? { value: 'junk' } : {}) });
    refs.push(new WeakRef(record));
    const change =
      kind === 2
        ? ({ op: 'delete', key: record.key, modRevision: revision } as const)
        : ({ op: 'put', record } as const);
    const { subnets } = mirror.applyChanges([change], revision, revision);
    desired.update(subnets, mirror);
    // Weak references made in one turn of the loop hold on until its end.
    if (count % CHUNK === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const left = await alive(refs);
  // Of an unreadable one the last good record is kept beside it.
  assert.ok(left <= 2 * PEERS, `${left} of ${CHANGES} records are alive for ${PEERS} peers`);
  assert.ok(left > 0, 'the last ones are');
  assert.ok(desired.wants.size <= 4 * PEERS + 3, `${desired.wants.size} wants`);
  assert.ok(mirror.held.length <= 2 * PEERS && desired.held.length <= 2 * PEERS);
});

it('what failed, and what somebody undoes, is forgotten with time, however many there were', () => {
  const retry = new Retry();
  const contest = new Contest();
  const random = () => 0.5;
  for (let count = 0; count < CHANGES; count++) {
    const now = count * 10;
    const want = { kind: 'file', path: `/run/${count}`, content: '', mode: 0o644 } as const;
    const id = `file ${want.path}`;
    const change = { op: 'create', id, reason: 'missing', want } as const;
    const failure = { kind: 'transient', code: 'EBUSY', message: 'busy' } as const;
    retry.record([{ change, result: 'failed', failure }], now, random);
    retry.record([{ change, result: 'done' }], now + 1, random);
    contest.wrote(id, want, now);
    if (count % 1000 === 0) contest.sweep(now);
  }
  contest.sweep(CHANGES * 10 + 3_600_000);
  assert.equal(contest.remembered, 0);
  assert.equal(contest.size, 0);
  assert.equal(retry.view(CHANGES * 10 + 3_600_000).empty, true);
});
