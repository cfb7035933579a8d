/**
 * Owns the keys that EC2 calls are signed with: those of the environment, else the instance's role by IMDS, renewed before they end.
 */
import { CloudError } from '../../../reconciler/cloud/failure.ts';
import type { Imds } from './imds.ts';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  /** Name of the role, or of the variables: for sentences. */
  of: string;
}

/** How long before their end role credentials are renewed, ms. AWS has the next ones ready at least 5 minutes before. */
const RENEW_BEFORE = 5 * 60_000;

export class CredentialSource {
  readonly #env: NodeJS.ProcessEnv;
  readonly #imds: Imds;
  readonly #now: () => number;
  #current: { credentials: Credentials; renewAt: number; until: number } | undefined;

  constructor(env: NodeJS.ProcessEnv, imds: Imds, now: () => number = Date.now) {
    this.#env = env;
    this.#imds = imds;
    this.#now = now;
  }

  /** @throws CloudError */
  async get(signal?: AbortSignal): Promise<Credentials> {
    const given = fromEnvironment(this.#env);
    if (given) return given;
    if (this.#current && this.#now() < this.#current.renewAt) return this.#current.credentials;
    try {
      return await this.#renew(signal);
    } catch (error) {
      // Those that we have are good for some minutes yet.
      if (this.#current && this.#now() < this.#current.until) return this.#current.credentials;
      throw error;
    }
  }

  /** They were refused: the next get() asks again. */
  forget(): void {
    this.#current = undefined;
  }

  async #renew(signal: AbortSignal | undefined): Promise<Credentials> {
    const [role] = ((await this.#imds.get('iam/security-credentials/', signal)) ?? '').split('\n');
    if (!role) throw noRole();
    const text = await this.#imds.get(`iam/security-credentials/${role.trim()}`, signal);
    const credentials = text === undefined ? undefined : read(text);
    if (!credentials) {
      const message = `The metadata service has no credentials for the role ${role}; see whether the role still exists and EC2 may assume it.`;
      throw new CloudError({ kind: 'denied', code: 'NoCredentials', message });
    }
    const { until, ...rest } = credentials;
    this.#current = { credentials: { ...rest, of: `the role ${role}` }, renewAt: until - RENEW_BEFORE, until };
    return this.#current.credentials;
  }
}

function fromEnvironment(env: NodeJS.ProcessEnv): Credentials | undefined {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env;
  if (!accessKeyId && !secretAccessKey) return undefined;
  if (!accessKeyId || !secretAccessKey) {
    const missing = accessKeyId ? 'AWS_SECRET_ACCESS_KEY' : 'AWS_ACCESS_KEY_ID';
    const message = `One half of the credentials is in the environment: set ${missing} too, or neither for the instance's role.`;
    throw new CloudError({ kind: 'denied', code: 'NoCredentials', message });
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}), of: `the key ${accessKeyId}` };
}

function noRole(): CloudError {
  const message =
    'This instance has no IAM role, so no route can be written: give it an instance profile with the policy in packaging/cloud/aws-policy.json, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.';
  return new CloudError({ kind: 'denied', code: 'NoCredentials', message });
}

/** `{"Code":"Success","AccessKeyId","SecretAccessKey","Token","Expiration"}`; undefined for anything else. */
function read(text: string): (Omit<Credentials, 'of'> & { until: number }) | undefined {
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { Code, AccessKeyId, SecretAccessKey, Token, Expiration } = parsed;
  const until = Date.parse(String(Expiration));
  if (Code !== 'Success' || typeof AccessKeyId !== 'string' || typeof SecretAccessKey !== 'string') return undefined;
  if (typeof Token !== 'string' || !Number.isFinite(until)) return undefined;
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token, until };
}
