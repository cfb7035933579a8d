/** Owns "somebody else" at an etcd v2: plain HTTP as flannel v0.11's client speaks it, without any code of ours. */
import { openEtcdV2 } from '../../../../drivers/etcd-v2/source.ts';
import type { Etcd } from '../../../helpers/etcd.ts';
import type { ContractStore } from '../../contract/source-contract.ts';

const path = (key: string) => key.split('/').map(encodeURIComponent).join('/');

export class EtcdV2Store implements ContractStore {
  readonly etcd: Etcd;

  constructor(etcd: Etcd) {
    this.etcd = etcd;
  }

  open(prefix: string) {
    return openEtcdV2({ endpoints: [this.etcd.endpoint], prefix, ttlSeconds: 3600 });
  }

  /** An unconditional set, as flannel renews. */
  async put(key: string, value: string, ttlSeconds?: number) {
    const form = new URLSearchParams({ value });
    if (ttlSeconds !== undefined) form.set('ttl', String(ttlSeconds));
    await this.call('PUT', key, form);
  }

  async remove(key: string) {
    await this.call('DELETE', key);
  }

  async call(method: string, key: string, body?: URLSearchParams): Promise<unknown> {
    const response = await fetch(`${this.etcd.endpoint}/v2/keys${path(key)}`, { method, body });
    const text = await response.text();
    if (!response.ok && response.status !== 404) throw new Error(`${method} ${key}: ${text}`);
    return JSON.parse(text);
  }

  destroy() {
    return this.etcd.destroy();
  }
}
