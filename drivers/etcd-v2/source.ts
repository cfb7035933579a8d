/** Owns nothing of its own: puts connection, listing, watch and leases together to a Source on etcd's v2 API, flannel's up to v0.17. */
import type { Source } from '../../reconciler/contracts/source.ts';
import type { EtcdOptions } from '../etcd-common/options.ts';
import { V2Client } from './client.ts';
import { V2Leases } from './leases.ts';
import { readSnapshot, readUnder } from './listing.ts';
import { V2Keys } from './records.ts';
import { watchFolder } from './watch.ts';

export interface EtcdV2Options extends EtcdOptions {
  /** Life of a lease in seconds, where the store doesn't say. Default: flannel's 24 h. */
  ttlSeconds?: number;
}

export interface V2Source extends Source {
  /** "3.4.23" */
  serverVersion(): Promise<string | undefined>;
}

/** A Source that connects with its first call. @throws StoreError invalid: a bad endpoint, or a file of TLS that can't be used */
export function openEtcdV2(options: EtcdV2Options): V2Source {
  const client = new V2Client(options);
  const keys = new V2Keys(options.prefix);
  return {
    kind: 'etcd-v2',
    leaseForm: 'v2',
    looked: 'API v2; a config put with the v3 API is not seen here',
    where: options.endpoints.join(','),
    snapshot: (signal) => readSnapshot(client, keys, { signal }),
    watch: (revision, emit) => watchFolder(client, keys, revision, emit),
    records: (under) => readUnder(client, keys, under),
    leases: new V2Leases(client, keys, options.ttlSeconds ?? 86_400),
    async serverVersion() {
      const { body } = await client.raw('/version');
      const { etcdserver } = JSON.parse(body) as { etcdserver?: string };
      return etcdserver;
    },
    close: async () => client.close(),
  };
}
