/**
 * Owns the choice of the endpoint, for v2 as for v3: all calls go to one member of the cluster until it fails, then to the next.
 *
 * - A read is asked of each endpoint once before it fails. A write is sent again only if it surely did not arrive.
 * - A watch stays where it was opened; if it ends for a reason that another member may not have, the next call goes there (`leave`).
 */
import type { SecureContextOptions } from 'node:tls';
import { StoreError } from '../../reconciler/contracts/source.ts';
import { type EtcdFailure, elsewhere, together } from './errors.ts';
import { DEFAULT_TUNING, type EtcdOptions, type Tuning } from './options.ts';
import { readCredentials } from './tls.ts';

/** The way to one member. */
export interface EtcdEndpoint {
  /** "http://127.0.0.1:2379" */
  readonly url: string;
  /** Whatever a call to it threw, as a failure that names it. */
  failure(error: unknown): EtcdFailure;
  close(): void;
}

export class Endpoints<E extends EtcdEndpoint> {
  readonly all: readonly E[];
  readonly tuning: Tuning;
  readonly #options: EtcdOptions;
  #current: number;

  /** `make` connects nothing yet. @throws StoreError invalid: an endpoint that is none, or a file of TLS that can't be used */
  constructor(options: EtcdOptions, make: (url: string, tuning: Tuning) => E) {
    const { endpoints: urls } = options;
    this.#options = options;
    checkEndpoints(urls);
    // Read here to fail at once; each new connection reads them anew.
    if (urls.some((url) => url.startsWith('https:'))) readCredentials(options);
    const tuning = { ...DEFAULT_TUNING, ...options.tuning };
    this.tuning = tuning;
    this.all = urls.map((url) => make(url, tuning));
    this.#current = tuning.first(urls.length);
  }

  /** The one that calls go to. */
  get here(): E {
    return this.all[this.#current]!;
  }

  /** After a failure there; does nothing if somebody else has left it already. */
  leave(endpoint: E, failure: EtcdFailure): void {
    if (endpoint === this.here && elsewhere(failure)) this.#current = (this.#current + 1) % this.all.length;
  }

  /** `wait`: how long each may take, in ms; a read is more impatient while there are others to ask. @throws EtcdFailure */
  async ask<T>(
    how: 'read' | 'write',
    send: (endpoint: E, deadlineMs: number) => Promise<T>,
    wait = this.tuning.deadlineMs,
  ): Promise<T> {
    const failures: EtcdFailure[] = [];
    for (;;) {
      const endpoint = this.here;
      const isLast = failures.length === this.all.length - 1;
      try {
        return await send(endpoint, how === 'read' && !isLast ? Math.min(wait, this.tuning.failoverMs) : wait);
      } catch (error) {
        const failure = await this.#lookAgain(endpoint, endpoint.failure(error));
        this.leave(endpoint, failure);
        failures.push(failure);
        const again = elsewhere(failure) && (how === 'read' || failure.unsent);
        if (!again || isLast) throw together(failures);
      }
    }
  }

  /** What gRPC doesn't tell: what answers there, if it isn't etcd, which names its certificate has, and why its own name can't be resolved. */
  async #lookAgain(endpoint: E, failure: EtcdFailure): Promise<EtcdFailure> {
    const seen = await this.#secondLook(endpoint, failure);
    return seen === undefined ? failure : endpoint.failure(new Error(seen, { cause: failure.cause }));
  }

  async #secondLook({ url }: E, { why, cause }: EtcdFailure): Promise<string | undefined> {
    if (why === 'unresolved' || (why === 'timeout' && /waiting for name resolution/.test(textOf(cause))))
      return (await import('./name-server.ts')).whyUnresolved(new URL(url).hostname);
    const isAboutNames = why === 'tls' && /does not match certificate/.test(textOf(cause));
    if (why !== 'silent' && !isAboutNames) return undefined;
    const { certificateNames, whoAnswers } = await import('./who-answers.ts');
    return (isAboutNames ? certificateNames : whoAnswers)(url, this.#credentials(url));
  }

  #credentials(url: string): SecureContextOptions {
    if (!url.startsWith('https:')) return {};
    try {
      const { rootCertificate: ca, certChain: cert, privateKey: key } = readCredentials(this.#options);
      return { ca, cert, key };
    } catch {
      return {};
    }
  }

  close(): void {
    for (const endpoint of this.all) endpoint.close();
  }
}

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

function checkEndpoints(endpoints: readonly string[]): void {
  if (endpoints.length === 0) throw new StoreError('invalid', '--etcd-endpoints names no endpoint');
  for (const endpoint of endpoints) {
    if (!/^https?:\/\/[^/\s]+:\d+$/.test(endpoint)) {
      throw new StoreError(
        'invalid',
        `--etcd-endpoints: ${endpoint} is no URL with host and port, such as http://127.0.0.1:2379`,
      );
    }
  }
}
