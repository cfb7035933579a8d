/**
 * Owns the listing: config and leases as they were at one revision.
 *
 * - One request, and one more for every `pageSize` leases beyond; no request a lease.
 * - Later pages are read at the first one's revision. If that is compacted meanwhile, all is read again.
 */
import type { IKeyValue, IRangeRequest, IRangeResponse } from 'etcd3';
import type { StoreRecord, StoreSnapshot } from '../../reconciler/contracts/source.ts';
import { EtcdFailure } from '../etcd-common/errors.ts';
import { type Keys, leaseRange, rangeUnder, toRecord } from './records.ts';
import type { CallOptions, Rpc } from './rpc.ts';

const TRIES = 3;

/** @throws EtcdFailure */
export async function readSnapshot(rpc: Rpc, keys: Keys, pageSize: number, call: CallOptions): Promise<StoreSnapshot> {
  for (let tries = 1; ; tries++) {
    try {
      return await readOnce(rpc, keys, pageSize, call);
    } catch (error) {
      const compacted = error instanceof EtcdFailure && error.why === 'compacted';
      if (!compacted || tries === TRIES) throw error;
    }
  }
}

async function readOnce(rpc: Rpc, keys: Keys, pageSize: number, call: CallOptions): Promise<StoreSnapshot> {
  const { key, range_end } = leaseRange(keys);
  const { header, responses } = await rpc.txn(
    {
      success: [
        { request_range: { key: Buffer.from(keys.config) } },
        { request_range: { key, range_end, limit: pageSize } },
      ],
    },
    call,
  );
  const [config, first] = [responses[0]!.response_range, responses[1]!.response_range];
  const leases = first.kvs.map(toRecord);
  await appendPages(leases, rpc, first, { range_end, limit: pageSize, revision: header.revision }, call);
  return {
    clusterId: header.cluster_id,
    revision: Number(header.revision),
    config: config.kvs.map(toRecord)[0],
    leases,
  };
}

/** All keys that begin with `under`, at one revision. @throws EtcdFailure */
export async function readUnder(rpc: Rpc, under: string, limit: number, call: CallOptions): Promise<StoreRecord[]> {
  const { key, range_end } = rangeUnder(under);
  const first = await rpc.range({ key, range_end, limit }, call);
  const records = first.kvs.map(toRecord);
  await appendPages(records, rpc, first, { range_end, limit, revision: first.header.revision }, call);
  return records;
}

/** What comes after the first page of a listing. */
async function appendPages(
  records: StoreRecord[],
  rpc: Rpc,
  first: Pick<IRangeResponse, 'kvs' | 'more'>,
  rest: Pick<IRangeRequest, 'range_end' | 'limit' | 'revision'>,
  call: CallOptions,
): Promise<void> {
  for (let { more } = first, last = first.kvs.at(-1); more && last; ) {
    const page = await rpc.range({ ...rest, key: after(last) }, call);
    append(records, page.kvs);
    more = page.more;
    last = page.kvs.at(-1);
  }
}

/** The first key that can follow. */
const after = ({ key }: IKeyValue): Buffer => Buffer.concat([key, Buffer.from([0])]);

function append(records: StoreRecord[], kvs: IKeyValue[]): void {
  for (const kv of kvs) records.push(toRecord(kv));
}
