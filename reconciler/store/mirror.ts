/**
 * Owns the mirror of the store's prefix: the config and the leases in force, and what is held and why.
 *
 * - Unreadable is not absent: a value that can't be read is held, and the last good one of that key stays in force.
 * - A delete is believed from a watch, doubted from a listing (doubt.ts).
 * - Which of the leases are in force is in-force.ts's business, which config is config-mirror.ts's.
 * - But for last good values and doubt, the state depends on what is in the store alone, not on how it came to be.
 * - One put costs the same however many leases there are.
 */

import { configKey, subnetsPrefix } from '../../config/lease-key.ts';
import type { Lease, NetworkConfig } from '../../config/model.ts';
import { HeldList } from '../contracts/held-list.ts';
import type { HeldEntry } from '../contracts/report.ts';
import type { StoreChange, StoreRecord, StoreSnapshot } from '../contracts/source.ts';
import { isPermanent } from '../contracts/source.ts';
import { isTooLong, readLease, readLeaseKey } from '../lease/read.ts';
import { ConfigMirror } from './config-mirror.ts';
import { type Doubt, doubtHold, doubtOf, Lingering } from './doubt.ts';
import { type Claimant, InForce } from './in-force.ts';
import type { MirrorChange } from './mirror-change.ts';

/** One lease key. */
interface Entry extends Claimant {
  readonly ipv6Subnet?: string;
  /** As the store has it now (or had it last, for a lingering one). */
  record: StoreRecord;
  /** The last record that could be read: that of `lease`. */
  good?: StoreRecord;
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
  /** Leases in force, by subnet. */
  readonly leases: ReadonlyMap<string, Lease>;
  /** Why the store is doubted, as long as anything is in force that it doesn't have. */
  doubt: Doubt | undefined;
  clusterId = '';
  revision = 0;

  readonly #ttl: number;
  readonly #subnets: string;
  readonly #entries = new Map<string, Entry>();
  /** Those that have never been readable: asked for with every edge, and mostly none. */
  readonly #unread = new Set<Entry>();
  /** Keys that are no lease keys, with the range that they name all the same. */
  readonly #malformed = new Map<string, { subnet?: string; listing: number }>();
  readonly #lingering = new Lingering();
  readonly #held = new HeldList();
  readonly #config: ConfigMirror;
  readonly #inForce: InForce;
  /** How many there were. */
  #listing = 0;
  /** When we last heard from the store: until then all that it had was alive. */
  #heardAt = 0;

