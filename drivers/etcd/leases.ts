/**
 * Owns the taking, renewing and giving back of leases.
 *
 * - Every write is a transaction that compares first: a key that somebody else wrote is neither overwritten nor deleted.
 * - No lease granted in vain stays: it is revoked when somebody else was first, and when the write's fate is unknown (which takes the
 *   key away too, if it was written after all).
 * - Renewing extends the etcd lease and doesn't write the key, so that no peer is woken.
 */
import type { ITxnRequest, ITxnResponse } from 'etcd3';
import type { CreateResult, LeaseStore, StoreRecord } from '../../reconciler/contracts/source.ts';
import { EtcdFailure } from '../etcd-common/errors.ts';
import { DEFAULT_TUNING } from '../etcd-common/options.ts';
import { type Keys, leaseRange } from './records.ts';
import type { Rpc } from './rpc.ts';

const PERMANENT = '0';
/** Requests under way at once: fills the pipe, and is no burden for etcd. */
const PIPELINE = 64;
/** For clearing up after a failure: it must not keep anybody waiting; the lease ends by itself too (ms). */
const REVOKE_DEADLINE = 2000;

interface Parts {
  rpc: Rpc;
  keys: Keys;
  /** For what has a listing in it. */
  listingDeadlineMs: number;
}

type Compare = NonNullable<ITxnRequest['compare']>[number];

const unchanged = ({ key, modRevision }: StoreRecord): Compare => ({
  key: Buffer.from(key),
  target: 'Mod',
  result: 'Equal',
  mod_revision: modRevision,
});

const isGone = (error: unknown): boolean => error instanceof EtcdFailure && error.why === 'leaseNotFound';

async function revokeQuietly(rpc: Rpc, id: string): Promise<void> {
  if (id === PERMANENT) return;
  await rpc.leaseRevoke(id, { deadlineMs: REVOKE_DEADLINE }).catch(() => undefined);
}

async function create(
  { rpc, keys, listingDeadlineMs }: Parts,
  key: string,
  value: string,
  ttlSeconds: number,
): Promise<CreateResult> {
  const leaseId = ttlSeconds > 0 ? (await rpc.leaseGrant(ttlSeconds)).ID : PERMANENT;
  const name = Buffer.from(key);
  let answer: ITxnResponse;
  try {
    answer = await rpc.txn(
      {
        compare: [{ key: name, target: 'Version', result: 'Equal', version: 0 }],
        success: [
          { request_put: { key: name, value: Buffer.from(value), lease: leaseId } },
          { request_range: { ...leaseRange(keys), keys_only: true } },
        ],
        // With a listing in it, it takes as long as one.
      },
      { deadlineMs: listingDeadlineMs },
    );
  } catch (error) {
    await revokeQuietly(rpc, leaseId);
    throw error;
  }
  if (!answer.succeeded) {
    await revokeQuietly(rpc, leaseId);
    return { result: 'exists' };
  }
  const revision = Number(answer.header.revision);
  const neighbours = answer.responses[1]!.response_range.kvs.map((kv) => ({
    key: kv.key.toString(),
    createRevision: Number(kv.create_revision),
  })).filter((neighbour) => neighbour.key !== key);
  return {
    result: 'created',
    record: { key, value, modRevision: revision, createRevision: revision, leaseId },
    neighbours,
  };
}

async function update(rpc: Rpc, record: StoreRecord, value: string): Promise<StoreRecord | 'changed'> {
  const put = { key: Buffer.from(record.key), value: Buffer.from(value), lease: record.leaseId };
  try {
    const answer = await rpc.txn({ compare: [unchanged(record)], success: [{ request_put: put }] });
    return answer.succeeded ? { ...record, value, modRevision: Number(answer.header.revision) } : 'changed';
  } catch (error) {
    // The lease ended between the comparison and the write, and the key with it.
    if (isGone(error)) return 'changed';
    throw error;
  }
}

async function renew(rpc: Rpc, record: StoreRecord): Promise<{ ttlSeconds: number } | 'lost'> {
  let ttlSeconds = Number.POSITIVE_INFINITY;
  if (record.leaseId !== PERMANENT) {
    const { TTL } = await rpc.leaseKeepAlive(record.leaseId).catch((error) => {
      if (isGone(error)) return { TTL: '0' };
      throw error;
    });
    ttlSeconds = Number(TTL);
    if (ttlSeconds <= 0) return 'lost';
  }
  // Read after the keepalive: only so the answer says that the key was there when the time was extended.
  const { kvs } = await rpc.range({ key: Buffer.from(record.key), keys_only: true });
  const kv = kvs[0];
  const same = kv?.lease === record.leaseId && Number(kv.mod_revision) === record.modRevision;
  return same ? { ttlSeconds } : 'lost';
}

async function release(rpc: Rpc, record: StoreRecord): Promise<'released' | 'changed'> {
  const { succeeded } = await rpc.txn({
    compare: [unchanged(record)],
    success: [{ request_delete_range: { key: Buffer.from(record.key) } }],
  });
  if (!succeeded) return 'changed';
  if (record.leaseId !== PERMANENT) await revokeIfUnused(rpc, record.leaseId);
  return 'released';
}

/** The key is gone by now, which is what was asked for: a failure here only leaves a lease to end by itself. */
async function revokeIfUnused(rpc: Rpc, id: string): Promise<void> {
  const answer = await rpc.leaseTimeToLive(id, true).catch(() => undefined);
  if (answer?.keys.length === 0 && Number(answer.TTL) > 0) await revokeQuietly(rpc, id);
}

type TimeLeft = Awaited<ReturnType<LeaseStore['timeLeft']>>;

async function timeLeft(rpc: Rpc, leaseIds: readonly string[]): Promise<TimeLeft> {
  const left: TimeLeft = new Map();
  const queue = new Set(leaseIds);
  queue.delete(PERMANENT);
  const ids = queue.values();
  // The workers share one iterator: each takes the next id when it has its answer.
  const worker = async () => {
    for (const id of ids) {
      const { TTL, grantedTTL } = await rpc.leaseTimeToLive(id, false);
      const ttlSeconds = Number(TTL);
      left.set(id, ttlSeconds < 0 ? undefined : { ttlSeconds, grantedSeconds: Number(grantedTTL) });
    }
  };
  await Promise.all(Array.from({ length: Math.min(PIPELINE, queue.size) }, worker));
  return left;
}

export const leaseStore = (
  rpc: Rpc,
  keys: Keys,
  listingDeadlineMs = DEFAULT_TUNING.snapshotDeadlineMs,
): LeaseStore => ({
  create: (key, value, ttlSeconds) => create({ rpc, keys, listingDeadlineMs }, key, value, ttlSeconds),
  update: (record, value) => update(rpc, record, value),
  renew: (record) => renew(rpc, record),
  release: (record) => release(rpc, record),
  timeLeft: (leaseIds) => timeLeft(rpc, leaseIds),
});
