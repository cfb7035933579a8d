/**
 * Owns a store in memory that keeps the promises of reconciler/contracts/source.ts as etcd does: one revision for each write, guarded writes, leases
 * that end in time, a watch that goes on from a revision or says why it can't.
 *
 * - Every request takes a turn, so that requests of several clients interleave; `pause` makes it longer.
 * - It can be disturbed: cut off, wiped, restored from a backup, compacted, its watches held up.
 * - As etcd v2 it has no lease objects: a key has its own term, a renewal is a refresh that no watch tells, and what is given back expires.
 */
import {
  type CreateResult,
  type LeaseStore,
  type Source,
  type StoreChange,
  StoreError,
  type StoreRecord,
  type StoreSnapshot,
  type WatchEvent,
} from '../../reconciler/contracts/source.ts';

interface Grant {
  seconds: number;
  until: number;
}

interface Watcher {
  next: number;
  emit: (event: WatchEvent) => void;
}

/** What a backup of it has. */
export interface Backup {
  revision: number;
  records: readonly StoreRecord[];
  grants: readonly (readonly [string, Grant])[];
}

/** How long a v2 key that is given back lives on, ms. */
const LAST_TERM_MS = 1000;

/** Requests after which nobody is answered any more: who asks without end is stopped, and found out. */
const MOST_REQUESTS = 300_000;

export class MemoryStore implements Source {
  readonly kind: 'etcd-v3' | 'etcd-v2';
  readonly leaseForm: 'v3' | 'v2';
  readonly where = 'http://memory:2379';
  readonly leases: LeaseStore;
  /** Keys written or deleted by clients, not by `put`, `delete` or time. */
  writes: string[] = [];
  requests = 0;
  clusterId = 'one';
  revision = 1;
  /** While set, requests fail with it and watches end. */
  #outage: StoreError | undefined;
  /** Runs before each request; whatever it throws is the request's answer. */
  pause: (request: string) => Promise<void> = async () => {};
  /** Watches wait. */
  deaf = false;
  readonly #prefix: string;
  readonly #now: () => number;
  #records = new Map<string, StoreRecord>();
  #grants = new Map<string, Grant>();
  #history: StoreChange[] = [];
  #compacted = 0;
  #ids = 7_000_000_000_000_000_000n;
  readonly #watchers = new Set<Watcher>();

  constructor(prefix: string, now: () => number, api: 'v3' | 'v2' = 'v3') {
    this.#prefix = prefix;
    this.#now = now;
    this.leaseForm = api;
    this.kind = `etcd-${api}`;
    this.leases = {
      create: (key, value, ttl) => this.#request('create', () => this.#create(key, value, ttl)),
      update: (record, value) => this.#request('update', () => this.#update(record, value)),
      renew: (record) => this.#request('renew', () => this.#renew(record)),
      release: (record) => this.#request('release', () => this.#release(record)),
      timeLeft: (ids) => this.#request('timeLeft', () => this.#timeLeft(ids)),
    };
  }

  // As a client --------------------------------------------------------------------------------------------------------------------

