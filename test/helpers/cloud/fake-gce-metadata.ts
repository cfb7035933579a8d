/**
 * Owns the fake metadata server and token server of Google: headers both ways, and the assertion of a service account's key, checked with
 * node:crypto.
 */
import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { FakeGce } from './fake-gce.ts';
import { PROJECT } from './gce-world.ts';
import { Injected } from './injected.ts';
import { readBody } from './serve.ts';

const SCOPES = ['https://www.googleapis.com/auth/compute', 'https://www.googleapis.com/auth/cloud-platform'];

export class FakeGceMetadata {
  readonly injected = new Injected();
  readonly log: string[] = [];
  /** How long tokens are good for, s. */
  tokenSeconds = 3600;
  hasServiceAccount = true;
  /** The `aud` that an assertion must have; undefined: the URL that it is sent to. */
  audience: string | undefined;
  readonly #gce: FakeGce;
  readonly #whoAsks: (request: IncomingMessage) => string;
  readonly #key = generateKeyPairSync('rsa', { modulusLength: 2048 });

  constructor(gce: FakeGce, whoAsks: (request: IncomingMessage) => string) {
    this.#gce = gce;
    this.#whoAsks = whoAsks;
  }

  readonly listener: RequestListener = (request, response) => {
    const { url = '', headers } = request;
    const path = url.replace(/^\/computeMetadata\/v1\//, '').replace(/\?.*$/, '');
    this.log.push(path);
    const failure = this.injected.take(path);
    if (failure?.cut) return void request.socket.destroy();
    response.setHeader('Metadata-Flavor', 'Google');
    if (failure) return void response.writeHead(failure.status).end();
    if (headers['metadata-flavor'] !== 'Google' || headers['x-forwarded-for'])
      return void response.writeHead(403).end('Missing Metadata-Flavor:Google header.');
    const text = this.#read(path, request);
    response.writeHead(text === undefined ? 404 : 200).end(text);
  };

  #read(path: string, request: IncomingMessage): string | undefined {
    const instance = this.#gce.world.instances.find(({ ip }) => ip === this.#whoAsks(request));
    const account = 'instance/service-accounts/default/';
    if (path === '' || path === 'instance' || path === 'instance/') return 'instance/\nproject/\n';
    if (path === 'project/project-id') return PROJECT;
    if (this.hasServiceAccount && path === `${account}token`) return JSON.stringify(this.#token());
    if (this.hasServiceAccount && path === `${account}email`) return 'vm@proj-1.iam.gserviceaccount.com';
    if (!instance) return undefined;
    const values: Record<string, string> = {
      'instance/name': instance.name,
      // A custom one: its first part is not the instance's name.
      'instance/hostname': `custom.${instance.name}.example`,
      'instance/zone': `projects/123456/zones/${instance.zone}`,
      'instance/network-interfaces/0/network': `projects/123456/networks/${instance.network}`,
    };
    return values[path];
  }

  #token(): object {
    const access_token = `ya29.${randomBytes(24).toString('base64url')}`;
    this.#gce.tokens.set(access_token, Date.now() + this.tokenSeconds * 1000);
    return { access_token, expires_in: this.tokenSeconds, token_type: 'Bearer' };
  }

  /** A key file's content. `tokenUri`: where `tokenListener` is served. */
  keyFile(tokenUri: string): string {
    return JSON.stringify({
      type: 'service_account',
      project_id: PROJECT,
      private_key_id: 'key-1',
      private_key: this.#key.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      client_email: 'flannel@proj-1.iam.gserviceaccount.com',
      token_uri: tokenUri,
    });
  }

  /** Google's token server. */
  readonly tokenListener: RequestListener = (request, response) => {
    const answer = (status: number, body: object): void => void response.writeHead(status).end(JSON.stringify(body));
    readBody(request).then(
      (body) => {
        const form = new URLSearchParams(body);
        const problem = this.#problemOf(form, this.audience ?? `http://${request.headers.host}${request.url}`);
        if (problem) answer(400, { error: 'invalid_grant', error_description: problem });
        else answer(200, this.#token());
      },
      () => response.destroy(),
    );
  };

  #problemOf(form: URLSearchParams, uri: string): string | undefined {
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') return 'grant_type';
    const [header = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.');
    const key = createPublicKey(this.#key.publicKey.export({ type: 'spki', format: 'pem' }));
    const signed = Buffer.from(`${header}.${claims}`);
    if (!verify('RSA-SHA256', signed, key, Buffer.from(signature, 'base64url'))) return 'Invalid JWT Signature.';
    const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString());
    const { iss, scope, aud, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString());
    const now = Date.now() / 1000;
    if (alg !== 'RS256' || iss !== 'flannel@proj-1.iam.gserviceaccount.com') return 'alg or iss';
    if (
      !String(scope)
        .split(' ')
        .every((one) => SCOPES.includes(one))
    )
      return 'scope';
    if (aud !== uri) return `aud ${aud}`;
    if (!(iat <= now + 5 && exp > now && exp - iat <= 3600)) return 'Token must be a short-lived token (60 minutes)';
    return undefined;
  }
}
