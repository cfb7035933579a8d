/**
 * Owns the mirror of the store's prefix: the config and the leases in force, and what is held and why.
 *
 * - Unreadable is not absent: a value that can't be read is held, and the last good one of that key stays in force.
 * - A delete is believed from a watch, doubted from a listing (doubt.ts).
 * - Leases in force never overlap: the elder has the place, the other is held and takes over when the first goes (settle.ts).
 * - But for last good values and doubt, the state depends on what is in the store alone, not on how it came to be.
 * - One put costs the same however many leases there are.
 */
import type { Cidr } from '../config/ipv4.ts';
import { configKey, subnetsPrefix } from '../config/lease-key.ts';
import type { Lease, NetworkConfig } from '../config/model.ts';
import { BlockIndex } from './blocks.ts';
import { ConfigMirror } from './config-mirror.ts';
import { type Doubt, doubtOf, Lingering } from './doubt.ts';
import { HeldList } from './held.ts';
import { byAge } from './lease/age.ts';
import { readLease, readLeaseKey } from './lease/read.ts';
import { compareLeases, type MirrorChange } from './mirror-change.ts';
import type { HeldEntry } from './report.ts';
import { settle } from './settle.ts';
import type { StoreChange, StoreRecord, StoreSnapshot } from './source.ts';

/** One lease key. In the index while it has a lease that could be in force. */
interface Entry {
  readonly key: string;
  readonly subnet: string;
  readonly ipv6Subnet?: string;
  readonly block: Cidr;
  /** As the store has it now (or had it last, for a lingering one). */
  record: StoreRecord;
  /** The last record that could be read, and its lease. */
  good?: StoreRecord;
  lease?: Lease;
  /** The store's own word of its end, where the listing had it. */
  expiresAt?: number;
  /** Number of the listing that had it last. */
  listing: number;
}

export interface MirrorOptions {
  /** Term of a lease: how long one may live after we last heard of it. flannel: 24 h. */
  ttlSeconds?: number;
}

export class Mirror {
  readonly prefix: string;
  /** In force, by subnet. */
  readonly leases: ReadonlyMap<string, Lease>;
  /** Why the store is doubted, as long as anything is in force that it doesn't have. */
  doubt: Doubt | undefined;
  clusterId = '';
  revision = 0;

  readonly #ttl: number;
  readonly #subnets: string;
  readonly #leases = new Map<string, Lease>();
  readonly #entries = new Map<string, Entry>();
  readonly #index = new BlockIndex<Entry>();
  /** Keys that are no lease keys, with the range that they name all the same. */
  readonly #malformed = new Map<string, { subnet?: string; listing: number }>();
  readonly #lingering = new Lingering();
  readonly #held = new HeldList();
  readonly #config: ConfigMirror;
  /** How many there were. */
  #listing = 0;
  /** When we last heard from the store: until then all that it had was alive. */
  #heardAt = 0;

  // Of the step in hand:
  #touched = new Set<Entry>();
  #before = new Map<string, Lease | undefined>();

  constructor(prefix: string, options: MirrorOptions = {}) {
    this.prefix = prefix;
    this.leases = this.#leases;
    this.#subnets = `${subnetsPrefix(prefix)}/`;
    this.#ttl = (options.ttlSeconds ?? 86_400) * 1000;
    this.#config = new ConfigMirror(configKey(prefix), this.#held);
  }

  get config(): NetworkConfig | undefined {
    return this.#config.value;
  }

  /** Text of the config in force. */
  get configText(): string | undefined {
    return this.#config.text;
  }

  get configRevision(): number {
    return this.#config.revision;
  }

  /** The store has been listed and a config is in force that nobody has deleted: what is missing here is missing there. */
  get complete(): boolean {
    return this.#listing > 0 && this.#config.complete;
  }

  get held(): readonly HeldEntry[] {
    return this.#held.entries;
  }

