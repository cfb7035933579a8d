/** Owns the calls that we make to etcd v3, each to the endpoint that is in use (etcd-common/endpoints.ts), with how it may be repeated. */
import type { IRequestOp, ITxnRequest } from 'etcd3';
import { Endpoints } from '../etcd-common/endpoints.ts';
import type { EtcdOptions } from '../etcd-common/options.ts';
import { Endpoint } from './endpoint.ts';
import type { CallOptions, Rpc } from './rpc.ts';

const isRead = ({ compare = [], success = [] }: ITxnRequest): boolean =>
  compare.length === 0 && success.every((op: IRequestOp) => op.request_range !== undefined);

/** Connects with the first call. @throws StoreError invalid: an endpoint that is none, or a file of TLS that can't be used */
export function connect(options: EtcdOptions): Rpc {
  const endpoints = new Endpoints(options, (url, tuning) => new Endpoint(url, options, tuning));
  const ask = <T>(
    how: 'read' | 'write',
    send: (at: Endpoint, call: CallOptions) => Promise<T>,
    call: CallOptions = {},
  ): Promise<T> => endpoints.ask(how, (at, deadlineMs) => send(at, { ...call, deadlineMs }), call.deadlineMs);

  return {
    range: (request, call) =>
      ask('read', (at, how) => at.unary((etcd, grpc) => etcd.kv.range(request, grpc), how), call),
    txn: (request, call) =>
      ask(
        isRead(request) ? 'read' : 'write',
        (at, how) => at.unary((etcd, grpc) => etcd.kv.txn(request, grpc), how),
        call,
      ),
    leaseGrant: (ttl, call) =>
      ask('write', (at, how) => at.unary((etcd, grpc) => etcd.leaseClient.leaseGrant({ TTL: ttl }, grpc), how), call),
    leaseRevoke: (id, call) =>
      ask('write', (at, how) => at.unary((etcd, grpc) => etcd.leaseClient.leaseRevoke({ ID: id }, grpc), how), call),
    leaseTimeToLive: (id, keys, call) =>
      ask(
        'read',
        (at, how) => at.unary((etcd, grpc) => etcd.leaseClient.leaseTimeToLive({ ID: id, keys }, grpc), how),
        call,
      ),
    // To ask twice for more time does no harm.
    leaseKeepAlive: (id, call) => ask('read', (at, how) => at.keepAlive(id, how), call),
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
    reconnect() {
      for (const endpoint of endpoints.all) endpoint.reconnect();
    },
    async close() {
      endpoints.close();
    },
  };
}
