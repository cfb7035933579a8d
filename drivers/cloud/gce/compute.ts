/**
 * Owns calls of the Compute Engine API (v1, REST and JSON), and waiting for the operations that writes begin.
 *
 * - Endpoint: https://compute.googleapis.com/compute/v1/, or CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE as for gcloud.
 * - A write is repeated with the same requestId, so that one which was done and not answered isn't done twice.
 */
import { randomUUID } from 'node:crypto';
import { CloudError } from '../../../reconciler/cloud/failure.ts';
import { exchange } from '../http.ts';
import { PATIENCE, type Patience, retrying } from '../retrying.ts';
import { refused } from './errors.ts';
import type { TokenSource } from './token.ts';

const ANSWER_MS = 15_000;
/** The longest that Google lets a call to `wait` hang is 2 minutes. */
const WAIT_MS = 130_000;
/** In all, for one operation: as long as flannel waits (100 polls of a second), and a little. */
const OPERATION_MS = 120_000;

export type Json = Record<string, unknown>;

export interface Call {
  method: 'GET' | 'POST' | 'DELETE';
  /** Below the API's base: "projects/p/global/routes". */
  path: string;
  query?: Record<string, string>;
  body?: Json;
  about: string;
  deadlineMs?: number;
  signal?: AbortSignal;
}

export interface ComputeOptions {
  env: NodeJS.ProcessEnv;
  tokens: TokenSource;
  patience?: Patience;
}

export class Compute {
  readonly #tokens: TokenSource;
  readonly #patience: Patience;
  readonly #base: string;

  constructor({ env, tokens, patience }: ComputeOptions) {
    const override = env.CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE;
    const base = override || 'https://compute.googleapis.com/compute/v1/';
    if (!URL.canParse(base)) {
      const message = `CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE is ${base}, which is no URL such as https://compute.googleapis.com/compute/v1/.`;
      throw new CloudError({ kind: 'invalid', code: 'Endpoint', message });
    }
    this.#base = base.replace(/\/*$/, '/');
    this.#tokens = tokens;
    this.#patience = patience ?? PATIENCE;
  }

  /** @throws CloudError */
  call(call: Call): Promise<Json> {
    return retrying(() => this.#once(call), this.#patience, call.signal);
  }

  /** All pages of a list. @throws CloudError */
  async list(call: Omit<Call, 'method'>): Promise<Json[]> {
    const items: Json[] = [];
    let pageToken: string | undefined;
    do {
      const query = { ...call.query, maxResults: '500', ...(pageToken ? { pageToken } : {}) };
      const page = await this.call({ ...call, method: 'GET', query });
      items.push(...objects(page.items));
      pageToken = typeof page.nextPageToken === 'string' ? page.nextPageToken : undefined;
    } while (pageToken);
    return items;
  }

  /** A call that begins an operation of the project; resolves when that is done. @throws CloudError, also for what the operation says */
  async write(project: string, call: Call): Promise<void> {
    const begun = await this.call({ ...call, query: { ...call.query, requestId: randomUUID() } });
    const until = Date.now() + OPERATION_MS;
    let operation = begun;
    while (operation.status !== 'DONE') {
      const left = until - Date.now();
      if (left <= 0) {
        const message = `Google's operation ${String(begun.name)} (${call.about}) is not done after ${OPERATION_MS / 1000} s.`;
        throw new CloudError({ kind: 'transient', code: 'ETIMEDOUT', message });
      }
      operation = await this.call({
        method: 'POST',
        path: `projects/${project}/global/operations/${String(begun.name)}/wait`,
        about: call.about,
        deadlineMs: Math.min(WAIT_MS, left + 1000),
        signal: call.signal,
      });
    }
    const [error] = objects((operation.error as Json | undefined)?.errors);
    if (!error) return;
    const { of } = await this.#tokens.get(call.signal);
    const status = Number(operation.httpErrorStatusCode ?? 400);
    throw refused({ status, code: String(error.code), text: String(error.message ?? ''), about: call.about, as: of });
  }

  async #once(call: Call): Promise<Json> {
    try {
      return await this.#send(call);
    } catch (error) {
      if (!(error instanceof CloudError) || error.code !== 'authError') throw error;
      this.#tokens.forget();
      return this.#send(call);
    }
  }

  async #send({ method, path, query, body, about, deadlineMs = ANSWER_MS, signal }: Call): Promise<Json> {
    const token = await this.#tokens.get(signal);
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    const { status, text } = await exchange(`Compute Engine at ${url.origin}`, {
      method,
      url: url.href,
      headers: { Authorization: `Bearer ${token.value}`, ...(body ? { 'Content-Type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      deadlineMs,
      signal,
    });
    const answer = parse(text);
    if (status >= 200 && status < 300 && answer) return answer;
    const error = answer?.error as Json | undefined;
    const [first] = objects(error?.errors);
    const code = String(first?.reason ?? `HTTP${status}`);
    throw refused({ status, code, text: String(error?.message ?? ''), about, as: token.of });
  }
}

function parse(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

export const objects = (value: unknown): Json[] =>
  Array.isArray(value) ? value.filter((one): one is Json => typeof one === 'object' && one !== null) : [];
