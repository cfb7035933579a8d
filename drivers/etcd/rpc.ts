/**
 * Owns the seam between our etcd code and etcd3: the few calls that we make, with etcd3's own types of messages.
 *
 * - Every method rejects with an EtcdFailure, and a watch ends with one.
 * - client.ts implements it; tests wrap it to inject faults.
 */
import type * as Rpcs from 'etcd3';
import type { EtcdFailure } from '../etcd-common/errors.ts';

export interface CallOptions {
  signal?: AbortSignal;
  /** For all endpoints that are tried together. Default: tuning.deadlineMs. */
  deadlineMs?: number;
}

export interface WatchListener {
  /** Never a cancelled watch: that is an end. */
  response(response: Rpcs.IWatchResponse): void;
  /** Once, and nothing after it. */
  end(failure: EtcdFailure): void;
}

export interface Rpc {
  range(request: Rpcs.IRangeRequest, options?: CallOptions): Promise<Rpcs.IRangeResponse>;
  txn(request: Rpcs.ITxnRequest, options?: CallOptions): Promise<Rpcs.ITxnResponse>;
  leaseGrant(ttlSeconds: number, options?: CallOptions): Promise<Rpcs.ILeaseGrantResponse>;
  leaseRevoke(id: string, options?: CallOptions): Promise<Rpcs.ILeaseRevokeResponse>;
  /** TTL "-1" for a lease that is gone. `keys`: with the keys that hang on it. */
  leaseTimeToLive(id: string, keys: boolean, options?: CallOptions): Promise<Rpcs.ILeaseTimeToLiveResponse>;
  /** One keepalive. TTL "0" for a lease that is gone. */
  leaseKeepAlive(id: string, options?: CallOptions): Promise<Rpcs.ILeaseKeepAliveResponse>;
  /** One watch on a stream of its own. The returned function ends it without a word. */
  watch(request: Rpcs.IWatchCreateRequest, listener: WatchListener): () => void;
  /** Ends what is under way and connects anew with the next call. */
  reconnect(): void;
  /** Ends what is under way; later calls fail. */
  close(): Promise<void>;
}
