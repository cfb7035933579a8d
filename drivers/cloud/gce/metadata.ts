/**
 * Owns the conversation with Google's metadata server: project, instance, zone, and the service account's token.
 * Address: 169.254.169.254, or GCE_METADATA_HOST (host or host:port) as for Google's own libraries.
 */
import { CloudError } from '../../../reconciler/cloud/failure.ts';
import { exchange } from '../http.ts';
import { type Patience, retrying } from '../retrying.ts';

const DEFAULT_HOST = '169.254.169.254';
/** It is on the same machine: what takes longer won't come. */
const ANSWER_MS = 2000;

export class Metadata {
  readonly endpoint: string;
  readonly #patience: Patience | undefined;

  constructor(env: NodeJS.ProcessEnv, patience?: Patience) {
    const host = env.GCE_METADATA_HOST || DEFAULT_HOST;
    this.endpoint = /^https?:/.test(host) ? host.replace(/\/+$/, '') : `http://${host}`;
    this.#patience = patience;
  }

  /** `path` below /computeMetadata/v1/; undefined for what is not there (404). @throws CloudError */
  get(path: string, signal?: AbortSignal): Promise<string | undefined> {
    return retrying(() => this.#get(path, signal), this.#patience, signal);
  }

  async #get(path: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const { status, headers, text } = await exchange(`the metadata server at ${this.endpoint}`, {
      method: 'GET',
      url: `${this.endpoint}/computeMetadata/v1/${path}`,
      headers: { 'Metadata-Flavor': 'Google' },
      deadlineMs: ANSWER_MS,
      signal,
    });
    // Whoever else answers at that address (a captive portal, another cloud) is not to be believed.
    if (headers.get('metadata-flavor') !== 'Google') {
      const message = `What answers at ${this.endpoint} is not Google's metadata server (it doesn't say so); the backend gce needs a VM of Compute Engine.`;
      throw new CloudError({ kind: 'invalid', code: 'NotGoogle', message });
    }
    if (status === 200) return text;
    if (status === 404) return undefined;
    const kind = status === 429 ? 'throttled' : status >= 500 ? 'transient' : 'invalid';
    const message = `The metadata server at ${this.endpoint} answered ${status} when asked for ${path}.`;
    throw new CloudError({ kind, code: `METADATA${status}`, message });
  }
}
