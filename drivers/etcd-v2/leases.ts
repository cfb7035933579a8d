/**
 * Owns the taking, renewing and giving back of leases in etcd v2, where a lease is a key with a TTL.
 *
 * - Every write compares first. A renewal is a "refresh", which extends the TTL and tells no watcher.
 * - A key is never deleted: flannel v0.11 takes the event of a compared delete (compareAndDelete) for a put, fails to read it, and asks for
 *   the same event again for ever (docs/reference/flannel.md#watching). It is left to expire at once instead; every flannel knows an expiry.
 * - v2 doesn't say what TTL a key was given; of our own this process knows it, of others the term that flannel gives is assumed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CreateResult, LeaseStore, StoreRecord } from '../../reconciler/contracts/source.ts';
import type { V2Client } from './client.ts';
import { list } from './listing.ts';
import type { Reply } from './protocol.ts';
import { PERMANENT, type V2Keys } from './records.ts';

/** How often it is looked whether a key has expired (ms), and how often at most. etcd looks twice a second. */
const LOOK_MS = 200;
const LOOKS = 25;

export class V2Leases implements LeaseStore {
  readonly #client: V2Client;
  readonly #keys: V2Keys;
  /** Seconds. */
  readonly #term: number;
  /** Seconds, by key, of those that we have written. */
  readonly #granted = new Map<string, number>();

  /** `term`: --subnet-lease-ttl, in seconds. */
  constructor(client: V2Client, keys: V2Keys, term: number) {
    this.#client = client;
    this.#keys = keys;
    this.#term = term;
  }

  async create(key: string, value: string, ttlSeconds: number): Promise<CreateResult> {
    const ttl = ttlSeconds > 0 ? String(ttlSeconds) : undefined;
    const reply = await this.#put(key, { value, prevExist: 'false', ttl });
    if (!('event' in reply)) return { result: 'exists' };
    const record = this.#keys.record(reply.event.node);
    if (ttlSeconds > 0) this.#granted.set(key, ttlSeconds);
    try {
      // Read after the write: of two hosts that create overlapping leases at one moment, at least the younger sees the other.
      const { nodes } = await list(this.#client, this.#keys);
      const others = nodes.map((node) => this.#keys.record(node)).filter((one) => one.key !== key);
      const neighbours = others
        .filter((one) => one.key !== this.#keys.config)
        .map(({ key: name, createRevision }) => ({ key: name, createRevision }));
      return { result: 'created', record, neighbours };
    } catch (error) {
      await this.#expire(record).catch(() => undefined); // it ends by itself
      throw error;
    }
  }

  async update(record: StoreRecord, value: string): Promise<StoreRecord | 'changed'> {
    const reply = await this.#put(record.key, {
      value,
      prevIndex: String(record.modRevision),
      ttl: this.#ttlOf(record),
    });
    return 'event' in reply ? this.#keys.record(reply.event.node) : 'changed';
  }

  async renew(record: StoreRecord): Promise<{ ttlSeconds: number } | 'lost'> {
    if (record.leaseId === PERMANENT) {
      const reply = await this.#client.get(`${this.#keys.urlOf(record.key)}?quorum=true`);
      const same = 'event' in reply && reply.event.node.modifiedIndex === record.modRevision;
      return same ? { ttlSeconds: Number.POSITIVE_INFINITY } : 'lost';
    }
    const ttl = this.#ttlOf(record);
    // By value: a refresh gives the key another index, and no watch tells it.
    const reply = await this.#put(record.key, { refresh: 'true', prevValue: record.value, ttl });
    return 'event' in reply ? { ttlSeconds: Number(ttl) } : 'lost';
  }

  async release(record: StoreRecord): Promise<'released' | 'changed'> {
    const reply = await this.#expire(record);
    if (!('event' in reply)) return 'changed';
    this.#granted.delete(record.key);
    for (let looks = 0; looks < LOOKS; looks++) {
      const now = await this.#client.get(`${this.#keys.urlOf(record.key)}?quorum=true`);
      if (!('event' in now) || now.event.node.createdIndex !== record.createRevision) break;
      await sleep(LOOK_MS);
    }
    return 'released';
  }

  async timeLeft(leaseIds: string[]): ReturnType<LeaseStore['timeLeft']> {
    const wanted = new Set(leaseIds.filter((id) => id !== PERMANENT));
    const left: Awaited<ReturnType<LeaseStore['timeLeft']>> = new Map();
    if (wanted.size === 0) return left;
    for (const id of wanted) left.set(id, undefined);
    for (const node of (await list(this.#client, this.#keys)).nodes) {
      const id = String(node.createdIndex);
      if (node.ttl === undefined || !wanted.has(id)) continue;
      const grantedSeconds = Math.max(node.ttl, this.#granted.get(this.#keys.ours(node.key)) ?? this.#term);
      left.set(id, { ttlSeconds: node.ttl, grantedSeconds });
    }
    return left;
  }

  #ttlOf(record: StoreRecord): string | undefined {
    return record.leaseId === PERMANENT ? undefined : String(this.#granted.get(record.key) ?? this.#term);
  }

  /** Gives it the shortest life, which nobody is told of; of its expiry everybody is. */
  #expire(record: StoreRecord): Promise<Reply> {
    return this.#put(record.key, {
      ...(record.leaseId === PERMANENT ? { value: record.value } : { refresh: 'true' }),
      prevIndex: String(record.modRevision),
      ttl: '1',
    });
  }

  #put(key: string, form: Record<string, string | undefined>): Promise<Reply> {
    const given = Object.entries(form).filter((field): field is [string, string] => field[1] !== undefined);
    return this.#client.put(this.#keys.urlOf(key), Object.fromEntries(given));
  }
}
