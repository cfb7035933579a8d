/**
 * Owns the contract of a source of desired state (etcd v3, later etcd v2 and a file) and of the store that leases are taken from.
 *
 * - A snapshot is complete and of one revision; a watch from `revision + 1` delivers every later change exactly once and in order.
 * - A watch that can't go on says `ended` once, with why, and delivers nothing more; it never skips. Whoever watches takes a new snapshot.
 * - Writes are guarded: nothing is overwritten or deleted that changed since it was read.
 * - Methods reject with a StoreError only; its message is one sentence for a person.
 */

import type { StoreErrorKind } from './failure.ts';
import type { HeldEntry } from './report.ts';

/** One key under the prefix. Values that can't be parsed travel like all others: holding them is the mirror's business. */
export interface StoreRecord {
  key: string;
  value: string;
  modRevision: number;
  createRevision: number;
  /** Lease id as decimal text, "0" for a permanent key. */
  leaseId: string;
}

/** Whether it hangs on no lease of the store: then it stays until somebody deletes it. */
export const isPermanent = ({ leaseId }: { leaseId: string }): boolean => leaseId === '0';

export interface StoreSnapshot {
  /** Changes when the store is wiped or rebuilt. */
  clusterId: string;
  revision: number;
  config: StoreRecord | undefined;
  leases: StoreRecord[];
  /** The store's own word of when each lease ends (ms since epoch by key), where it comes with the listing (etcd v2). */
  expiresAt?: Map<string, number>;
}

export type StoreChange = { op: 'put'; record: StoreRecord } | { op: 'delete'; key: string; modRevision: number };

export type WatchEvent =
  /** The store has acknowledged the watch. */
  | { type: 'started' }
  /** What has changed, in revision order; `revision` is that of the last one. */
  | { type: 'changes'; revision: number; changes: StoreChange[] }
  /** moved: desired state is to be had elsewhere now, which the next snapshot knows. */
  | {
      type: 'ended';
      reason: 'compacted' | 'unavailable' | 'noLeader' | 'denied' | 'moved' | 'stopped';
      message: string;
    };

export interface Source {
  readonly kind: 'etcd-v3' | 'etcd-v2' | 'file' | 'cache';
  /** In which form a lease's value is written there: flannel v0.28's ("v3"), or v0.11's ("v2"), which names no VNI and no IPv6. Default "v3". */
  readonly leaseForm?: 'v2' | 'v3';
  /** Where it is, for messages: "http://127.0.0.1:2379". */
  readonly where: string;
  /** What was looked at, in a few words, for a message that there is no config. */
  readonly looked?: string;
  /** What the source itself has to say; may change with every snapshot. */
  readonly held?: readonly HeldEntry[];
  snapshot(signal?: AbortSignal): Promise<StoreSnapshot>;
  /** Watches config and leases from `revision` on (inclusive). The returned function stops it. */
  watch(revision: number, emit: (event: WatchEvent) => void): () => void;
  readonly leases: LeaseStore;
  /** All keys that begin with `under`, which ends with a slash, in their order. Left out: it has none beside config and leases. */
  records?(under: string): Promise<StoreRecord[]>;
  /**
   * The host has another address: connections from the old one may be dead without anybody saying so. Ends what is under way (a watch says
   * `ended`); the next call connects anew.
   */
  reconnect?(): void;
  close(): Promise<void>;
}

export type CreateResult =
  /** `record` as written; `keys`: all lease keys at that same revision with their create revisions, so that an overlap is seen. */
  | { result: 'created'; record: StoreRecord; neighbours: { key: string; createRevision: number }[] }
  /** Somebody else was first. */
  | { result: 'exists' };

export interface LeaseStore {
  /** Creates `key` if it doesn't exist, with a life of `ttlSeconds` (0: for ever); nothing of it stays if another was first. */
  create(key: string, value: string, ttlSeconds: number): Promise<CreateResult>;
  /** Rewrites the value if nobody did since `record` was read; the lease it hangs on stays. "changed": somebody did. */
  update(record: StoreRecord, value: string): Promise<StoreRecord | 'changed'>;
  /** Extends the lease without writing the key. "lost": the key or its lease is gone, or the key is no longer as in `record`. */
  renew(record: StoreRecord): Promise<{ ttlSeconds: number } | 'lost'>;
  /** Deletes the key if nobody changed it since. */
  release(record: StoreRecord): Promise<'released' | 'changed'>;
  /** Seconds left of each lease, by lease id; undefined for one that is gone. Not for "0". Pipelined. */
  timeLeft(leaseIds: string[]): Promise<Map<string, { ttlSeconds: number; grantedSeconds: number } | undefined>>;
}

export class StoreError extends Error {
  readonly kind: StoreErrorKind;
  constructor(kind: StoreErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreError';
    this.kind = kind;
  }
}
