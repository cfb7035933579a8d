/**
 * Owns the conversation with EC2's instance metadata service (IMDS): who and where this host is, and its role's credentials.
 *
 * - Version 2 (a session token). Version 1 only where the service refuses to give a token, never because it gave no answer: else a lost
 *   packet would undo what HttpTokens=required protects from.
 * - Address: 169.254.169.254, or AWS_EC2_METADATA_SERVICE_ENDPOINT as for AWS's own SDKs.
 */
import { CloudError } from '../../../reconciler/cloud/failure.ts';
import { type Answer, exchange } from '../http.ts';
import { type Patience, retrying } from '../retrying.ts';

const DEFAULT_ENDPOINT = 'http://169.254.169.254';
const TOKEN_SECONDS = 21_600;
/** It is on the same machine: what takes longer won't come. */
const ANSWER_MS = 2000;

export class Imds {
  readonly endpoint: string;
  readonly #patience: Patience | undefined;
  #token: { value: string; until: number } | undefined;
  #isV1 = false;

  constructor(env: NodeJS.ProcessEnv, patience?: Patience) {
    this.endpoint = (env.AWS_EC2_METADATA_SERVICE_ENDPOINT || DEFAULT_ENDPOINT).replace(/\/+$/, '');
    this.#patience = patience;
  }

  /** `path` below /latest/meta-data/; undefined for what is not there (404). @throws CloudError */
  get(path: string, signal?: AbortSignal): Promise<string | undefined> {
    return retrying(() => this.#get(path, signal), this.#patience, signal);
  }

  async #get(path: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    let answer = await this.#read(path, signal);
    if (answer.status === 401 && !this.#isV1) {
      // The token ended, or the service was restarted and knows it no more.
      this.#token = undefined;
      answer = await this.#read(path, signal);
    }
    if (answer.status === 404) return undefined;
    if (answer.status === 200) return answer.text;
    if (answer.status === 401) throw this.#refused();
    throw this.#wrong(path, answer);
  }

  async #read(path: string, signal: AbortSignal | undefined): Promise<Answer> {
    const token = await this.#sessionToken(signal);
    const url = `${this.endpoint}/latest/meta-data/${path}`;
    const headers: Record<string, string> = token === undefined ? {} : { 'X-aws-ec2-metadata-token': token };
    return exchange(this.#who, { method: 'GET', url, headers, deadlineMs: ANSWER_MS, signal });
  }

  async #sessionToken(signal: AbortSignal | undefined): Promise<string | undefined> {
    if (this.#isV1) return undefined;
    if (this.#token && this.#token.until > Date.now()) return this.#token.value;
    const answer = await exchange(this.#who, {
      method: 'PUT',
      url: `${this.endpoint}/latest/api/token`,
      headers: { 'X-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_SECONDS) },
      deadlineMs: ANSWER_MS,
      signal,
    }).catch((error: unknown) => {
      throw error instanceof CloudError ? unanswered(error, this.endpoint) : error;
    });
    if ([403, 404, 405].includes(answer.status)) {
      this.#isV1 = true;
      return undefined;
    }
    if (answer.status !== 200 || answer.text === '') throw this.#wrong('a session token', answer);
    // A minute early: it must not end on the way.
    this.#token = { value: answer.text, until: Date.now() + (TOKEN_SECONDS - 60) * 1000 };
    return answer.text;
  }

  get #who(): string {
    return `the metadata service at ${this.endpoint}`;
  }

  #refused(): CloudError {
    const message = `The metadata service at ${this.endpoint} wants a session token (HttpTokens=required) and takes none of ours; see whether something between changes its requests.`;
    return new CloudError({ kind: 'denied', code: 'IMDS401', message });
  }

  #wrong(what: string, { status }: Answer): CloudError {
    const kind = status === 429 || status === 503 ? 'throttled' : status >= 500 ? 'transient' : 'invalid';
    const message = `The metadata service at ${this.endpoint} answered ${status} when asked for ${what}.`;
    return new CloudError({ kind, code: `IMDS${status}`, message });
  }
}

/** The answer to the PUT has a hop limit, 1 by default: behind a bridge it never arrives. */
function unanswered(error: CloudError, endpoint: string): CloudError {
  if (error.code !== 'ETIMEDOUT') return error;
  const message = `The metadata service at ${endpoint} gives no session token (no answer); see that this is an EC2 instance with its metadata switched on, and where selvage runs in a container of its own network, set HttpPutResponseHopLimit to 2.`;
  return new CloudError({ kind: 'transient', code: error.code, message }, error);
}
