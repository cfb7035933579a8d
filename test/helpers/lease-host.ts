/**
 * Owns a host that has nothing but a lease: states/own-lease.ts over a store and a time, in memory or real ones.
 */
import assert from 'node:assert/strict';
import { parseOptions } from '../../config/options.ts';
import type { Source } from '../../reconciler/contracts/source.ts';
import { Mirror } from '../../reconciler/store/mirror.ts';
import type { AgentDeps, Clock } from '../../states/deps.ts';
import { OwnLease } from '../../states/own-lease.ts';
import { MemoryStore } from './memory-store.ts';
import { SimulatedTime } from './simulated-time.ts';
import { addressOf, CONFIG, CONFIG_KEY, PREFIX, valueFor } from './store.ts';

export const DAY = 86_400;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

export interface World {
  store: Source;
  time: Clock;
}

/** As much of an agent as a lease needs; `live` keeps its mirror with the store. */
export class LeaseHost {
  readonly lease: OwnLease;
  mirror = new Mirror(PREFIX, { ttlSeconds: DAY });
  value: string;
  identities: ReadonlySet<string> = new Set();
  addresses: readonly string[] = [];
  rememberedSubnet: string | undefined;
  /** The way that `value` names. */
  built = true;
  readonly #store: Source;
  readonly #number: number;
  readonly #time: Clock;

  constructor(
    { store, time }: World,
    number: number,
    parts: { argv?: string[]; previousSubnet?: string; random?: () => number } = {},
  ) {
    const deps = {
      options: parseOptions(parts.argv ?? [], {}),
      log: silent,
      clock: time,
      random: parts.random ?? Math.random,
      source: store,
    };
    // What else there is in them is none of a lease's business.
    this.lease = new OwnLease(deps as unknown as AgentDeps, PREFIX, parts.previousSubnet);
    this.#store = store;
    this.#number = number;
    this.#time = time;
    this.value = valueFor(number);
  }

  async look(): Promise<this> {
    this.mirror.applySnapshot(await this.#store.snapshot(), this.#time.now());
    return this;
  }

  /** Looks at the store, then makes sure of the lease. */
  async ensure(signal?: AbortSignal) {
    await this.look();
    return this.ensureFromMemory(signal);
  }

  ensureFromMemory(signal?: AbortSignal) {
    const context = {
      mirror: this.mirror,
      publicIP: addressOf(this.#number),
      identities: this.identities,
      addresses: this.addresses,
      rememberedSubnet: this.rememberedSubnet,
      valueFor: async () => this.value,
      isBuilt: () => this.built,
    };
    return this.lease.ensure(context, signal);
  }

  get subnet(): string {
    assert.ok(this.lease.current);
    return this.lease.current.subnet;
  }
}

export function world(config = CONFIG): { store: MemoryStore; time: SimulatedTime } {
  const time = new SimulatedTime();
  const store = new MemoryStore(PREFIX, time.now);
  store.put(CONFIG_KEY, config);
  return { store, time };
}

/** Four blocks. */
export const SMALL =
  '{"Network":"10.5.0.0/16","SubnetMin":"10.5.10.0","SubnetMax":"10.5.13.0","Backend":{"Type":"vxlan"}}';

/** Lets whoever waits for time go on, until `work` is done. */
export async function finish<T>(time: SimulatedTime, work: Promise<T>): Promise<T> {
  let over = false;
  const end = work.finally(() => (over = true));
  end.catch(() => {});
  while (!over) await time.advance(1);
  return end;
}
