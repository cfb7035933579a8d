/**
 * Owns one HTTP exchange with one member of etcd: the connection pool, TLS, the login, the deadline.
 *
 * - Files of TLS are read anew after a failure of TLS: somebody may have renewed them.
 * - After close() nothing is under way.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { CANCELLED, type EtcdFailure, failureAt } from '../etcd-common/errors.ts';
import type { EtcdOptions } from '../etcd-common/options.ts';
import { readCredentials } from '../etcd-common/tls.ts';

export interface Exchange {
  method: 'GET' | 'PUT';
  /** "/v2/keys/coreos.com/network/?recursive=true" */
  path: string;
  /** Sent as a form. */
  form?: Record<string, string>;
  /** For the whole exchange; undefined: for the headers only (a long poll). */
  deadlineMs: number;
  longPoll?: boolean;
  signal?: AbortSignal;
  /** The headers are there; what it throws ends the exchange. */
  onHeaders?: (headers: http.IncomingHttpHeaders) => void;
}

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export class Member {
  readonly url: string;
  readonly #options: EtcdOptions;
  readonly #live = new Set<() => void>();
  #agent: http.Agent | undefined;
  #closed = false;

  constructor(url: string, options: EtcdOptions) {
    this.url = url;
    this.#options = options;
  }

  failure(error: unknown): EtcdFailure {
    return failureAt(this.url, this.#options, error);
  }

  /** @throws EtcdFailure where there was no answer; any status is one */
  async exchange(what: Exchange): Promise<Answer> {
    try {
      return await this.#send(what);
    } catch (error) {
      const failure = this.failure(error);
      if (failure.why === 'tls') this.#disconnect();
      throw failure;
    }
  }

  close(): void {
    this.#closed = true;
    for (const cancel of [...this.#live]) cancel();
    this.#disconnect();
  }

  #disconnect(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }

  /** @throws StoreError invalid, if a file of TLS can't be read any more */
  #connect(): http.Agent {
    if (this.#agent) return this.#agent;
    const pool = { keepAlive: true, maxSockets: 64 };
    if (this.url.startsWith('https:')) {
      const { rootCertificate: ca, certChain: cert, privateKey: key } = readCredentials(this.#options);
      this.#agent = new https.Agent({ ...pool, ca, cert, key });
    } else {
      this.#agent = new http.Agent(pool);
    }
    return this.#agent;
  }

  #send({ method, path, form, deadlineMs, longPoll, signal, onHeaders }: Exchange): Promise<Answer> {
    const body = form && new URLSearchParams(form).toString();
    const { username, password = '' } = this.#options;
    const request = (this.url.startsWith('https:') ? https : http).request(`${this.url}${path}`, {
      method,
      agent: this.#connect(),
      ...(username ? { auth: `${username}:${password}` } : {}),
      ...(body === undefined
        ? {}
        : {
            headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) },
          }),
    });
    return new Promise<Answer>((resolve, reject) => {
      const end = (error: Error): void => void request.destroy(error);
      const cancel = (): void => end(new Error(CANCELLED));
      const timer = setTimeout(() => end(new Error('4 DEADLINE_EXCEEDED: no answer')), deadlineMs);
      const forget = (): void => {
        clearTimeout(timer);
        this.#live.delete(cancel);
        signal?.removeEventListener('abort', cancel);
      };
      this.#live.add(cancel);
      request
        .on('error', (error) => reject(firstOf(error)))
        .on('close', () => {
          forget();
          reject(new Error('ECONNRESET: the connection was closed'));
        });
      request.on('response', (response) => {
        if (longPoll) clearTimeout(timer);
        try {
          onHeaders?.(response.headers);
        } catch (error) {
          reject(error);
          request.destroy();
          return;
        }
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, body: Buffer.concat(parts).toString() });
        });
      });
      if (this.#closed || signal?.aborted) return cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      request.end(body);
    });
  }
}

/** Node tries all addresses of a name, and then throws an error without words. */
const firstOf = (error: Error): Error =>
  error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
