/**
 * Owns the fake EC2 over HTTP: signature, credentials, permissions, parameters, injected failures, and a log of every call.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { checkSignature, type Key, type Refused } from './aws-signature.ts';
import type { AwsWorld } from './aws-world.ts';
import { ACTIONS, checkParameters, Ec2Refusal, type Parameters } from './ec2-actions.ts';
import { Injected } from './injected.ts';
import { readBody } from './serve.ts';
import { type Xml, xmlText } from './xml.ts';

export class FakeEc2 {
  readonly world: AwsWorld;
  readonly injected = new Injected();
  /** "CreateRoute rtb-1 10.20.3.0/24 eni-1", oldest first. */
  readonly log: string[] = [];
  /** By access key id. */
  readonly keys = new Map<string, Key>();
  /** Actions that the policy allows; undefined: all. "ec2:CreateRoute" */
  allowed: ReadonlySet<string> | undefined;
  /** Called after each write, before its answer. */
  onWrite: () => Promise<void> = async () => {};

  constructor(world: AwsWorld) {
    this.world = world;
  }

  /** Calls that would change something. */
  get writes(): string[] {
    return this.log.filter((line) => !line.startsWith('Describe'));
  }

  readonly listener: RequestListener = (request, response) => {
    this.#answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  };

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const given: Parameters = new Map(new URLSearchParams(body));
    const action = given.get('Action') ?? '';
    const failure = this.injected.take(action);
    if (failure?.cut && !failure.after) return void request.socket.destroy();
    if (failure && !failure.after) return refuse(response, { message: failure.code, ...failure });
    try {
      const answer = this.#run(request, body, action, given);
      if (!action.startsWith('Describe')) await this.onWrite();
      if (failure?.cut) return void request.socket.destroy();
      if (failure) return refuse(response, { message: failure.code, ...failure });
      const text = `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${xmlText({ requestId: 'r', ...answer })}</${action}Response>`;
      response
        .writeHead(200, { 'content-type': 'text/xml;charset=UTF-8' })
        .end(`<?xml version="1.0" encoding="UTF-8"?>\n${text}`);
    } catch (error) {
      if (error instanceof Ec2Refusal) return refuse(response, error);
      throw error;
    }
  }

  #run(request: IncomingMessage, body: string, action: string, given: Parameters): Xml {
    const { method = '', url: path = '', headers } = request;
    if (method !== 'POST' || path !== '/') throw new Ec2Refusal('InvalidRequest', `${method} ${path}`);
    if (!/^application\/x-www-form-urlencoded/.test(headers['content-type'] ?? ''))
      throw new Ec2Refusal('InvalidRequest', `content-type ${headers['content-type']}`);
    const scope = { region: this.world.region, service: 'ec2' };
    const checked = checkSignature({ method, path, headers, body }, scope, (id) => this.keys.get(id));
    if (!('key' in checked)) throw new Ec2Refusal(checked.code, checked.message, checked.status);
    if (given.get('Version') !== '2016-11-15') throw new Ec2Refusal('InvalidParameterValue', 'Version');
    const known = ACTIONS[action];
    if (!known) throw new Ec2Refusal('InvalidAction', `The action ${action} is not valid for this web service.`);
    this.log.push([action, ...[...given].flatMap(([name, value]) => (HEAD.includes(name) ? [] : value))].join(' '));
    if (this.allowed && !this.allowed.has(`ec2:${action}`))
      throw new Ec2Refusal('UnauthorizedOperation', 'You are not authorized to perform this operation.', 403);
    checkParameters(known, given);
    if (given.get('DryRun') === 'true')
      throw new Ec2Refusal('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
    return known.run(this.world, given);
  }
}

const HEAD = ['Action', 'Version'];

function refuse(response: ServerResponse, { status, code, message }: Refused): void {
  const errors = { Errors: { Error: { Code: code, Message: message } }, RequestID: 'r' };
  response.writeHead(status, { 'content-type': 'text/xml;charset=UTF-8' });
  response.end(`<?xml version="1.0" encoding="UTF-8"?>\n<Response>${xmlText(errors)}</Response>`);
}
