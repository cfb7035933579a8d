/** Owns one host of the bed that asks etcd what flanneld 0.11 asks it over the v2 API (docs/reference/flannel.md): each event ends a long poll. */
import { Agent, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { addressOfHost } from '../../test/helpers/host-without-kernel.ts';
import { type BedHost, type HostState, PREFIX } from './bed-host.ts';
import { chooseSubnet, keyOf, leaseValue, SUBNETS, SUPERVISOR_MS, subnetOf, TTL_SECONDS } from './flannel-common.ts';

const TRIES = 10;

interface Node {
  key: string;
  value?: string;
  modifiedIndex: number;
  nodes?: Node[];
}
interface Reply {
  status: number;
  index: number;
  node?: Node;
}

export class FlannelV2Host implements BedHost {
  readonly #endpoint: string;
  readonly #hosts: number;
  readonly #value: string;
  readonly #address: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #sockets = new Set<Socket>();
  readonly #known = new Set<string>();
  #subnet: string | undefined;
  #waitedMs: number | undefined;
  readonly #counts = { racesLost: 0, gaveUp: 0 };
  #over = false;

  constructor(number: number, endpoint: string, hosts: number) {
    this.#endpoint = endpoint;
    this.#hosts = hosts;
    this.#address = addressOfHost(number);
    this.#value = leaseValue(this.#address, number, 'v2');
  }

  start(): void {
    void this.#run(performance.now()).catch((error) => {
      if (!this.#over) throw error;
    });
  }

  async #run(began: number): Promise<void> {
    await this.#ask('GET', `${PREFIX}/config?quorum=true`);
    for (let tries = 1; !(await this.#tryAcquire()); tries++) {
      this.#counts.racesLost++;
      if (tries % TRIES !== 0) continue;
      this.#counts.gaveUp++;
      await new Promise((resolve) => setTimeout(resolve, SUPERVISOR_MS));
    }
    this.#waitedMs = performance.now() - began;
    const own = this.#follow(keyOf(this.#subnet!), () => {});
    await Promise.all([own, this.#follow(SUBNETS, (key) => this.#known.add(key))]);
  }

  async #tryAcquire(): Promise<boolean> {
    await this.#ask('GET', `${PREFIX}/config?quorum=true`);
    const nodes = await this.#list();
    const own = nodes.find(({ value }) => value?.includes(`"${this.#address}"`));
    const subnet = own ? subnetOf(own.key) : chooseSubnet(this.#hosts, new Set(nodes.map(({ key }) => subnetOf(key))));
    if (subnet === undefined || (await this.#put(subnet, own ? '' : '?prevExist=false')) >= 400) return false;
    this.#subnet = subnet;
    return true;
  }

  async #list(): Promise<Node[]> {
    const { node } = await this.#ask('GET', `${SUBNETS}?quorum=true&recursive=true&sorted=false`);
    return node?.nodes ?? [];
  }

  async #put(subnet: string, query: string): Promise<number> {
    const body = new URLSearchParams({ ttl: String(TTL_SECONDS), value: this.#value }).toString();
    return (await this.#ask('PUT', `${keyOf(subnet)}${query}`, body)).status;
  }

  async #follow(key: string, seen: (key: string) => void): Promise<void> {
    const list = async (): Promise<number> => {
      const { index, node } = await this.#ask('GET', `${key}?quorum=true&recursive=true&sorted=false`);
      for (const one of node?.nodes ?? []) seen(one.key);
      return index + 1;
    };
    for (let next = await list(); !this.#over; ) {
      const { status, node } = await this.#ask('GET', `${key}?wait=true&waitIndex=${next}&recursive=true`);
      // 400 with code 401: more than 1,000 events behind.
      if (status === 400 || !node) {
        next = await list();
        continue;
      }
      next = node.modifiedIndex + 1;
      seen(node.key);
    }
  }

  async #ask(method: string, path: string, body = ''): Promise<Reply> {
    const headers = body ? { 'content-type': 'application/x-www-form-urlencoded' } : {};
    const asked = request(`${this.#endpoint}/v2/keys${path}`, { method, agent: this.#agent, headers });
    asked.on('socket', (socket) => this.#sockets.add(socket));
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      asked.on('response', resolve).on('error', reject).end(body);
    });
    const answer = await text(response);
    const index = Number(response.headers['x-etcd-index'] ?? 0);
    const parsed = answer ? (JSON.parse(answer) as { node?: Node; index?: number }) : {};
    return {
      status: response.statusCode ?? 500,
      index: parsed.index ?? index,
      ...(parsed.node && { node: parsed.node }),
    };
  }

  async renew(): Promise<void> {
    const status = await this.#put(this.#subnet!, '');
    if (status >= 400) throw new Error(`a renewal was answered ${status}`);
  }

  async stop(): Promise<void> {
    this.#over = true;
    this.#agent.destroy();
  }

  get state(): HostState {
    const http = { sent: 0, received: 0 };
    for (const { bytesRead, bytesWritten } of this.#sockets) {
      http.sent += bytesRead;
      http.received += bytesWritten;
    }
    return {
      ...(this.#subnet !== undefined && { subnet: this.#subnet }),
      ...(this.#waitedMs !== undefined && { waitedMs: this.#waitedMs }),
      knows: this.#known.size,
      ...this.#counts,
      http,
    };
  }
}
