/**
 * Owns the fake instance metadata service, versions 1 and 2: who asks is told by `whoAsks`. Strict: a token is only given for a PUT with a
 * time to live, ends, and is not taken from a request that came through a proxy.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { AwsWorld, Eni } from './aws-world.ts';
import type { FakeEc2 } from './fake-ec2.ts';
import { Injected } from './injected.ts';

export class FakeImds {
  readonly injected = new Injected();
  readonly log: string[] = [];
  /** HttpTokens: with "required" there is no version 1. */
  httpTokens: 'required' | 'optional' = 'required';
  /** Version 1 only, as old instances of other vendors have it: the PUT is refused. */
  v1Only = false;
  /** "" for an instance without a role. */
  role = 'flannel';
  /** How long role credentials are good for, ms. */
  credentialsMs = 6 * 3_600_000;
  readonly #tokens = new Map<string, number>();
  readonly #ec2: FakeEc2;
  readonly #world: AwsWorld;
  readonly #whoAsks: (request: IncomingMessage) => string;
  #issued: { id: string; until: number } | undefined;

  /** @param whoAsks address of the instance that a request comes from */
  constructor(ec2: FakeEc2, whoAsks: (request: IncomingMessage) => string) {
    this.#ec2 = ec2;
    this.#world = ec2.world;
    this.#whoAsks = whoAsks;
  }

  /** Session tokens given out so far are good no more. */
  forgetTokens(): void {
    this.#tokens.clear();
  }

  readonly listener: RequestListener = (request, response) => {
    const { method = '', url = '' } = request;
    this.log.push(`${method} ${url}`);
    const failure = this.injected.take(`${method} ${url}`) ?? this.injected.take(method);
    if (failure?.cut) return void request.socket.destroy();
    if (failure) return void response.writeHead(failure.status).end();
    if (method === 'PUT' && url === '/latest/api/token') return this.#giveToken(request, response);
    if (method !== 'GET') return void response.writeHead(405).end();
    if (!this.#mayRead(request)) return void response.writeHead(401).end();
    const text = this.#read(url.replace(/^\/latest\/meta-data\//, ''), request);
    if (text === undefined) return void response.writeHead(404).end('<?xml version="1.0"?><html>404</html>');
    response.writeHead(200, { 'content-type': 'text/plain' }).end(text);
  };

  #giveToken({ headers }: IncomingMessage, response: ServerResponse): void {
    if (this.v1Only || headers['x-forwarded-for']) return void response.writeHead(403).end();
    const seconds = Number(headers['x-aws-ec2-metadata-token-ttl-seconds']);
    if (!(seconds >= 1 && seconds <= 21_600)) return void response.writeHead(400).end();
    const token = randomBytes(40).toString('base64');
    this.#tokens.set(token, Date.now() + seconds * 1000);
    response.writeHead(200, { 'x-aws-ec2-metadata-token-ttl-seconds': String(seconds) }).end(token);
  }

  #mayRead({ headers }: IncomingMessage): boolean {
    const token = headers['x-aws-ec2-metadata-token'];
    if (token === undefined) return this.v1Only || this.httpTokens === 'optional';
    return (this.#tokens.get(String(token)) ?? 0) > Date.now();
  }

  #read(path: string, request: IncomingMessage): string | undefined {
    const eni = this.#world.truth.enis.find(({ address }) => address === this.#whoAsks(request));
    if (path === 'placement/region') return this.#world.region;
    // A local zone: cutting off the last letter gives no region.
    if (path === 'placement/availability-zone') return `${this.#world.region}-lax-1a`;
    if (path === 'iam/security-credentials/') return this.role || undefined;
    if (this.role !== '' && path === `iam/security-credentials/${this.role}`) return this.#credentials();
    if (!eni) return undefined;
    const named: Record<string, string> = { 'instance-id': eni.instance, mac: eni.mac, 'local-ipv4': eni.address };
    return named[path] ?? interfaceText(eni, path);
  }

  #credentials(): string {
    // As in EC2: the same until shortly before their end.
    if (!this.#issued || !this.#ec2.keys.has(this.#issued.id) || this.#issued.until < Date.now() + 300_000) {
      const id = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`;
      const until = Date.now() + this.credentialsMs;
      this.#ec2.keys.set(id, {
        secret: randomBytes(20).toString('hex'),
        token: randomBytes(60).toString('base64'),
        until,
      });
      this.#issued = { id, until };
    }
    const { id, until } = this.#issued;
    const { secret, token } = this.#ec2.keys.get(id)!;
    return JSON.stringify({
      Code: 'Success',
      LastUpdated: new Date().toISOString(),
      Type: 'AWS-HMAC',
      AccessKeyId: id,
      SecretAccessKey: secret,
      Token: token,
      Expiration: new Date(until).toISOString(),
    });
  }
}

function interfaceText(eni: Eni, path: string): string | undefined {
  const folder = 'network/interfaces/macs/';
  if (path === folder) return `${eni.mac}/`;
  const values: Record<string, string> = {
    'interface-id': eni.id,
    'subnet-id': eni.subnet,
    'vpc-id': eni.vpc,
    'local-ipv4s': eni.address,
  };
  return path.startsWith(`${folder}${eni.mac}/`) ? values[path.slice(`${folder}${eni.mac}/`.length)] : undefined;
}