  snapshot(): Promise<StoreSnapshot> {
    return this.#request('snapshot', () => {
      const config = this.#records.get(`${this.#prefix}/config`);
      const leases = this.all();
      const listing = { clusterId: this.clusterId, revision: this.revision, config, leases };
      return this.leaseForm === 'v2' ? { ...listing, expiresAt: this.#ends(leases) } : listing;
    });
  }

  records(under: string): Promise<StoreRecord[]> {
    return this.#request('records', () => {
      this.expire();
      return [...this.#records.values()].filter(({ key }) => key.startsWith(under));
    });
  }

  /** `listed`: the cluster of the listing that it goes on from. Of another, or behind it, it ends as etcd's driver has it (drivers/etcd/watch.ts). */
  watch(revision: number, emit: (event: WatchEvent) => void, listed = this.clusterId): () => void {
    const watcher = { next: revision, emit };
    this.#watchers.add(watcher);
    queueMicrotask(() => {
      if (!this.#watchers.has(watcher)) return;
      if (this.#outage) this.#end(watcher, 'unavailable', this.#outage.message);
      else if (listed !== this.clusterId || this.revision < revision - 1)
        this.#end(watcher, 'compacted', 'The store was wiped or restored.');
      else if (revision <= this.#compacted) this.#end(watcher, 'compacted', 'The revision has been compacted.');
      else {
        emit({ type: 'started' });
        this.deliver();
      }
    });
    return () => this.#watchers.delete(watcher);
  }

  async close(): Promise<void> {
    this.#watchers.clear();
  }

  // As an operator -----------------------------------------------------------------------------------------------------------------

  /** All lease keys. */
  all(): StoreRecord[] {
    this.expire();
    const subnets = `${this.#prefix}/subnets/`;
    return [...this.#records.values()].filter(({ key }) => key.startsWith(subnets));
  }

  get(key: string): StoreRecord | undefined {
    this.expire();
    return this.#records.get(key);
  }

  put(key: string, value: string, leaseId = this.#records.get(key)?.leaseId ?? '0'): StoreRecord {
    const record = this.#write(key, value, leaseId);
    this.deliver();
    return record;
  }

  /** With a lease of its own. */
  putFor(key: string, value: string, seconds: number): StoreRecord {
    return this.put(key, value, this.#grant(seconds));
  }

  delete(key: string): void {
    this.#remove(key);
    this.deliver();
  }

  cut(kind: StoreError['kind'] = 'unavailable'): void {
    this.#outage = new StoreError(kind, `${this.where} can't be reached.`);
    for (const watcher of [...this.#watchers]) this.#end(watcher, 'unavailable', 'The connection was lost.');
  }

  mend(): void {
    this.#outage = undefined;
  }

  /** Ends all watches, and nothing else. */
  endWatches(reason: 'noLeader' | 'unavailable' | 'compacted' = 'noLeader'): void {
    for (const watcher of [...this.#watchers]) this.#end(watcher, reason, 'The server has no leader.');
  }

  /** What is there is gone, and the store is another. */
  wipe(clusterId = `${this.clusterId}'`): void {
    this.endWatches('unavailable');
    this.clusterId = clusterId;
    this.revision = 1;
    this.#compacted = 0;
    this.#records = new Map();
    this.#grants = new Map();
    this.#history = [];
  }

  backup(): Backup {
    const grants = [...this.#grants].map(([id, grant]) => [id, { ...grant }] as const);
    return { revision: this.revision, records: [...this.#records.values()], grants };
  }

  /** It is what it was at that backup, time aside; `clusterId`: the same if it was restored in place. */
  restore(backup: Backup, clusterId = `${this.clusterId}'`): void {
    this.wipe(clusterId);
    this.revision = backup.revision;
    this.#compacted = backup.revision;
    for (const record of backup.records) this.#records.set(record.key, record);
    // Terms begin anew with a server that starts (lease.Promote).
    for (const [id, { seconds }] of backup.grants)
      this.#grants.set(id, { seconds, until: this.#now() + seconds * 1000 });
  }

  compact(): void {
    for (const watcher of [...this.#watchers])
      if (watcher.next <= this.revision) this.#end(watcher, 'compacted', 'The revision has been compacted.');
    this.#compacted = this.revision;
    this.#history = [];
  }

  /** Ends what has had its time. */
  expire(): void {
    const now = this.#now();
    let any = false;
    for (const [id, { until }] of this.#grants) {
      if (until > now) continue;
      this.#grants.delete(id);
      for (const record of this.#records.values()) if (record.leaseId === id) this.#remove(record.key);
      any = true;
    }
    if (any) this.deliver();
  }

  /** Tells the watches what they haven't heard. */
  deliver(): void {
    if (this.deaf || this.#outage) return;
    for (const watcher of [...this.#watchers]) {
      let first = this.#history.length;
      while (first > 0 && revisionOf(this.#history[first - 1]!) >= watcher.next) first--;
      const changes = this.#history.slice(first);
      if (!changes.length) continue;
      watcher.next = this.revision + 1;
      queueMicrotask(() => {
        if (this.#watchers.has(watcher))
          watcher.emit({ type: 'changes', revision: revisionOf(changes.at(-1)!), changes });
      });
    }
  }

  // --------------------------------------------------------------------------------------------------------------------------------

  async #request<T>(name: string, answer: () => T): Promise<T> {
    if (++this.requests > MOST_REQUESTS) return new Promise(() => {});
    await this.pause(name);
    await Promise.resolve();
    if (this.#outage) throw this.#outage;
    this.expire();
    const result = answer();
    this.deliver();
    return result;
  }

  #end(watcher: Watcher, reason: 'noLeader' | 'unavailable' | 'compacted', message: string): void {
    this.#watchers.delete(watcher);
    queueMicrotask(() => watcher.emit({ type: 'ended', reason, message }));
  }

  #write(key: string, value: string, leaseId: string): StoreRecord {
    const before = this.#records.get(key);
    const modRevision = ++this.revision;
    const record = { key, value, modRevision, createRevision: before?.createRevision ?? modRevision, leaseId };
    this.#records.set(key, record);
    this.#history.push({ op: 'put', record });
    return record;
  }

  #remove(key: string): void {
    if (!this.#records.delete(key)) return;
    this.#history.push({ op: 'delete', key, modRevision: ++this.revision });
  }

  #grant(seconds: number, id = String(++this.#ids)): string {
    this.#grants.set(id, { seconds, until: this.#now() + seconds * 1000 });
    return id;
  }

  #isAsRead(record: StoreRecord): boolean {
    return this.#records.get(record.key)?.modRevision === record.modRevision;
  }

  #create(key: string, value: string, ttlSeconds: number): CreateResult {
    if (this.#records.has(key)) return { result: 'exists' };
    this.writes.push(`create ${key}`);
    // A v2 key's lease id is its createdIndex (drivers/etcd-v2/records.ts).
    const id = this.leaseForm === 'v2' ? String(this.revision + 1) : undefined;
    const record = this.#write(key, value, this.#grant(ttlSeconds, id));
    const neighbours = this.all().filter((other) => other.key !== key);
    return { result: 'created', record, neighbours };
  }

  #update(record: StoreRecord, value: string): StoreRecord | 'changed' {
    // A lease of another store's numbers is refused, as one that has ended.
    if (!this.#isAsRead(record) || (record.leaseId !== '0' && !this.#grants.has(record.leaseId))) return 'changed';
    this.writes.push(`update ${record.key}`);
    return this.#write(record.key, value, record.leaseId);
  }

  #renew(record: StoreRecord): { ttlSeconds: number } | 'lost' {
    const grant = this.#grants.get(record.leaseId);
    if (!grant && record.leaseId !== '0') return 'lost';
    this.writes.push(`renew ${record.key}`);
    if (this.leaseForm === 'v2') return this.#refresh(record, grant);
    if (grant) grant.until = this.#now() + grant.seconds * 1000;
    const now = this.#records.get(record.key);
    if (now?.leaseId !== record.leaseId || now.modRevision !== record.modRevision) return 'lost';
    return { ttlSeconds: grant?.seconds ?? Number.POSITIVE_INFINITY };
  }

  /** Compared by value; the key has another index from now on, and nobody is told. */
  #refresh(record: StoreRecord, grant: Grant | undefined): { ttlSeconds: number } | 'lost' {
    const there = this.#records.get(record.key);
    if (there?.value !== record.value) return 'lost';
    if (!grant) return { ttlSeconds: Number.POSITIVE_INFINITY };
    grant.until = this.#now() + grant.seconds * 1000;
    this.#records.set(record.key, { ...there, modRevision: ++this.revision });
    return { ttlSeconds: grant.seconds };
  }

  /** When each key ends, ms since the epoch: v2 says it with a listing. */
  #ends(leases: readonly StoreRecord[]): Map<string, number> {
    return new Map(
      leases.flatMap(({ key, leaseId }) => {
        const until = this.#grants.get(leaseId)?.until;
        return until === undefined ? [] : [[key, until] as const];
      }),
    );
  }

  #release(record: StoreRecord): 'released' | 'changed' {
    if (!this.#isAsRead(record)) return 'changed';
    this.writes.push(`release ${record.key}`);
    const grant = this.#grants.get(record.leaseId);
    if (this.leaseForm === 'v2' && grant) {
      grant.until = Math.min(grant.until, this.#now() + LAST_TERM_MS);
      return 'released';
    }
    this.#remove(record.key);
    this.#grants.delete(record.leaseId);
    return 'released';
  }

  #timeLeft(ids: readonly string[]): Map<string, { ttlSeconds: number; grantedSeconds: number } | undefined> {
    return new Map(
      ids.map((id) => {
        const grant = this.#grants.get(id);
        if (!grant) return [id, undefined];
        return [id, { ttlSeconds: Math.floor((grant.until - this.#now()) / 1000), grantedSeconds: grant.seconds }];
      }),
    );
  }
}

const revisionOf = (change: StoreChange): number =>
  change.op === 'put' ? change.record.modRevision : change.modRevision;
