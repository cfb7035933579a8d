/** Owns one host of the bed that runs selvage with the flags' defaults: all of it but a kernel. */
import { parseOptions } from '../../config/options.ts';
import { formatSubnetEnv } from '../../config/subnet-env.ts';
import { openEtcdV3 } from '../../drivers/etcd/source.ts';
import { AutoSource } from '../../drivers/etcd-auto/source.ts';
import { openEtcdV2 } from '../../drivers/etcd-v2/source.ts';
import { hostClock } from '../../drivers/host/clock.ts';
import type { Source } from '../../reconciler/contracts/source.ts';
import type { Summary } from '../../reconciler/fleet/summary.ts';
import { FleetWriter } from '../../states/fleet-writer.ts';
import { HostWithoutKernel, withRaces } from '../../test/helpers/host-without-kernel.ts';
import { type BedHost, type HostState, PATIENT, PREFIX } from './bed-host.ts';

/** Of a host without a word to say: as small as they are. */
const SUMMARY: Omit<Summary, 'at' | 'hostname' | 'inSync'> = {
  version: 1,
  publicIP: '172.16.0.0',
  selvage: '0.1.0',
  held: 0,
  unmet: 0,
  wrong: [],
  unreachable: { subnets: [], count: 0 },
  docker: null,
};

export class SelvageHost implements BedHost {
  readonly #number: number;
  readonly #argv: string[];
  #host: HostWithoutKernel | undefined;
  #fleet: FleetWriter | undefined;
  #racesLost = 0;
  #inSync = true;
  #source: Source | undefined;

  constructor(number: number, endpoint: string) {
    this.#number = number;
    this.#argv = [`--etcd-endpoints=${endpoint}`];
  }

  start(subnet?: string): void {
    const { etcd, leaseTtlSeconds } = parseOptions(this.#argv, {});
    const patient = { ...etcd, tuning: PATIENT };
    // As compose.ts does it for --etcd-api=auto, the default.
    const v2 = openEtcdV2({ ...patient, ttlSeconds: leaseTtlSeconds });
    const v3 = withRaces(openEtcdV3(patient), () => this.#racesLost++);
    this.#source = new AutoSource(v3, v2, etcd.prefix);
    const subnetEnv =
      subnet === undefined ? '' : formatSubnetEnv({ network: '10.0.0.0/8', subnet, mtu: 1450, ipMasq: false });
    this.#host = new HostWithoutKernel({ number: this.#number, source: this.#source, argv: this.#argv, subnetEnv });
    this.#host.start();
  }

  async renew(): Promise<void> {
    if ((await this.#host?.renew()) !== 'renewed') throw new Error(`host ${this.#number} has lost its lease`);
  }

  /** What --fleet adds: its beat, and its word each time that `tellFleet` is called again. */
  tellFleet(): void {
    const host = this.#host!;
    const inSync = this.#fleet === undefined;
    this.#fleet?.changed();
    this.#inSync = inSync;
    this.#fleet ??= new FleetWriter({
      prefix: PREFIX,
      clock: hostClock,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      random: Math.random,
      leases: () => this.#source!.leases,
      subnet: () => host.subnet,
      hosts: () => host.leases,
      summary: () => ({ ...SUMMARY, at: new Date().toISOString(), hostname: `h${this.#number}`, inSync: this.#inSync }),
    });
  }

  async stop(): Promise<void> {
    await this.#host?.stop();
    this.#host = undefined;
  }

  get state(): HostState {
    const host = this.#host;
    if (!host) return { knows: 0, racesLost: 0, gaveUp: 0 };
    const { subnet, waitedMs, failures } = host;
    return {
      ...(subnet !== undefined && { subnet }),
      ...(waitedMs !== undefined && { waitedMs }),
      knows: host.leases,
      racesLost: this.#racesLost,
      gaveUp: failures.length,
    };
  }
}