  /** Every lease that could be read, in force or not: what the choice of a subnet has to keep clear of. */
  get allLeases(): Lease[] {
    return [...this.#entries.values()].flatMap(({ lease }) => lease ?? []);
  }

  /** Subnets named by keys without a readable lease; host bits as in the key. */
  get unreadableSubnets(): string[] {
    const valueless = [...this.#entries.values()].filter(({ lease }) => !lease).map(({ subnet }) => subnet);
    return [...valueless, ...[...this.#malformed.values()].flatMap(({ subnet }) => subnet ?? [])];
  }

  /** Keys of leases that stay though the doubted store doesn't have them. */
  get lingering(): ReadonlySet<string> {
    return this.#lingering.keys();
  }

  /** A lease key as the store has it now, readable or not; undefined if it doesn't have it. */
  record(key: string): StoreRecord | undefined {
    return this.#lingering.has(key) ? undefined : this.#entries.get(key)?.record;
  }

  /** ms since epoch of when `expire` has something to do; undefined for never. */
  nextExpiry(): number | undefined {
    return this.#lingering.nextEnd();
  }

  applySnapshot(snapshot: StoreSnapshot, now: number): MirrorChange {
    const why = this.#listing ? doubtOf(this, snapshot) : undefined;
    this.#begin();
    const config = this.#config.list(snapshot.config, why !== undefined);

    const listing = ++this.#listing;
    for (const record of snapshot.leases) this.#put(record, snapshot.expiresAt?.get(record.key));
    for (const [key, malformed] of this.#malformed) if (malformed.listing < listing) this.#dropMalformed(key);
    for (const entry of this.#entries.values()) {
      if (entry.listing === listing || this.#lingering.has(entry.key)) continue;
      if (why && entry.lease) this.#linger(entry, entry.lease);
      else this.#drop(entry);
    }
    for (const entry of this.#entries.values()) if (entry.listing === listing) this.#leaveBehind(entry);

    this.clusterId = snapshot.clusterId;
    this.revision = snapshot.revision;
    this.#heardAt = now;
    if (why) this.doubt = { why, since: now };
    return this.#finish({ config, doubted: why !== undefined });
  }

  /** `revision`: of the last change; `now`: ms since epoch. */
  applyChanges(changes: Iterable<StoreChange>, revision: number, now: number): MirrorChange {
    this.#begin();
    let config = false;
    for (const change of changes) {
      const key = change.op === 'put' ? change.record.key : change.key;
      if (key === this.#config.key) {
        if (change.op === 'put') config = this.#config.put(change.record) || config;
        else this.#config.delete();
      } else if (change.op === 'put') {
        const entry = this.#put(change.record, undefined);
        if (entry) this.#leaveBehind(entry);
      } else {
        this.#dropMalformed(key);
        const entry = this.#entries.get(key);
        if (entry) this.#drop(entry);
      }
    }
    this.revision = revision;
    this.#heardAt = now;
    return this.#finish({ config });
  }

  /** The store has been heard from without news (a watch's progress): all that it had is still alive. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** Lets go of the lingering leases whose time has come. */
  expire(now: number): MirrorChange {
    this.#begin();
    for (const key of this.#lingering.endedBy(now)) this.#drop(this.#entries.get(key)!);
    return this.#finish({});
  }

  /** What is in force as a snapshot to be kept on disk, from which a mirror of the same state can be made when the store can't be reached. */
  snapshot(): StoreSnapshot {
    const { revision } = this;
    const leases: StoreRecord[] = [];
    const expiresAt = new Map<string, number>();
    for (const { key, good, expiresAt: end } of this.#entries.values()) {
      if (good) leases.push(good);
      if (good && end !== undefined) expiresAt.set(key, end);
    }
    // Not the store's id while it is doubted: else the next start would take it at its word.
    const clusterId = this.doubt ? `${this.clusterId} (doubted)` : this.clusterId;
    return { clusterId, revision, config: this.#config.record, leases, expiresAt };
  }

  #begin(): void {
    this.#touched = new Set();
    this.#before = new Map();
    this.#held.begin();
  }

  /** @returns the key's entry, undefined if it isn't a lease key or nothing is new. */
  #put(record: StoreRecord, expiresAt: number | undefined): Entry | undefined {
    const { key } = record;
    const entry = this.#entries.get(key) ?? this.#admit(record);
    if (!entry) return undefined;
    entry.listing = this.#listing;
    if (this.#lingering.has(key)) {
      this.#lingering.delete(key);
      this.#touched.add(entry);
    }
    entry.expiresAt = expiresAt;
    if (entry.record !== record && isSameRecord(entry.record, record)) return undefined;

    entry.record = record;
    const reading = readLease(entry, record);
    const isNew = !entry.lease;
    if ('attrs' in reading) {
      entry.lease = reading;
      entry.good = record;
      this.#held.set('lease', key, undefined);
    } else {
      this.#held.set('lease', key, reading);
      if (!entry.lease) return entry;
      // What it said stays; what it hangs on is as it is, so that its owner can still write it.
      entry.lease = { ...entry.lease, ...record };
    }
    if (isNew) this.#index.add(entry);
    this.#touched.add(entry);
    return entry;
  }

  /** An entry for a key that is new to us; undefined, and held, if it is no lease key. Keys beside `subnets/` are none of ours. */
  #admit(record: StoreRecord): Entry | undefined {
    const { key } = record;
    if (!key.startsWith(this.#subnets)) return undefined;
    const reading = readLeaseKey(this.#subnets, key);
    if (reading.problem) {
      this.#held.set('lease', key, reading.problem);
      this.#malformed.set(key, { subnet: reading.occupies, listing: this.#listing });
      return undefined;
    }
    const { subnet, ipv6Subnet, block } = reading;
    const entry: Entry = {
      key,
      subnet,
      ipv6Subnet,
      block,
      record,
      good: undefined,
      lease: undefined,
      expiresAt: undefined,
      listing: 0,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #drop(entry: Entry): void {
    const { key } = entry;
    this.#entries.delete(key);
    this.#index.delete(entry);
    this.#lingering.delete(key);
    this.#touched.delete(entry);
    this.#held.set('lease', key, undefined);
    this.#held.set('overlap', key, undefined);
    if (this.#leases.get(entry.subnet)?.key === key) this.#setLease(entry.subnet, undefined);
    for (const rival of this.#index.overlapping(entry.block)) this.#touched.add(rival);
  }

  #dropMalformed(key: string): void {
    if (this.#malformed.delete(key)) this.#held.set('lease', key, undefined);
  }

  #linger(entry: Entry, lease: Lease): void {
    entry.expiresAt = lease.leaseId === '0' ? Number.POSITIVE_INFINITY : (entry.expiresAt ?? this.#heardAt + this.#ttl);
    this.#lingering.add(lease, entry.expiresAt);
    this.#touched.add(entry);
  }

  /** A host that has taken a lease has left those behind that the store lost. */
  #leaveBehind(entry: Entry): void {
    if (!this.#lingering.size || !entry.lease) return;
    for (const key of this.#lingering.leftBehindBy(entry.lease)) this.#drop(this.#entries.get(key)!);
  }

  #setLease(subnet: string, lease: Lease | undefined): void {
    if (!this.#before.has(subnet)) this.#before.set(subnet, this.#leases.get(subnet));
    if (lease) this.#leases.set(subnet, lease);
    else this.#leases.delete(subnet);
  }

  /** What the store has comes before what it has lost; then the elder. */
  readonly #order = (a: Entry, b: Entry): number =>
    Number(this.#lingering.has(a.key)) - Number(this.#lingering.has(b.key)) || byAge(a.lease!, b.lease!);

  #finish(parts: { config?: boolean; doubted?: boolean }): MirrorChange {
    const contested: Entry[] = [];
    for (const entry of this.#touched) {
      if (this.#index.overlapping(entry.block).length > 1) {
        contested.push(entry);
        continue;
      }
      this.#held.set('overlap', entry.key, undefined);
      this.#setLease(entry.subnet, entry.lease);
    }
    if (contested.length) this.#settle(contested);
    this.#settleDoubt();

    const change: MirrorChange = {
      config: parts.config ?? false,
      subnets: new Set(),
      removed: new Set(),
      renewed: new Set(),
      heldChanged: this.#held.changed,
      doubted: parts.doubted ?? false,
    };
    for (const [subnet, before] of this.#before) {
      const after = this.#leases.get(subnet);
      const what = compareLeases(before, after);
      if (what === 'renewed') change.renewed.add(subnet);
      if (what === 'changed') change.subnets.add(subnet);
      if (what === 'changed' && !after) change.removed.add(subnet);
    }
    return change;
  }

  #settle(contested: Entry[]): void {
    const verdicts = settle(contested, (entry) => this.#index.overlapping(entry.block), this.#order);
    for (const [entry, winner] of verdicts) {
      this.#held.set('overlap', entry.key, winner && overlapHold(entry, winner));
      if (winner && this.#leases.get(entry.subnet)?.key === entry.key) this.#setLease(entry.subnet, undefined);
    }
    // After the losers: two keys may have one subnet.
    for (const [entry, winner] of verdicts) if (!winner) this.#setLease(entry.subnet, entry.lease);
  }

  /** Doubt ends when nothing is in force any more that the store doesn't have. */
  #settleDoubt(): void {
    const lost = this.#lingering.size;
    if (!lost && !this.#config.lost) this.doubt = undefined;
    this.#held.set('store', this.prefix, this.doubt && doubtHold(this.prefix, this.doubt, lost, this.#config.lost));
  }
}

function isSameRecord(a: StoreRecord, b: StoreRecord): boolean {
  return (
    a.modRevision === b.modRevision &&
    a.createRevision === b.createRevision &&
    a.leaseId === b.leaseId &&
    a.value === b.value
  );
}

function overlapHold({ key, subnet }: Entry, winner: Entry): HeldEntry {
  const detail = `${subnet} overlaps ${winner.subnet}, which another lease had before (${winner.key}); its owner has to take another subnet.`;
  return { kind: 'lease', key, why: 'overlapping lease', detail, unmet: true };
}

function doubtHold(prefix: string, doubt: Doubt, leases: number, config: boolean): HeldEntry {
  const lost = [config ? 'the config' : '', leases ? `${leases} ${leases === 1 ? 'lease' : 'leases'}` : ''];
  const detail = `${doubt.why} It lacks ${lost.filter(Boolean).join(' and ')} seen alive before; they stay in force until they come back or their own time ends.`;
  return { kind: 'store', key: prefix, why: 'store doubted', detail, unmet: false };
}
