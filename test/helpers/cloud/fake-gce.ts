/**
 * Owns the fake Compute Engine over HTTP (v1): tokens and their permissions, paths, queries and bodies that are strictly checked, operations
 * that take their time, injected failures, and a log.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { maskCidr, overlaps } from '../../../config/ipv4.ts';
import { GceRefusal, instanceJson, instancePath, link, operationJson, refusalJson, routeJson } from './gce-json.ts';
import { type GceWorld, NETWORK_RANGE, type Operation, PROJECT } from './gce-world.ts';
import { Injected } from './injected.ts';
import { readBody } from './serve.ts';

const BASE = `/compute/v1/projects/${PROJECT}/`;
const ROUTE_FIELDS = ['name', 'destRange', 'network', 'nextHopInstance', 'priority', 'tags', 'description'];

type Handler = (found: string[], query: URLSearchParams, body: Record<string, unknown>) => object;

export class FakeGce {
  readonly world: GceWorld;
  readonly injected = new Injected();
  /** "GET global/routes", oldest first. */
  readonly log: string[] = [];
  /** Access tokens that are good, until when (ms). */
  readonly tokens = new Map<string, number>();
  /** Permissions that the role has; undefined: all. */
  allowed: ReadonlySet<string> | undefined;
  onWrite: () => Promise<void> = async () => {};
  readonly #requests = new Map<string, Operation>();

  constructor(world: GceWorld) {
    this.world = world;
  }

  get writes(): string[] {
    return this.log.filter((line) => !line.startsWith('GET') && !line.includes('/wait'));
  }

  readonly listener: RequestListener = (request, response) => {
    this.#answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  };

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const url = new URL(request.url ?? '', 'http://fake');
    const path = url.pathname.startsWith(BASE) ? url.pathname.slice(BASE.length) : undefined;
    const what = `${request.method} ${path}`;
    this.log.push(what);
    const failure = this.injected.take(what);
    if (failure?.cut && !failure.after) return void request.socket.destroy();
    try {
      if (failure && !failure.after)
        throw new GceRefusal(failure.status, failure.code, failure.message ?? failure.code);
      this.#checkToken(request.headers.authorization);
      const answer = this.#route(what, url.searchParams, body);
      await this.onWrite();
      if (failure?.cut) return void request.socket.destroy();
      send(response, 200, answer);
    } catch (error) {
      if (!(error instanceof GceRefusal)) throw error;
      send(response, error.status, refusalJson(error));
    }
  }

  #checkToken(header: string | undefined): void {
    const token = /^Bearer (.+)$/.exec(header ?? '')?.[1];
    if (token === undefined) throw new GceRefusal(401, 'required', 'Login Required.');
    if ((this.tokens.get(token) ?? 0) < Date.now()) throw new GceRefusal(401, 'authError', 'Invalid Credentials');
  }

  #route(what: string, query: URLSearchParams, text: string): object {
    for (const [pattern, parameters, permissions, run] of this.#handlers) {
      const match = pattern.exec(what);
      if (!match) continue;
      for (const name of query.keys())
        if (![...parameters, 'alt', 'prettyPrint'].includes(name))
          throw new GceRefusal(400, 'badRequest', `Invalid JSON payload received. Unknown name "${name}"`);
      for (const permission of permissions)
        if (this.allowed && !this.allowed.has(permission))
          throw new GceRefusal(403, 'forbidden', `Required '${permission}' permission for 'projects/${PROJECT}'`);
      return run(match.slice(1), query, text === '' ? {} : parse(text));
    }
    throw new GceRefusal(404, 'notFound', `The resource '${what}' was not found`);
  }

  readonly #handlers: [RegExp, string[], string[], Handler][] = [
    [/^GET zones\/([\w-]+)\/instances\/([\w-]+)$/, [], ['compute.instances.get'], (found) => this.#instance(found)],
    [/^GET global\/networks\/([\w-]+)$/, [], ['compute.networks.get'], ([name]) => this.#network(name!)],
    [
      /^GET global\/routes$/,
      ['filter', 'maxResults', 'pageToken'],
      ['compute.routes.list'],
      (_found, query) => this.#list(query),
    ],
    [/^GET global\/routes\/([\w-]+)$/, [], ['compute.routes.get'], ([name]) => this.#get(name!)],
    [
      /^POST global\/routes$/,
      ['requestId'],
      ['compute.routes.create', 'compute.networks.updatePolicy', 'compute.instances.use'],
      (_found, query, body) => this.#insert(query, body),
    ],
    [
      /^DELETE global\/routes\/([\w-]+)$/,
      ['requestId'],
      ['compute.routes.delete', 'compute.networks.updatePolicy'],
      ([name], query) => this.#delete(name!, query),
    ],
    [
      /^(?:GET global\/operations\/([\w-]+)|POST global\/operations\/([\w-]+)\/wait)$/,
      [],
      ['compute.globalOperations.get'],
      ([got, waited]) => this.#operation(got ?? waited!),
    ],
  ];

  #instance([zone, name]: string[]): object {
    const instance = this.world.instances.find((one) => one.zone === zone && one.name === name);
    if (!instance) throw notFound(`zones/${zone}/instances/${name}`);
    return instanceJson(instance);
  }

  #network(name: string): object {
    if (!this.world.networks.includes(name)) throw notFound(`global/networks/${name}`);
    return { kind: 'compute#network', name, selfLink: link(`global/networks/${name}`) };
  }

  #list(query: URLSearchParams): object {
    const most = Number(query.get('maxResults') ?? '500');
    if (!(most >= 0 && most <= 500)) throw new GceRefusal(400, 'badRequest', 'maxResults');
    const filter = query.get('filter');
    const name = filter === null ? /.*/ : /^name eq (.+)$/.exec(filter)?.[1];
    if (name === undefined) throw new GceRefusal(400, 'invalid', `Invalid value for field 'filter': '${filter}'`);
    const all = this.world.read().filter((route) => new RegExp(name).test(route.name));
    const from = Number(query.get('pageToken') ?? '0');
    const page = all.slice(from, from + most).map((route) => routeJson(this.world, route));
    const more = from + most < all.length ? { nextPageToken: String(from + most) } : {};
    return { kind: 'compute#routeList', ...(page.length ? { items: page } : {}), ...more };
  }

  #get(name: string): object {
    const route = this.world.read().find((one) => one.name === name);
    if (!route) throw notFound(`global/routes/${name}`);
    return routeJson(this.world, route);
  }

  #insert(query: URLSearchParams, body: Record<string, unknown>): object {
    const unknown = Object.keys(body).find((field) => !ROUTE_FIELDS.includes(field));
    if (unknown) throw new GceRefusal(400, 'badRequest', `Unknown name "${unknown}"`);
    const { name, destRange, network, nextHopInstance, priority = 1000, tags = [] } = body;
    if (typeof name !== 'string' || !/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) throw invalid('name', name);
    if (typeof destRange !== 'string' || maskCidr(destRange) !== destRange) throw invalid('destRange', destRange);
    const ofNetwork = this.world.networks.find((one) => isLink(network, `global/networks/${one}`));
    if (!ofNetwork) throw invalid('network', network);
    const instance = this.world.instances.find((one) => isLink(nextHopInstance, instancePath(one)));
    if (!instance) throw invalid('nextHopInstance', nextHopInstance);
    if (typeof priority !== 'number' || priority < 0 || priority > 65_535) throw invalid('priority', priority);
    return this.#once(query, () => {
      if (this.world.truth.some((route) => route.name === name))
        throw new GceRefusal(
          409,
          'alreadyExists',
          `The resource 'projects/${PROJECT}/global/routes/${name}' already exists`,
        );
      return this.world.begin(() => {
        if (this.world.truth.filter(({ own }) => !own).length >= this.world.quota)
          return { code: 'QUOTA_EXCEEDED', message: `Quota 'ROUTES' exceeded. Limit: ${this.world.quota}.0 globally.` };
        if (overlaps(destRange, NETWORK_RANGE))
          return { code: 'INVALID_USAGE', message: `destRange ${destRange} is within the range of a subnetwork` };
        const route = {
          name,
          destRange,
          network: ofNetwork,
          instance: instance.name,
          priority,
          tags: tags as string[],
        };
        this.world.write((routes) => routes.push(route));
        return undefined;
      });
    });
  }

  #delete(name: string, query: URLSearchParams): object {
    return this.#once(query, () => {
      if (!this.world.truth.some((route) => route.name === name)) throw notFound(`global/routes/${name}`);
      return this.world.begin(() => {
        this.world.write((routes) =>
          routes.splice(
            routes.findIndex((route) => route.name === name),
            1,
          ),
        );
        return undefined;
      });
    });
  }

  /** With one requestId a write is done once, however often it is asked for. */
  #once(query: URLSearchParams, begin: () => Operation): object {
    const id = query.get('requestId');
    if (id !== null && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw invalid('requestId', id);
    const operation = (id !== null && this.#requests.get(id)) || begin();
    if (id !== null) this.#requests.set(id, operation);
    return operationJson(operation);
  }

  #operation(name: string): object {
    const operation = this.world.operations.get(name);
    if (!operation) throw notFound(`global/operations/${name}`);
    this.world.poll(operation);
    return operationJson(operation);
  }
}

/** Google takes both hosts, and a path without one. */
const isLink = (given: unknown, path: string): boolean =>
  typeof given === 'string' &&
  [link(path), link(path).replace('www.', 'compute.'), `projects/${PROJECT}/${path}`].includes(given);

const notFound = (path: string): GceRefusal =>
  new GceRefusal(404, 'notFound', `The resource 'projects/${PROJECT}/${path}' was not found`);

const invalid = (field: string, value: unknown): GceRefusal =>
  new GceRefusal(400, 'invalid', `Invalid value for field 'resource.${field}': '${String(value)}'.`);

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch {
    throw new GceRefusal(400, 'parseError', 'Parse Error');
  }
}

function send(response: ServerResponse, status: number, answer: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(answer));
}