  /** `prefix`: cleaned (config/lease-key.ts, cleanPrefix). */
  constructor(prefix: string, options: MirrorOptions = {}) {
    this.prefix = prefix;
    this.#subnets = `${subnetsPrefix(prefix)}/`;
    this.#ttl = (options.ttlSeconds ?? 86_400) * 1000;
    this.#config = new ConfigMirror(configKey(prefix), this.#held);
    this.#inForce = new InForce(this.#held, (key) => this.#lingering.has(key));
    this.leases = this.#inForce.leases;
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

  /** Subnets named by keys without a readable lease; host bits as in the key. What the host has for them stays. */
  get unreadableSubnets(): string[] {
    const malformed = [...this.#malformed.values()].flatMap(({ subnet }) => subnet ?? []);
    return [...[...this.#unread].map(({ subnet }) => subnet), ...malformed];
  }

  /** When the store was last heard from, ms since epoch. */
  get heardAt(): number {
    return this.#heardAt;
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
    if (config) this.#followNetwork();

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
    return this.#finish(config, why !== undefined);
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
    if (config) this.#followNetwork();
    this.revision = revision;
    this.#heardAt = now;
    return this.#finish(config);
  }

  /** The store has been heard from without news (a watch's progress): all that it had is still alive. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** Lets go of the lingering leases whose time has come. */
  expire(now: number): MirrorChange {
    this.#begin();
    for (const key of this.#lingering.endedBy(now)) this.#drop(this.#entries.get(key)!);
    return this.#finish(false);
  }

  /** The last good state, to be kept on disk: a mirror that applies it is in the same state (`now` then: when this one was last heard from). */
  snapshot(): StoreSnapshot {
    const { revision } = this;
    const leases: StoreRecord[] = [];
    const expiresAt = new Map<string, number>();
    for (const { key, good, expiresAt: end } of this.#entries.values()) {
      if (good) leases.push(good);
      // That of a permanent one is none.
      if (good && end !== undefined && Number.isFinite(end)) expiresAt.set(key, end);
    }
    // Not the store's id while it is doubted: else the next start would take it at its word.
    const clusterId = this.doubt ? `${this.clusterId} (doubted)` : this.clusterId;
    return { clusterId, revision, config: this.#config.record, leases, expiresAt };
  }

  #begin(): void {
    this.#held.begin();
    this.#inForce.begin();
  }

  #followNetwork(): void {
    this.#inForce.setNetwork(this.#config.value?.network);
    for (const entry of this.#entries.values()) this.#inForce.place(entry);
  }

  /** @returns the key's entry, undefined if it isn't a lease key or nothing is new. */
  #put(record: StoreRecord, expiresAt: number | undefined): Entry | undefined {
    const { key } = record;
    const entry = this.#entries.get(key) ?? this.#admit(record);
    if (!entry) return undefined;
    entry.listing = this.#listing;
    entry.expiresAt = expiresAt;
    if (this.#lingering.delete(key)) this.#inForce.place(entry);
    if (entry.record !== record && isSameRecord(entry.record, record)) return undefined;

    // Nothing is kept of what nobody will ever read.
    entry.record = isTooLong(record.value) ? { ...record, value: '' } : record;
    const reading = readLease(entry, record);
    if ('attrs' in reading) {
      entry.lease = reading;
      this.#unread.delete(entry);
      entry.good = record;
      this.#held.set('lease', key, undefined);
    } else {
      this.#held.set('lease', key, reading);
      // What it said stays; what it hangs on is as it is, so that its owner can still write it.
      if (entry.lease) entry.lease = { ...entry.lease, ...entry.record };
    }
    this.#inForce.place(entry);
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
    const unread = { good: undefined, lease: undefined, expiresAt: undefined };
    const entry: Entry = { key, subnet, ipv6Subnet, block, record, ...unread, listing: 0 };
    this.#entries.set(key, entry);
    this.#unread.add(entry);
    return entry;
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#unread.delete(entry);
    this.#lingering.delete(entry.key);
    this.#held.set('lease', entry.key, undefined);
    this.#inForce.withdraw(entry);
  }

  #dropMalformed(key: string): void {
    if (this.#malformed.delete(key)) this.#held.set('lease', key, undefined);
  }

  #linger(entry: Entry, lease: Lease): void {
    // An end that was passed while the lease was there was put off: etcd v2 tells nobody of a refresh.
    const word = entry.expiresAt !== undefined && entry.expiresAt > this.#heardAt ? entry.expiresAt : undefined;
    const end = word ?? this.#heardAt + this.#ttl;
    entry.expiresAt = isPermanent(lease) ? Number.POSITIVE_INFINITY : end;
    this.#lingering.add(lease, entry.expiresAt);
    this.#inForce.place(entry);
  }

  /** A host that has taken a lease has left those behind that the store lost. */
  #leaveBehind(entry: Entry): void {
    if (!this.#lingering.size || !entry.lease) return;
    for (const key of this.#lingering.leftBehindBy(entry.lease)) this.#drop(this.#entries.get(key)!);
  }

  #finish(config: boolean, doubted = false): MirrorChange {
    const changes = this.#inForce.settle();
    // Doubt ends when nothing is in force any more that the store doesn't have.
    const lost = this.#lingering.size;
    if (!lost && !this.#config.lost) this.doubt = undefined;
    this.#held.set('store', this.prefix, this.doubt && doubtHold(this.prefix, this.doubt, lost, this.#config.lost));
    return { ...changes, config, doubted, heldChanged: this.#held.changed };
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
