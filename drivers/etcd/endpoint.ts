/**
 * Owns the connection to one member of the cluster: an Etcd3 that is made when it is first needed, and made anew after a lost login.
 *
 * - etcd3 is imported with the first call, so that whoever never speaks v3 doesn't pay its 100 ms.
 * - One Etcd3 a member: tokens and certificates are a member's, and a message can say who failed.
 * - After close() nothing is under way: the process can end.
 */
import type { Etcd3, ILeaseKeepAliveResponse, IWatchCreateRequest } from 'etcd3';
import { CANCELLED, type EtcdFailure, failureAt, type Why } from '../etcd-common/errors.ts';
import type { EtcdOptions, Tuning } from '../etcd-common/options.ts';
import { readCredentials } from '../etcd-common/tls.ts';
import { callOptions, channelOptions, type GrpcCallOptions, LiveCalls, NO_POLICY } from './grpc-options.ts';
import type { CallOptions, WatchListener } from './rpc.ts';
import { openWatchStream } from './watch-stream.ts';

/** Takes the means to cancel a call when it starts. */
type Hold = (cancel: () => void) => void;
type Send<T> = (etcd: Etcd3, options: GrpcCallOptions) => Promise<T>;

const MOVED = '14 UNAVAILABLE: the way there has changed';

const importBoth = () => Promise.all([import('etcd3'), import('@grpc/grpc-js')]);
let imported: ReturnType<typeof importBoth> | undefined;

/** Kept, because an import() of what is loaded already still costs more than the call that it is for. */
function load(): ReturnType<typeof importBoth> {
  imported ??= importBoth();
  return imported;
}

/** Failures of the login that a new login may mend. */
const LOGIN: ReadonlySet<Why> = new Set<Why>(['authOff', 'noUser', 'token', 'replaced']);

export class Endpoint {
  readonly url: string;
  readonly #options: EtcdOptions;
  readonly #tuning: Tuning;
  readonly #live = new LiveCalls();
  #etcd: Etcd3 | undefined;
  /** How many there are on each connection. */
  readonly #watches = new Map<Etcd3, number>();
  /** Off while etcd says that it has no users: its own client goes on without then, too. */
  #useLogin: boolean;
  #closed = false;
  #connections = 0;

  constructor(url: string, options: EtcdOptions, tuning: Tuning) {
    this.url = url;
    this.#options = options;
    this.#tuning = tuning;
    this.#useLogin = Boolean(options.username);
  }

