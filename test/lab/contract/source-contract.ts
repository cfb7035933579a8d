/**
 * Owns the behaviour that every Source has in common (reconciler/contracts/source.ts), as one suite to be run against each of them.
 * A store says how to start it, how "somebody else" writes to it, and what it can't do.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CreateResult, Source, StoreRecord } from '../../../reconciler/contracts/source.ts';
import { eventually } from '../../helpers/eventually.ts';
import { brief, revisionOf, Watching } from './watching.ts';

export interface ContractStore {
  /** A source of what is under this prefix. The suite closes it. */
  open(prefix: string): Source;
  /** As somebody else would. Full key. */
  put(key: string, value: string, ttlSeconds?: number): Promise<void>;
  remove(key: string): Promise<void>;
  /** All lease objects in the store, where it has such. */
  leaseIds?(): Promise<string[]>;
  destroy(): Promise<void>;
}

export interface Traits {
  /** Leases can be taken. Default true. */
  writable?: boolean;
  /** Keys can expire. Default true. */
  expires?: boolean;
}

type Created = Extract<CreateResult, { result: 'created' }>;

export function sourceContract(name: string, start: () => Promise<ContractStore>, traits: Traits = {}): void {
  const { writable = true, expires = true } = traits;
  let store: ContractStore;
  const opened: Source[] = [];
  let prefixes = 0;

  /** A network of its own for each test. */
  function network() {
    const prefix = `/contract-${process.pid}/${prefixes++}`;
    const source = store.open(prefix);
    opened.push(source);
    return { prefix, source, lease: (subnet: string) => `${prefix}/subnets/${subnet}`, config: `${prefix}/config` };
  }

  async function created(source: Source, key: string, value = '{}', ttl = 60): Promise<Created> {
    const result = await source.leases.create(key, value, ttl);
    assert.equal(result.result, 'created');
    return result as Created;
  }

  async function only(source: Source): Promise<StoreRecord> {
    const { leases } = await source.snapshot();
    assert.equal(leases.length, 1);
    return leases[0]!;
  }

  describe(`${name} keeps the contract of a source`, () => {
    before(async () => {
      store = await start();
    });
    after(async () => {
      await Promise.all(opened.map((source) => source.close()));
      await store?.destroy();
    });

    it('lists an empty network', async () => {
      const { source } = network();
      const snapshot = await source.snapshot();
      assert.equal(snapshot.config, undefined);
      assert.deepEqual(snapshot.leases, []);
      assert.ok(Number.isSafeInteger(snapshot.revision));
      assert.notEqual(snapshot.clusterId, '');
    });

    it('lists config and leases, of one revision and of this prefix only', async () => {
      const { source, prefix, lease, config } = network();
      await store.put(config, '{"Network":"10.5.0.0/16"}');
      await store.put(lease('10.5.1.0-24'), '{"PublicIP":"192.168.64.1"}');
      await store.put(lease('10.5.2.0-24'), '{"PublicIP":"192.168.64.2"}');
      await store.put(`${prefix}/subnets-old/10.5.3.0-24`, '{"PublicIP":"192.168.64.3"}');
      await store.put(`${prefix}/configuration`, 'not ours');
      const { config: record, leases, revision } = await source.snapshot();
      assert.equal(record?.key, config);
      assert.equal(record.value, '{"Network":"10.5.0.0/16"}');
      const values = Object.fromEntries(leases.map(({ key, value }) => [key, value]));
      assert.deepEqual(values, {
        [lease('10.5.1.0-24')]: '{"PublicIP":"192.168.64.1"}',
        [lease('10.5.2.0-24')]: '{"PublicIP":"192.168.64.2"}',
      });
      for (const { modRevision, createRevision } of [record, ...leases]) {
        assert.equal(modRevision, createRevision);
        assert.ok(modRevision <= revision);
      }
    });

    it('lists what else is kept under the prefix, which is no lease', async () => {
      const { source, prefix, lease } = network();
      if (!source.records) return assert.equal(writable, false, 'a store that can be written has records');
      await store.put(lease('10.5.1.0-24'), '{"PublicIP":"192.168.64.1"}');
      for (const n of [1, 2]) await store.put(`${prefix}/selvage/10.5.${n}.0-24`, `{"n":${n}}`);
      await store.put(`${prefix}/selvage-old/10.5.3.0-24`, '{}');
      assert.equal((await source.snapshot()).leases.length, 1);
      const records = await source.records(`${prefix}/selvage/`);
      assert.deepEqual(
        records.map(({ key, value }) => [key, value]),
        [1, 2].map((n) => [`${prefix}/selvage/10.5.${n}.0-24`, `{"n":${n}}`]),
      );
      assert.deepEqual(await source.records(`${prefix}/nothing/`), []);
    });

    it("hands on keys and values that can't be parsed", async () => {
      const { source, lease } = network();
      const watch = new Watching(source, (await source.snapshot()).revision + 1);
      const odd = {
        [lease('not-a-subnet')]: 'not JSON {',
        [lease('10.5.1.0-24')]: '',
        [lease('ünicode&…')]: '"\u0001 ✂"',
      };
      for (const [key, value] of Object.entries(odd)) await store.put(key, value);
      assert.deepEqual(
        brief(await watch.untilChanges(3)),
        Object.entries(odd).map(([key, value]) => `put ${key}=${value}`),
      );
      const { leases } = await source.snapshot();
      assert.deepEqual(Object.fromEntries(leases.map(({ key, value }) => [key, value])), odd);
      watch.stop();
    });

    it('delivers what follows a snapshot once and in order', async () => {
      const { source, prefix, lease, config } = network();
      await store.put(lease('10.5.1.0-24'), 'before');
      const { revision } = await source.snapshot();
      const watch = new Watching(source, revision + 1);
      await watch.untilStarted();
      await store.put(lease('10.5.2.0-24'), 'a');
      await store.put(config, 'c1');
      await store.put(lease('10.5.2.0-24'), 'b');
      await store.put(`${prefix}/subnets-old/10.5.9.0-24`, 'not ours');
      await store.put(`${prefix}/selvage/10.5.9.0-24`, 'not ours either');
      await store.remove(`${prefix}/selvage/10.5.9.0-24`);
      await store.remove(lease('10.5.1.0-24'));
      await store.put(config, 'c2');
      await store.remove(config);
      await store.put(lease('10.5.3.0-24'), 'last');
      const changes = await watch.untilChanges(7);
      assert.deepEqual(brief(changes), [
        `put ${lease('10.5.2.0-24')}=a`,
        `put ${config}=c1`,
        `put ${lease('10.5.2.0-24')}=b`,
        `delete ${lease('10.5.1.0-24')}`,
        `put ${config}=c2`,
        `delete ${config}`,
        `put ${lease('10.5.3.0-24')}=last`,
      ]);
      const revisions = changes.map(revisionOf);
      assert.deepEqual(
        revisions,
        revisions.toSorted((a, b) => a - b),
      );
      assert.ok(revisions[0]! > revision);
      assert.equal(watch.lastRevision(0), revisions.at(-1));
      watch.stop();
    });

    it('delivers a backlog to who asks for an earlier revision', async () => {
      const { source, lease } = network();
      const { revision } = await source.snapshot();
      for (let i = 0; i < 20; i++) await store.put(lease(`10.5.${i}.0-24`), String(i));
      const all = new Watching(source, revision + 1);
      const changes = await all.untilChanges(20);
      assert.deepEqual(
        changes.map((change) => change.op === 'put' && change.record.value),
        [...Array(20).keys()].map(String),
      );
      const rest = new Watching(source, revisionOf(changes[14]!) + 1);
      assert.deepEqual(brief(await rest.untilChanges(5)), brief(changes.slice(15)));
      all.stop();
      rest.stop();
    });

    it('a mirror kept from the watch equals the next listing', async () => {
      const { source, lease } = network();
      const { revision } = await source.snapshot();
      const watch = new Watching(source, revision + 1);
      const writers = [0, 1, 2, 3].map(async (writer) => {
        for (let i = 0; i < 25; i++) {
          const key = lease(`10.5.${(i * 7 + writer) % 10}.0-24`);
          await (i % 3 === 2 ? store.remove(key) : store.put(key, `${writer}-${i}`));
        }
      });
      await Promise.all(writers);
      await store.put(lease('last'), 'last');
      const listing = await source.snapshot();
      await eventually(
        () => watch.lastRevision(0) >= listing.leases.find(({ key }) => key === lease('last'))!.modRevision,
        {
          what: 'the last change',
        },
      );
      const mirror = new Map<string, StoreRecord>();
      for (const change of watch.changes) {
        if (change.op === 'put') mirror.set(change.record.key, change.record);
        else mirror.delete(change.key);
      }
      const byKey = (a: StoreRecord, b: StoreRecord) => (a.key < b.key ? -1 : 1);
      assert.deepEqual([...mirror.values()].sort(byKey), listing.leases.toSorted(byKey));
      watch.stop();
    });

    it('a stopped watch says nothing more, others go on, and closing ends them with "stopped"', async () => {
      const { source, lease } = network();
      const { revision } = await source.snapshot();
      const [stopped, stays] = [new Watching(source, revision + 1), new Watching(source, revision + 1)];
      await Promise.all([stopped.untilStarted(), stays.untilStarted()]);
      stopped.stop();
      const before = stopped.events.length;
      await store.put(lease('10.5.1.0-24'), 'x');
      await stays.untilChanges(1);
      await source.close();
      assert.equal((await stays.untilEnded()).reason, 'stopped');
      assert.equal(stopped.events.length, before);
      await assert.rejects(source.snapshot(), { name: 'StoreError', kind: 'unavailable' });
    });

    it('an aborted listing rejects', async () => {
      const { source } = network();
      await assert.rejects(source.snapshot(AbortSignal.abort()), { kind: 'unavailable' });
      const controller = new AbortController();
      const listing = source.snapshot(controller.signal);
      controller.abort();
      await assert.rejects(listing, { kind: 'unavailable' });
    });

    if (expires) it('delivers the expiry of a lease as a delete', expiryTest);
    if (writable) describe('and of a store for leases', leaseTests);
  });

  async function expiryTest() {
    const { source, lease } = network();
    const { revision } = await source.snapshot();
    const watch = new Watching(source, revision + 1);
    await store.put(lease('10.5.1.0-24'), 'short', 1);
    assert.deepEqual(brief(await watch.untilChanges(2)), [
      `put ${lease('10.5.1.0-24')}=short`,
      `delete ${lease('10.5.1.0-24')}`,
    ]);
    watch.stop();
  }

  function leaseTests() {
    it('creates a key on a lease of its own, once', async () => {
      const { source, lease } = network();
      const key = lease('10.5.1.0-24');
      const { record } = await created(source, key, '{"PublicIP":"192.168.64.1"}');
      assert.deepEqual(await only(source), record);
      assert.equal(record.value, '{"PublicIP":"192.168.64.1"}');
      assert.notEqual(record.leaseId, '0');
      assert.deepEqual(await source.leases.create(key, 'other', 60), { result: 'exists' });
      assert.deepEqual(await only(source), record);
    });

    it('names the neighbours of a new lease', async () => {
      const { source, lease } = network();
      await store.put(lease('10.5.2.0-24'), 'permanent');
      const { record: first } = await created(source, lease('10.5.1.0-24'));
      const { neighbours } = await created(source, lease('10.5.3.0-24'));
      const { leases } = await source.snapshot();
      const reserved = leases.find(({ key }) => key === lease('10.5.2.0-24'))!;
      assert.deepEqual(
        neighbours.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
        [
          { key: first.key, createRevision: first.createRevision },
          { key: reserved.key, createRevision: reserved.createRevision },
        ],
      );
    });

    it('of fifty who create one key at once, one wins and the others leave nothing behind', async () => {
      const { source, lease } = network();
      const before = (await store.leaseIds?.())?.length ?? 0;
      const key = lease('10.5.1.0-24');
      const results = await Promise.all(Array.from({ length: 50 }, (_, i) => source.leases.create(key, String(i), 60)));
      const winners = results.filter(({ result }) => result === 'created');
      assert.equal(winners.length, 1);
      assert.equal((await only(source)).value, (winners[0] as Created).record.value);
      if (store.leaseIds) assert.equal((await store.leaseIds()).length, before + 1);
    });

    it('updates what is unchanged, and it stays on its lease', async () => {
      const { source, lease } = network();
      const { record } = await created(source, lease('10.5.1.0-24'), 'old');
      const updated = await source.leases.update(record, 'new');
      assert.notEqual(updated, 'changed');
      assert.deepEqual(await only(source), updated);
      assert.equal((updated as StoreRecord).value, 'new');
      assert.equal((updated as StoreRecord).leaseId, record.leaseId);
      assert.equal((updated as StoreRecord).createRevision, record.createRevision);
    });

    it('does not update, renew or release what somebody changed', async () => {
      const { source, lease } = network();
      const { record } = await created(source, lease('10.5.1.0-24'), 'mine');
      await store.put(record.key, 'theirs');
      assert.equal(await source.leases.update(record, 'mine again'), 'changed');
      assert.equal(await source.leases.renew(record), 'lost');
      assert.equal(await source.leases.release(record), 'changed');
      assert.equal((await only(source)).value, 'theirs');
    });

    it('does not bring back what was deleted', async () => {
      const { source, lease } = network();
      const { record } = await created(source, lease('10.5.1.0-24'));
      await store.remove(record.key);
      assert.equal(await source.leases.update(record, 'again'), 'changed');
      assert.equal(await source.leases.renew(record), 'lost');
      assert.equal(await source.leases.release(record), 'changed');
      assert.deepEqual((await source.snapshot()).leases, []);
    });

    it('a permanent key stays permanent', async () => {
      const { source, lease } = network();
      await store.put(lease('10.5.1.0-24'), 'reserved');
      const record = await only(source);
      assert.equal(record.leaseId, '0');
      assert.notEqual(await source.leases.renew(record), 'lost');
      const updated = await source.leases.update(record, 'mine');
      assert.equal((updated as StoreRecord).leaseId, '0');
      assert.deepEqual(await only(source), updated);
      assert.equal(await source.leases.release(updated as StoreRecord), 'released');
      assert.deepEqual((await source.snapshot()).leases, []);
    });

    it('renews without waking anybody', async () => {
      const { source, lease } = network();
      const { record } = await created(source, lease('10.5.1.0-24'), 'x', 60);
      const watch = new Watching(source, record.modRevision + 1);
      await watch.untilStarted();
      assert.deepEqual(await source.leases.renew(record), { ttlSeconds: 60 });
      await store.put(lease('10.5.2.0-24'), 'mark');
      assert.deepEqual(brief(await watch.untilChanges(1)), [`put ${lease('10.5.2.0-24')}=mark`]);
      watch.stop();
    });

    it('releases the key and its lease', async () => {
      const { source, lease } = network();
      const before = await store.leaseIds?.();
      const { record } = await created(source, lease('10.5.1.0-24'));
      assert.equal(await source.leases.release(record), 'released');
      assert.deepEqual((await source.snapshot()).leases, []);
      if (store.leaseIds) assert.deepEqual(await store.leaseIds(), before);
      assert.equal(await source.leases.release(record), 'changed');
    });

    it('knows the time left of each lease', async () => {
      const { source, lease } = network();
      const { record: long } = await created(source, lease('10.5.1.0-24'), 'x', 3600);
      const { record: gone } = await created(source, lease('10.5.2.0-24'), 'x', 60);
      await source.leases.release(gone);
      const left = await source.leases.timeLeft([long.leaseId, gone.leaseId, long.leaseId]);
      assert.equal(left.size, 2);
      assert.equal(left.get(gone.leaseId), undefined);
      const { ttlSeconds, grantedSeconds } = left.get(long.leaseId)!;
      assert.equal(grantedSeconds, 3600);
      assert.ok(ttlSeconds > 3000 && ttlSeconds <= 3600);
      assert.deepEqual(await source.leases.timeLeft([]), new Map());
    });
  }
}
