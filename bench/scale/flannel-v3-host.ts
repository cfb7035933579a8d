/**
 * Owns one host of the bed that asks etcd what flanneld 0.20 asks it over the v3 API (docs/reference/flannel.md: acquiring, renewing,
 * watching), with selvage's own gRPC client. A Put is a transaction of one put here, which costs etcd the same.
 */
import type { IEvent } from 'etcd3';
import { connect } from '../../drivers/etcd/client.ts';
import type { Rpc } from '../../drivers/etcd/rpc.ts';
import { addressOfHost } from '../../test/helpers/host-without-kernel.ts';
import { type BedHost, type HostState, PATIENT, PREFIX } from './bed-host.ts';
import { chooseSubnet, keyOf, leaseValue, SUBNETS, SUPERVISOR_MS, subnetOf, TTL_SECONDS } from './flannel-common.ts';

/** What flannel's first back-off after a watch that was lost is, ms. */
const RECONNECT_MS = 100;

const prefixRange = (prefix: string): { key: Buffer; range_end: Buffer } => {
  const end = Buffer.from(prefix);
  end[end.length - 1]! += 1;
  return { key: Buffer.from(prefix), range_end: end };
};

export class FlannelV3Host implements BedHost {
  readonly #rpc: Rpc;
  readonly #hosts: number;
  readonly #address: string;
  readonly #value: Buffer;
  readonly #known = new Set<string>();
  #subnet: string | undefined;
  #waitedMs: number | undefined;
  #gaveUp = 0;
  #stops: (() => void)[] = [];
  #events: Promise<void> = Promise.resolve();
  #over = false;

  constructor(number: number, endpoint: string, hosts: number) {
    this.#rpc = connect({ endpoints: [endpoint], prefix: PREFIX, tuning: PATIENT });
    this.#hosts = hosts;
    this.#address = addressOfHost(number);
    this.#value = Buffer.from(leaseValue(this.#address, number, 'v3'));
  }

  start(): void {
    void this.#run(performance.now());
  }

  async #run(began: number): Promise<void> {
    while (!this.#over && !(await this.#acquire().catch(() => false))) {
      this.#gaveUp++;
      await new Promise((resolve) => setTimeout(resolve, SUPERVISOR_MS));
    }
    if (this.#over) return;
    this.#waitedMs = performance.now() - began;
    await this.#follow(SUBNETS, (key) => this.#known.add(key));
    await this.#follow(keyOf(this.#subnet!), () => {});
  }

  /** True if it has a subnet then; false where flanneld ends. */
  async #acquire(): Promise<boolean> {
    const config = { key: Buffer.from(`${PREFIX}/config`) };
    await this.#rpc.range(config);
    await this.#rpc.range(config);
    const { kvs } = await this.#list(SUBNETS);
    const own = kvs.find(({ value }) => value.includes(`"${this.#address}"`));
    if (own) {
      await this.#put(own.key, (await this.#rpc.leaseGrant(TTL_SECONDS)).ID);
      this.#subnet = own.key
        .toString()
        .slice(SUBNETS.length + 1)
        .replace('-', '/');
      return true;
    }
    const subnet = chooseSubnet(this.#hosts, new Set(kvs.map(({ key }) => subnetOf(key.toString()))));
    if (subnet === undefined) return false;
    const key = Buffer.from(keyOf(subnet));
    const { ID } = await this.#rpc.leaseGrant(TTL_SECONDS);
    const { succeeded } = await this.#rpc.txn({
      compare: [{ key, target: 'Version', result: 'Equal', version: 0 }],
      success: [{ request_put: { key, value: this.#value, lease: ID } }],
    });
    if (succeeded) this.#subnet = subnet;
    else await this.#rpc.leaseRevoke(ID);
    return succeeded;
  }

  /** Each lease's end is asked for, one after the other. */
  async #list(prefix: string) {
    const listing = await this.#rpc.range(prefixRange(prefix));
    for (const { lease } of listing.kvs) await this.#rpc.leaseTimeToLive(lease, false);
    return listing;
  }

  async #follow(prefix: string, seen: (key: string) => void): Promise<void> {
    const { header, kvs } = await this.#list(prefix);
    for (const { key } of kvs) seen(key.toString());
    this.#watch(prefix, Number(header.revision) + 1, seen);
  }

  /** A watch that ends goes on where it was, without a listing. */
  #watch(prefix: string, from: number, seen: (key: string) => void): void {
    if (this.#over) return;
    let next = from;
    const heard = async ({ type, kv }: IEvent): Promise<void> => {
      next = Number(kv.mod_revision) + 1;
      if (this.#over || type === 'Delete') return;
      await this.#rpc.leaseTimeToLive(kv.lease, false).catch(() => undefined);
      seen(kv.key.toString());
    };
    const stop = this.#rpc.watch(
      { ...prefixRange(prefix), start_revision: from },
      {
        response: ({ events }) => {
          for (const event of events) this.#events = this.#events.then(() => heard(event));
        },
        end: () => setTimeout(() => this.#watch(prefix, next, seen), RECONNECT_MS),
      },
    );
    this.#stops.push(stop);
  }

  async #put(key: Buffer, lease: string): Promise<void> {
    await this.#rpc.txn({ success: [{ request_put: { key, value: this.#value, lease } }] });
  }

  async renew(): Promise<void> {
    const { ID } = await this.#rpc.leaseGrant(TTL_SECONDS);
    await this.#put(Buffer.from(keyOf(this.#subnet!)), ID);
  }

  async stop(): Promise<void> {
    this.#over = true;
    for (const stop of this.#stops) stop();
    await this.#rpc.close();
  }

  get state(): HostState {
    return {
      ...(this.#subnet !== undefined && { subnet: this.#subnet }),
      ...(this.#waitedMs !== undefined && { waitedMs: this.#waitedMs }),
      knows: this.#known.size,
      racesLost: this.#gaveUp,
      gaveUp: this.#gaveUp,
    };
  }
}
