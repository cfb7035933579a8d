/** Owns "somebody else" at an etcd v3: plain writes over a client of its own, without any code of ours. */
import { Etcd3 } from 'etcd3';
import { openEtcdV3 } from '../../../../drivers/etcd/source.ts';
import type { Etcd } from '../../../helpers/etcd.ts';
import type { ContractStore } from '../../contract/source-contract.ts';

export class EtcdV3Store implements ContractStore {
  readonly etcd: Etcd;
  readonly client: Etcd3;

  constructor(etcd: Etcd) {
    this.etcd = etcd;
    this.client = new Etcd3({ hosts: etcd.endpoint, grpcOptions: { 'grpc.max_receive_message_length': -1 } });
  }

  open(prefix: string) {
    return openEtcdV3({ endpoints: [this.etcd.endpoint], prefix });
  }

  async put(key: string, value: string, ttlSeconds?: number) {
    const lease = ttlSeconds === undefined ? '0' : (await this.client.leaseClient.leaseGrant({ TTL: ttlSeconds })).ID;
    await this.client.kv.put({ key: Buffer.from(key), value: Buffer.from(value), lease });
  }

  async remove(key: string) {
    await this.client.kv.deleteRange({ key: Buffer.from(key) });
  }

  async leaseIds() {
    return (await this.client.leaseClient.leaseLeases()).leases.map(({ ID }) => ID).sort();
  }

  /** `count` leases of `bytes` each, in transactions of 128, which is what etcd takes. */
  async fill(prefix: string, count: number, bytes: number) {
    const puts = Array.from({ length: count }, (_, i) => ({
      request_put: {
        key: Buffer.from(`${prefix}/subnets/10.${i >> 8}.${i & 255}.0-24`),
        value: Buffer.from(JSON.stringify({ PublicIP: `192.168.${i >> 8}.${i & 255}` }).padEnd(bytes)),
      },
    }));
    const batches = Array.from({ length: Math.ceil(count / 128) }, (_, i) => puts.slice(i * 128, (i + 1) * 128));
    for (let i = 0; i < batches.length; i += 16) {
      await Promise.all(batches.slice(i, i + 16).map((success) => this.client.kv.txn({ success })));
    }
  }

  async destroy() {
    this.client.close();
    await this.etcd.destroy();
  }
}
