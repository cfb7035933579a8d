/**
 * Owns the choice of the endpoint: all calls go to one member until it fails, then to the next.
 *
 * - A read is asked of each endpoint once before it fails. A write is sent again only if it surely did not arrive.
 * - A watch stays where it was opened; if it ends for a reason that another member may not have, the next call goes there.
 */
import type { IRequestOp, ITxnRequest } from 'etcd3';
import { type EtcdFailure, elsewhere, together } from '../etcd-common/errors.ts';
import {
  checkEndpoints,
  DEFAULT_TUNING,
  type EtcdOptions,
  readCredentials,
  type Tuning,
} from '../etcd-common/options.ts';
import { Endpoint } from './endpoint.ts';
import type { CallOptions, Rpc } from './rpc.ts';

type Ask<T> = (endpoint: Endpoint, options: CallOptions) => Promise<T>;

class Endpoints {
  private readonly all: readonly Endpoint[];
  private readonly tuning: Tuning;
  private current: number;

  constructor(options: EtcdOptions, tuning: Tuning) {
    this.tuning = tuning;
    this.all = options.endpoints.map((url) => new Endpoint(url, options, tuning));
    this.current = tuning.first(this.all.length);
  }

  /** The one that calls go to. */
  get here(): Endpoint {
    return this.all[this.current]!;
  }

  /** After a failure there; does nothing if somebody else has left it already. */
  leave(endpoint: Endpoint, failure: EtcdFailure): void {
    if (endpoint === this.here && elsewhere(failure)) this.current = (this.current + 1) % this.all.length;
  }

  async ask<T>(how: 'read' | 'write', send: Ask<T>, options: CallOptions = {}): Promise<T> {
    const { failoverMs, deadlineMs } = this.tuning;
    const failures: EtcdFailure[] = [];
    for (;;) {
      const endpoint = this.here;
      const wait = options.deadlineMs ?? deadlineMs;
      const isLast = failures.length === this.all.length - 1;
      try {
        return await send(endpoint, {
          ...options,
          deadlineMs: how === 'read' && !isLast ? Math.min(wait, failoverMs) : wait,
        });
      } catch (error) {
        const failure = endpoint.failure(error);
        this.leave(endpoint, failure);
        failures.push(failure);
        const again = elsewhere(failure) && (how === 'read' || failure.unsent);
        if (!again || isLast) throw together(failures);
      }
    }
  }

  reconnect(): void {
    for (const endpoint of this.all) endpoint.reconnect();
  }

  close(): void {
    for (const endpoint of this.all) endpoint.close();
  }
}

const isRead = ({ compare = [], success = [] }: ITxnRequest): boolean =>
  compare.length === 0 && success.every((op: IRequestOp) => op.request_range !== undefined);

/** Connects with the first call. @throws StoreError invalid: an endpoint that is none, or a file of TLS that can't be used */
export function connect(options: EtcdOptions): Rpc {
  checkEndpoints(options.endpoints);
  // Read here to fail at once; each new connection reads them anew.
  if (options.endpoints.some((endpoint) => endpoint.startsWith('https:'))) readCredentials(options);
  const endpoints = new Endpoints(options, { ...DEFAULT_TUNING, ...options.tuning });

  return {
    range: (request, call) =>
      endpoints.ask('read', (at, how) => at.unary((etcd, grpc) => etcd.kv.range(request, grpc), how), call),
    txn: (request, call) =>
      endpoints.ask(
        isRead(request) ? 'read' : 'write',
        (at, how) => at.unary((etcd, grpc) => etcd.kv.txn(request, grpc), how),
        call,
      ),
    leaseGrant: (ttl, call) =>
      endpoints.ask(
        'write',
        (at, how) => at.unary((etcd, grpc) => etcd.leaseClient.leaseGrant({ TTL: ttl }, grpc), how),
        call,
      ),
    leaseRevoke: (id, call) =>
      endpoints.ask(
        'write',
        (at, how) => at.unary((etcd, grpc) => etcd.leaseClient.leaseRevoke({ ID: id }, grpc), how),
        call,
      ),
    leaseTimeToLive: (id, keys, call) =>
      endpoints.ask(
        'read',
        (at, how) => at.unary((etcd, grpc) => etcd.leaseClient.leaseTimeToLive({ ID: id, keys }, grpc), how),
        call,
      ),
    // To ask twice for more time does no harm.
    leaseKeepAlive: (id, call) => endpoints.ask('read', (at, how) => at.keepAlive(id, how), call),
    watch(request, listener) {
      const at = endpoints.here;
      return at.watch(request, {
        response: (response) => listener.response(response),
        end(failure) {
          endpoints.leave(at, failure);
          listener.end(failure);
        },
      });
    },
    reconnect: () => endpoints.reconnect(),
    async close() {
      endpoints.close();
    },
  };
}
