/** Owns the listing: one quorum read of the prefix's whole directory, so that config and leases are of one index. */
import type { StoreRecord, StoreSnapshot } from '../../reconciler/contracts/source.ts';
import type { ReadOptions, V2Client } from './client.ts';
import type { Node } from './protocol.ts';
import { leavesOf, type V2Keys } from './records.ts';

export interface Listing {
  clusterId: string;
  index: number;
  /** Config and leases; no directories. */
  nodes: Node[];
}

/** @throws EtcdFailure */
export async function list(client: V2Client, keys: V2Keys, options: ReadOptions = {}): Promise<Listing> {
  const { snapshotDeadlineMs: deadlineMs } = client.tuning;
  const reply = await client.get(`${keys.folder}?quorum=true&recursive=true`, { deadlineMs, ...options });
  const { clusterId, index } = reply;
  const all = 'event' in reply ? [...leavesOf(reply.event.node)] : [];
  return { clusterId, index, nodes: all.filter(({ key }) => keys.isOurs(keys.ours(key))) };
}

/** @throws EtcdFailure */
export async function readSnapshot(client: V2Client, keys: V2Keys, options: ReadOptions): Promise<StoreSnapshot> {
  const { clusterId, index: revision, nodes } = await list(client, keys, options);
  const expiresAt = new Map<string, number>();
  const snapshot: StoreSnapshot = { clusterId, revision, config: undefined, leases: [], expiresAt };
  for (const node of nodes) {
    const record = keys.record(node);
    if (record.key === keys.config) snapshot.config = record;
    else snapshot.leases.push(record);
    if (node.expiration !== undefined) expiresAt.set(record.key, Date.parse(node.expiration));
  }
  return snapshot;
}

/** All keys that begin with `under`, which ends with a slash, in the order of keys (the store has none). @throws EtcdFailure */
export async function readUnder(client: V2Client, keys: V2Keys, under: string): Promise<StoreRecord[]> {
  const { snapshotDeadlineMs: deadlineMs } = client.tuning;
  const reply = await client.get(`${keys.urlOf(under)}?quorum=true&recursive=true`, { deadlineMs });
  const all = 'event' in reply ? [...leavesOf(reply.event.node)] : [];
  return all.map((node) => keys.record(node)).sort((a, b) => (a.key < b.key ? -1 : 1));
}
