/** Owns "somebody else" at a lab's etcd by its v2 API: curl inside the underlay's namespace, as flannel v0.11's client would ask. */
import type { Lab } from './lab.ts';

export interface V2Node {
  key: string;
  value?: string;
  ttl?: number;
  modifiedIndex: number;
  createdIndex: number;
  nodes?: V2Node[];
}

export class V2Writer {
  readonly #lab: Lab;

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  async #curl(key: string, ...args: string[]): Promise<{ index: number; body: { node?: V2Node; errorCode?: number } }> {
    const url = `${this.#lab.etcd.endpoint}/v2/keys${key}`;
    const { stdout, stderr, code } = await this.#lab.underlay.exec('curl', '-sS', '-i', ...args, url);
    if (code !== 0) throw new Error(`curl ${url}: ${stderr}`);
    const [head = '', body = ''] = stdout.split(/\r\n\r\n(.*)/s);
    return { index: Number(/x-etcd-index: (\d+)/i.exec(head)?.[1]), body: JSON.parse(body) };
  }

  async set(key: string, value: string, ttlSeconds?: number): Promise<void> {
    const ttl = ttlSeconds === undefined ? [] : ['-d', `ttl=${ttlSeconds}`];
    await this.#curl(key, '-XPUT', '--data-urlencode', `value=${value}`, ...ttl);
  }

  /** One after the other, on one connection. */
  async setMany(entries: readonly (readonly [key: string, value: string])[]): Promise<void> {
    const requests = entries.flatMap(([key, value], at) => [
      ...(at === 0 ? [] : ['--next']),
      ...['-sS', '-XPUT', '--data-urlencode', `value=${value}`, `${this.#lab.etcd.endpoint}/v2/keys${key}`],
    ]);
    const { stderr, code } = await this.#lab.underlay.exec('curl', ...requests);
    if (code !== 0) throw new Error(`curl: ${stderr}`);
  }

  async delete(key: string): Promise<void> {
    await this.#curl(key, '-XDELETE');
  }

  async leases(prefix = '/coreos.com/network'): Promise<V2Node[]> {
    return (await this.#curl(`${prefix}/subnets?recursive=true`)).body.node?.nodes ?? [];
  }

  /** Grows with every write by anybody. */
  async index(): Promise<number> {
    return (await this.#curl('/')).index;
  }
}
