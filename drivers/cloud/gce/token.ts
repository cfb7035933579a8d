/**
 * Owns the access token of calls to Google: from a service account's key file (GOOGLE_APPLICATION_CREDENTIALS), else from the metadata
 * server; renewed before it ends. Protocol of the former: RFC 7523, with Google's claims.
 */
import { createSign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CloudError } from '../../../reconciler/cloud/failure.ts';
import { exchange } from '../http.ts';
import type { Metadata } from './metadata.ts';

export interface Token {
  value: string;
  /** Whose it is, for sentences. */
  of: string;
}

const SCOPE = 'https://www.googleapis.com/auth/compute';
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** How long before its end a token is renewed, ms. The metadata server has the next one ready 5 minutes before. */
const RENEW_BEFORE = 4 * 60_000;
const ANSWER_MS = 10_000;

interface Key {
  client_email: string;
  private_key: string;
  private_key_id?: string;
  token_uri: string;
}

export class TokenSource {
  readonly #file: string | undefined;
  readonly #metadata: Metadata;
  readonly #now: () => number;
  #current: { token: Token; renewAt: number } | undefined;

  constructor(env: NodeJS.ProcessEnv, metadata: Metadata, now: () => number = Date.now) {
    this.#file = env.GOOGLE_APPLICATION_CREDENTIALS || undefined;
    this.#metadata = metadata;
    this.#now = now;
  }

  /** @throws CloudError */
  async get(signal?: AbortSignal): Promise<Token> {
    if (this.#current && this.#now() < this.#current.renewAt) return this.#current.token;
    const { of, text } = this.#file ? await this.#byKey(this.#file, signal) : await this.#byMetadata(signal);
    const { access_token: value, expires_in: seconds } = parse(text) ?? {};
    if (typeof value !== 'string' || typeof seconds !== 'number') throw noToken(`no token came for ${of}`);
    const token = { value, of };
    this.#current = { token, renewAt: this.#now() + seconds * 1000 - RENEW_BEFORE };
    return token;
  }

  /** It was refused: the next get() asks for another. */
  forget(): void {
    this.#current = undefined;
  }

  async #byMetadata(signal: AbortSignal | undefined): Promise<{ of: string; text: string }> {
    const text = await this.#metadata.get('instance/service-accounts/default/token', signal);
    if (text === undefined) throw noToken('this VM has no service account');
    return { of: "the VM's service account", text };
  }

  async #byKey(file: string, signal: AbortSignal | undefined): Promise<{ of: string; text: string }> {
    const key = readKey(file);
    const body = new URLSearchParams({ grant_type: GRANT, assertion: assertionOf(key, this.#now()) }).toString();
    const { status, text } = await exchange(`Google's token server ${key.token_uri}`, {
      method: 'POST',
      url: key.token_uri,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body,
      deadlineMs: ANSWER_MS,
      signal,
    });
    if (status === 200) return { of: key.client_email, text };
    if (status >= 500 || status === 429) {
      const message = `Google's token server ${key.token_uri} answered ${status}.`;
      throw new CloudError({ kind: status === 429 ? 'throttled' : 'transient', code: `HTTP${status}`, message });
    }
    const why = parse(text)?.error_description;
    throw noToken(`the key ${file} of ${key.client_email} is refused${typeof why === 'string' ? ` (${why})` : ''}`);
  }
}

function noToken(why: string): CloudError {
  const message = `There is no access to Google Compute Engine: ${why}; give the VM a service account with the role in packaging/cloud/gce-role.yaml and the scope compute, or name a key file in GOOGLE_APPLICATION_CREDENTIALS.`;
  return new CloudError({ kind: 'denied', code: 'NoCredentials', message });
}

function readKey(file: string): Key {
  let key: Record<string, unknown> | undefined;
  try {
    key = parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const message = `GOOGLE_APPLICATION_CREDENTIALS names ${file}, which can't be read (${(cause as Error).message}).`;
    throw new CloudError({ kind: 'denied', code: 'NoCredentials', message }, cause);
  }
  const { type, client_email: email, private_key: secret, private_key_id: id, token_uri: uri } = key ?? {};
  if (
    type !== 'service_account' ||
    typeof email !== 'string' ||
    typeof secret !== 'string' ||
    typeof uri !== 'string'
  ) {
    const message = `${file} (GOOGLE_APPLICATION_CREDENTIALS) is not the key of a service account; make one with "gcloud iam service-accounts keys create".`;
    throw new CloudError({ kind: 'denied', code: 'NoCredentials', message });
  }
  return {
    client_email: email,
    private_key: secret,
    token_uri: uri,
    ...(typeof id === 'string' ? { private_key_id: id } : {}),
  };
}

function assertionOf({ client_email, private_key, private_key_id, token_uri }: Key, now: number): string {
  const seconds = Math.floor(now / 1000);
  const header = { alg: 'RS256', typ: 'JWT', ...(private_key_id ? { kid: private_key_id } : {}) };
  const claims = { iss: client_email, scope: SCOPE, aud: token_uri, iat: seconds, exp: seconds + 3600 };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part(header)}.${part(claims)}`;
  try {
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(private_key, 'base64url')}`;
  } catch (cause) {
    const message = `The private key of ${client_email} can't be used (${(cause as Error).message}); make another key for it.`;
    throw new CloudError({ kind: 'denied', code: 'NoCredentials', message }, cause);
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
