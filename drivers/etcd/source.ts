/** Owns a Source on etcd's v3 API: connection, listing, watch and leases put together. It remembers which cluster was listed. */
import type { Source } from '../../reconciler/contracts/source.ts';
import { DEFAULT_TUNING, type EtcdOptions } from '../etcd-common/options.ts';
import { connect } from './client.ts';
import { leaseStore } from './leases.ts';
import { keysOf } from './records.ts';
import type { Rpc } from './rpc.ts';
import { readSnapshot, readUnder } from './snapshot.ts';
import { watchPrefix } from './watch.ts';

export type { EtcdOptions };

/** A Source that connects with its first call. @throws StoreError invalid: a bad endpoint, or a file of TLS that can't be used */
export const openEtcdV3 = (options: EtcdOptions): Source => etcdV3Source(connect(options), options);

/** The same over a connection that is there; tests put faults into it. */
export function etcdV3Source(rpc: Rpc, options: EtcdOptions): Source {
  const keys = keysOf(options.prefix);
  const { pageSize, snapshotDeadlineMs } = { ...DEFAULT_TUNING, ...options.tuning };
  let clusterId: string | undefined;
  return {
    kind: 'etcd-v3',
    leaseForm: 'v3',
    looked: 'API v3; a config put with the v2 API is not seen here',
    where: options.endpoints.join(','),
    async snapshot(signal) {
      const snapshot = await readSnapshot(rpc, keys, pageSize, { signal, deadlineMs: snapshotDeadlineMs });
      clusterId = snapshot.clusterId;
      return snapshot;
    },
    watch: (revision, emit) => watchPrefix(rpc, keys, { revision, clusterId }, emit),
    leases: leaseStore(rpc, keys, snapshotDeadlineMs),
    records: (under) => readUnder(rpc, under, pageSize, { deadlineMs: snapshotDeadlineMs }),
    reconnect: () => rpc.reconnect(),
    close: () => rpc.close(),
  };
}
