/** Owns what our gRPC calls differ in from etcd3's defaults, each for a reason that is in docs/reference/dependencies.md#etcd3. */
import type { CallOptions as GrpcCallOptions, Interceptor } from '@grpc/grpc-js';
import type { IOptions } from 'etcd3';
import type { Tuning } from '../etcd-common/options.ts';

export type { GrpcCallOptions };

type Grpc = typeof import('@grpc/grpc-js');

/** What the `nth` connection of an endpoint is opened with. */
export const channelOptions = (tuning: Tuning, nth: number): NonNullable<IOptions['grpcOptions']> => ({
  // grpc-js shares connections among channels of equal options: a new one would wait for the one that it is to replace.
  'grpc.secondary_user_agent': `selvage-connection/${nth}`,
  // 30,000 leases are 8 MB; grpc-js refuses replies over 4 MB.
  'grpc.max_receive_message_length': -1,
  // A peer that vanished without a word is noticed within keepaliveMs + keepaliveTimeoutMs, not when TCP gives up.
  'grpc.keepalive_time_ms': tuning.keepaliveMs,
  'grpc.keepalive_timeout_ms': tuning.keepaliveTimeoutMs,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // etcd's own client dials itself: it neither goes through a proxy of the environment nor asks DNS for a service config.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
});

type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>;

const NEVER = new AbortController().signal;

/** No retries and no circuit breaker of etcd3's: endpoints are changed by client.ts, tries are repeated by the state machine. */
export const NO_POLICY: Policy = {
  _altReturn: undefined as never,
  onSuccess: () => ({ dispose() {} }),
  onFailure: () => ({ dispose() {} }),
  execute: async (fn) => fn({ signal: NEVER }),
};

/** What is under way on a connection, so that close() and a signal can end it: etcd3 keeps no handle on its unary calls. */
export class LiveCalls {
  readonly #cancels = new Set<(why: string) => void>();

  /** Ends all; `why` in the words of a gRPC failure. */
  cancel(why: string): void {
    for (const cancel of [...this.#cancels]) cancel(why);
  }

  add(cancel: (why: string) => void): () => void {
    this.#cancels.add(cancel);
    return () => this.#cancels.delete(cancel);
  }
}

/**
 * Options for one call: it demands a leader (else a member that lost its cluster answers reads late and watches never), ends at
 * the deadline (ms from now), and hands out how to cancel it.
 */
export function callOptions(grpc: Grpc, onStart: (cancel: () => void) => void, deadlineMs?: number): GrpcCallOptions {
  const demandLeader: Interceptor = (options, nextCall) => {
    const call = new grpc.InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        metadata.set('hasleader', 'true');
        next(metadata, listener);
      },
    });
    onStart(() => call.cancelWithStatus(grpc.status.CANCELLED, 'cancelled by selvage'));
    return call;
  };
  const options: GrpcCallOptions = { interceptors: [demandLeader] };
  if (deadlineMs !== undefined) options.deadline = Date.now() + deadlineMs;
  return options;
}