  failure(error: unknown): EtcdFailure {
    return failureAt(this.url, this.#options, error);
  }

  /** `isWanted` is asked once all is loaded. @throws StoreError invalid, if a file of TLS can't be read any more */
  async #connect(isWanted = () => true): Promise<{ etcd: Etcd3; grpc: typeof import('@grpc/grpc-js') }> {
    const [{ Etcd3 }, grpc] = await load();
    if (this.#closed || !isWanted()) throw new Error(CANCELLED);
    const { username = '', password = '' } = this.#options;
    this.#etcd ??= new Etcd3({
      hosts: this.url,
      ...(this.url.startsWith('https:') ? { credentials: readCredentials(this.#options) } : {}),
      ...(this.#useLogin ? { auth: { username, password } } : {}),
      grpcOptions: channelOptions(this.#tuning, this.#connections++),
      faultHandling: { host: () => NO_POLICY, global: NO_POLICY },
      // For what etcd3 calls by itself: the login.
      defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + this.#tuning.deadlineMs }),
    });
    return { etcd: this.#etcd, grpc };
  }

  /** What comes next connects anew. A watch that stands outlives its login, and keeps its connection until it ends. */
  #disconnect(): void {
    const old = this.#etcd;
    this.#etcd = undefined;
    if (old && !this.#watches.has(old)) old.close();
  }

  #beginWatch(etcd: Etcd3): void {
    this.#watches.set(etcd, (this.#watches.get(etcd) ?? 0) + 1);
  }

  #endWatch(etcd: Etcd3 | undefined): void {
    const count = etcd && this.#watches.get(etcd);
    if (!count) return;
    if (count > 1) {
      this.#watches.set(etcd, count - 1);
      return;
    }
    this.#watches.delete(etcd);
    if (etcd !== this.#etcd) etcd.close();
  }

  /** Mends what a new connection mends; true if the same request is worth another try at once. `used`: the connection that failed. */
  #mend({ why }: EtcdFailure, used: Etcd3 | undefined): boolean {
    // After a failure of TLS the files are read again: somebody may have renewed them.
    if (why === 'tls' && used === this.#etcd) this.#disconnect();
    if (!LOGIN.has(why) || this.#closed) return false;
    // Another call failed of the same before, and has mended it.
    if (used !== this.#etcd) return true;
    const hasLogin = Boolean(this.#options.username);
    if ((why === 'authOff' && !this.#useLogin) || (why === 'noUser' && this.#useLogin === hasLogin)) return false;
    if (why === 'authOff') this.#useLogin = false;
    if (why === 'noUser') this.#useLogin = true;
    this.#disconnect();
    return true;
  }

  /** One request and its answer. @throws EtcdFailure */
  async unary<T>(send: Send<T>, options: CallOptions = {}): Promise<T> {
    const deadlineMs = options.deadlineMs ?? this.#tuning.deadlineMs;
    for (let tries = 1; ; tries++) {
      let used: Etcd3 | undefined;
      try {
        const { etcd, grpc } = await this.#connect();
        used = etcd;
        return await this.#once((hold) => send(etcd, callOptions(grpc, hold, deadlineMs)), options.signal);
      } catch (error) {
        const failure = this.failure(error);
        if (!this.#mend(failure, used) || tries > 1) throw failure;
      }
    }
  }

  /** Runs one call so that close() and the signal end it at once. */
  async #once<T>(call: (hold: Hold) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) throw new Error(CANCELLED);
    let cancelCall = () => {};
    const hold: Hold = (cancel) => {
      cancelCall = cancel;
    };
    let stop = (_why: string) => {};
    const stopped = new Promise<never>((_, reject) => {
      stop = (why) => {
        cancelCall();
        reject(new Error(why));
      };
    });
    const forget = this.#live.add(stop);
    const abort = () => stop(CANCELLED);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([call(hold), stopped]);
    } finally {
      forget();
      signal?.removeEventListener('abort', abort);
    }
  }

  /** One keepalive on a stream of its own. TTL "0" for a lease that is gone. */
  keepAlive(id: string, options?: CallOptions): Promise<ILeaseKeepAliveResponse> {
    return this.unary(async (etcd, grpcOptions) => {
      const stream = await etcd.leaseClient.leaseKeepAlive(grpcOptions);
      return new Promise((resolve, reject) => {
        stream.on('error', reject);
        stream.on('end', () => reject(new Error('14 UNAVAILABLE: the keepalive stream ended without an answer')));
        stream.on('data', (response) => {
          resolve(response);
          // Ended before it is cancelled: etcd3 takes the cancel of a writable stream for a failed host and drops its channels.
          stream.end();
          stream.cancel();
        });
        stream.write({ ID: id });
      });
    }, options);
  }

  watch(request: IWatchCreateRequest, listener: WatchListener): () => void {
    let created = false;
    let tries = 0;
    let stop = () => {};
    const open = () => {
      tries++;
      let used: Etcd3 | undefined;
      /** Ended or stopped, before its connection was there perhaps: then none is made for it, and none counted. */
      let over = false;
      const release = (): void => {
        over = true;
        this.#endWatch(used);
        used = undefined;
      };
      const hangUp = openWatchStream({
        request,
        live: this.#live,
        deadlineMs: this.#tuning.deadlineMs,
        open: async () => {
          const { etcd, grpc } = await this.#connect(() => !over);
          used = etcd;
          this.#beginWatch(etcd);
          return etcd.watchClient.watch(callOptions(grpc, () => {}));
        },
        response: (response) => {
          created = true;
          listener.response(response);
        },
        end: (error) => {
          const failure = this.failure(error);
          const mended = this.#mend(failure, used);
          release();
          if (mended && !created && tries === 1) open();
          else listener.end(failure);
        },
      });
      stop = () => {
        hangUp();
        release();
      };
    };
    open();
    return () => stop();
  }

  /** Lets go of the connection and ends what is under way on it; the next call connects anew. */
  reconnect(): void {
    this.#live.cancel(MOVED);
    this.#disconnect();
  }

  close(): void {
    this.#closed = true;
    this.#live.cancel(CANCELLED);
    for (const etcd of this.#watches.keys()) if (etcd !== this.#etcd) etcd.close();
    this.#watches.clear();
    this.#disconnect();
  }
}
