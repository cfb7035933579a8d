/**
 * Owns one call of EC2's Query API (version 2016-11-15): a form, signed with signature version 4, and its XML answer.
 *
 * - Endpoint: https://ec2.<region>.amazonaws.com, or AWS_ENDPOINT_URL_EC2, else AWS_ENDPOINT_URL, as for AWS's own SDKs.
 * - A throttled call is made again here a few times; credentials that have ended are taken anew once.
 */
import aws4 from 'aws4';
import { CloudError } from '../../../reconciler/cloud/failure.ts';
import { exchange } from '../http.ts';
import { PATIENCE, type Patience, retrying } from '../retrying.ts';
import type { CredentialSource, Credentials } from './credentials.ts';
import { isExpired, refused } from './errors.ts';
import { child, type Element, readXml, text } from './xml.ts';

const VERSION = '2016-11-15';
const ANSWER_MS = 15_000;

export interface Call {
  /** "CreateRoute" */
  action: string;
  parameters: Record<string, string>;
  /** For sentences: "the route for 10.20.3.0/24 in rtb-1". */
  about: string;
  signal?: AbortSignal;
}

export interface Ec2Options {
  env: NodeJS.ProcessEnv;
  region: string;
  credentials: CredentialSource;
  patience?: Patience;
}

export class Ec2 {
  readonly #options: Ec2Options;
  readonly #url: URL;

  constructor(options: Ec2Options) {
    this.#options = options;
    this.#url = endpointOf(options);
  }

  /** The answer's element, e.g. DescribeInstancesResponse. @throws CloudError */
  call(call: Call): Promise<Element> {
    return retrying(() => this.#once(call), this.#options.patience ?? PATIENCE, call.signal);
  }

  async #once(call: Call): Promise<Element> {
    const { credentials } = this.#options;
    try {
      return await this.#send(call, await credentials.get(call.signal));
    } catch (error) {
      if (!(error instanceof CloudError) || !isExpired(error.code)) throw error;
      credentials.forget();
      return this.#send(call, await credentials.get(call.signal));
    }
  }

  async #send(call: Call, credentials: Credentials): Promise<Element> {
    const { region } = this.#options;
    const body = new URLSearchParams({ Action: call.action, Version: VERSION, ...call.parameters }).toString();
    const signed = aws4.sign(
      {
        service: 'ec2',
        region,
        method: 'POST',
        host: this.#url.host,
        path: this.#url.pathname,
        headers: { Host: this.#url.host, 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' },
        body,
      },
      credentials,
    );
    // fetch puts Host and Content-Length there itself, with the values that were signed.
    const { Host: _host, 'Content-Length': _length, ...headers } = signed.headers as Record<string, string>;
    const { action, about, signal } = call;
    const answer = await exchange(`EC2 at ${this.#url.origin}`, {
      method: 'POST',
      url: this.#url.href,
      headers,
      body,
      deadlineMs: ANSWER_MS,
      signal,
    });
    const { name, element } = readAnswer(answer.text);
    if (answer.status === 200 && name === `${action}Response`) return element;
    const [error] = errorsOf(element);
    const code = error ? text(error, 'Code') : `HTTP${answer.status}`;
    const said = error ? text(error, 'Message') : '';
    throw refused({ action, about, as: credentials.of, status: answer.status, code, text: said });
  }
}

/** What is no XML (a proxy's page) has no name: then the status says what there is to say. */
function readAnswer(body: string): { name: string; element: Element } {
  try {
    return readXml(body);
  } catch {
    return { name: '', element: {} };
  }
}

/** `<Response><Errors><Error><Code/><Message/></Error></Errors></Response>` */
function errorsOf(response: Element): Element[] {
  const errors = child(response, 'Errors')?.Error;
  return Array.isArray(errors) ? errors.filter((error) => typeof error === 'object') : [];
}

function endpointOf({ env, region }: Ec2Options): URL {
  const override = env.AWS_ENDPOINT_URL_EC2 || env.AWS_ENDPOINT_URL;
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const url = override || `https://ec2.${region}.${domain}/`;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return new URL(url);
  const name = override ? (env.AWS_ENDPOINT_URL_EC2 ? 'AWS_ENDPOINT_URL_EC2' : 'AWS_ENDPOINT_URL') : 'AWS_REGION';
  const message = `${name} is ${override || region}, which makes no address of EC2; set it to a URL such as https://ec2.eu-central-1.amazonaws.com.`;
  throw new CloudError({ kind: 'invalid', code: 'Endpoint', message });
}
