/**
 * Owns a fleet in one process: hosts, the store, the network between them, and time. A schedule decides which faults strike; the seed decides
 * how long everything takes, and so every interleaving. All else follows: the same schedule gives the same trace.
 */
import { type Backup, MemoryStore } from '../helpers/memory-store.ts';
import { SimulatedTime } from '../helpers/simulated-time.ts';
import { CONFIG_KEY, keyFor, PREFIX } from '../helpers/store.ts';
import { Excuses } from './excuses.ts';
import { faultNamed } from './faults/index.ts';
import { Foreign } from './foreign.ts';
import { SimulatedHost } from './host.ts';
import { Judge } from './invariants.ts';
import { Network } from './network.ts';
import { Oracle } from './oracle.ts';
import { begin, makePeace } from './peace.ts';
import { Random } from './random.ts';
import type { Schedule, Shape, Strike } from './schedule.ts';
import { Trace } from './trace.ts';

const TICK_MS = 1000;
/** Third octet of the last subnet in a narrow network: what faults litter comes after it (faults/store.ts, faults/host.ts). */
const LAST_NARROW = 239;
/** After the last strike of an episode, ms. */
const AFTERMATH_MS = 5000;

export class Fleet {
  readonly time = new SimulatedTime();
  readonly trace = new Trace(this.time.now);
  readonly excuses = new Excuses();
  readonly shape: Shape;
  readonly store: MemoryStore;
  readonly hosts: readonly SimulatedHost[];
  readonly network: Network;
  readonly oracle: Oracle;
  readonly judge: Judge;
  /** Text of the config that its administrator means. */
  config: string;
  backup: Backup;
  readonly #schedule: Schedule;
  readonly #random: Random;
  /** What ends faults, once. */
  readonly #ends = new Set<() => void>();
  #count = 0;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    this.shape = schedule.shape;
    this.#random = new Random(schedule.seed);
    const { time, trace, excuses } = this;
    this.store = new MemoryStore(PREFIX, time.now, this.shape.api);
    const range = this.shape.isNarrow
      ? `"SubnetMin":"10.5.1.0","SubnetMax":"10.5.${Math.min(LAST_NARROW, 2 * this.shape.hosts)}.0",`
      : '';
    this.config = `{"Network":"10.5.0.0/16",${range}"Backend":${this.shape.backend}}`;
    this.store.put(CONFIG_KEY, this.config);
    this.backup = this.store.backup();
    const around = {
      time,
      trace,
      store: this.store,
      random: this.#random,
      leaseTerm: this.shape.leaseTerm,
      witnessOf: (...who: Parameters<Judge['witnessOf']>) => this.judge.witnessOf(...who),
      hear: (...what: Parameters<Judge['hear']>) => this.judge.hear(...what),
    };
    const { hosts: count, segments, late } = this.shape;
    this.hosts = Array.from({ length: count }, (_, i) => new SimulatedHost(i, i % segments, around));
    for (const host of this.hosts.slice(count - late)) host.isMember = false;
    const foreign = new Map(
      this.hosts.map((host) => [host, new Foreign(host.kernel, this.#random.fork(`foreign ${host.index}`))]),
    );
    this.network = new Network(this.hosts);
    this.oracle = new Oracle(this.hosts, this.network);
    this.judge = new Judge({ oracle: this.oracle, excuses, foreign, store: this.store, trace, now: time.now });
  }

  /** Those that are there now. */
  get members(): SimulatedHost[] {
    return this.hosts.filter(({ isMember }) => isMember);
  }

  /** Those that have never been there. */
  get latecomers(): SimulatedHost[] {
    return this.hosts.filter(({ isMember, counts }) => !isMember && counts.lives === 0);
  }

  /** Whether something is going on that has not ended. */
  get isTroubled(): boolean {
    return this.#ends.size > 0 || this.members.some(({ life }) => !life?.connection.isHeard);
  }

  seatOf(host: SimulatedHost): string | undefined {
    return this.oracle.seatOf(host);
  }

  /** Of the subnet that its containers are in. */
  leaseOf(host: SimulatedHost) {
    const seat = this.seatOf(host);
    return seat === undefined ? undefined : this.store.get(keyFor(seat));
  }

  configIs(text: string): void {
    this.config = text;
  }

  /** Counts up. */
  next(): number {
    return ++this.#count;
  }

  /** A fault ends by itself then, or at the next peace. */
  later(ms: number, end: () => void): void {
    const once = this.#once(end);
    this.time.setTimeout(() => {
      once();
      this.judge.lookAfterFault();
    }, ms);
  }

  /** Only peace ends it. */
  atPeace(end: () => void): void {
    this.#once(end);
  }

  #once(end: () => void): () => void {
    const once = (): void => {
      if (this.#ends.delete(once)) end();
    };
    this.#ends.add(once);
    return once;
  }

  /** All that a host that is gone has in the store. */
  forget(host: SimulatedHost): void {
    for (const { key, value } of this.store.all())
      if (host.addresses.some((address) => value.includes(`"${address}"`))) this.store.delete(key);
  }

  /** Nobody disturbs anything any more. */
  endFaults(): void {
    for (const end of [...this.#ends]) end();
    for (const { uplink, disturbance } of this.hosts) {
      Object.assign(uplink, { losesAnswer: false, lateBy: 0 });
      disturbance.faults.clear();
      disturbance.killAfter = undefined;
    }
    if (this.store.get(CONFIG_KEY)?.value !== this.config) this.store.put(CONFIG_KEY, this.config);
    for (const host of this.latecomers) host.isMember = true;
    for (const host of this.hosts) {
      if (host.isMember) host.start();
      else this.forget(host);
    }
    this.judge.lookAfterFault();
  }

  /** Runs until there is a violation, or the schedule is over. */
  async run(): Promise<void> {
    this.#tick();
    const random = this.#random.fork('start');
    // All at once, as after a power cut, or one after the other.
    const spread = random.pick([20, 2000]);
    for (const host of this.members) host.startIn(random.between(0, spread));
    await begin(this);
    for (const strikes of this.#schedule.episodes) {
      if (this.judge.violation) return;
      this.backup = this.store.backup();
      await this.#episode(strikes);
      await makePeace(this);
    }
  }

  async #episode(strikes: readonly Strike[]): Promise<void> {
    const start = this.time.now();
    for (const { at, fault, number } of strikes) {
      await this.pass(start + at - this.time.now());
      if (this.judge.violation) return;
      const did = this.members.length ? faultNamed(fault).strike(this, new Random(number)) : undefined;
      this.trace.say('fault', `${fault}: ${did ?? 'nothing to do'}`);
      this.judge.lookAfterFault();
    }
    await this.pass(AFTERMATH_MS);
  }

  /** Lets `ms` pass, or less if something is violated meanwhile. */
  async pass(ms: number): Promise<void> {
    const until = this.time.now() + ms;
    // What was done since the last step says its first word before time passes.
    await this.time.turn();
    while (!this.judge.violation && (await this.time.step(until)));
  }

  #tick(): void {
    this.time.setTimeout(() => {
      this.store.expire();
      for (const host of this.members) {
        const { life } = host;
        const runs = life !== undefined && life.process.stoppedUntil <= this.time.now();
        const hears = runs && life.connection.isHeard && host.uplink.cut === undefined;
        this.excuses.note(host, hears, this.time.now());
      }
      this.judge.tick(this.members);
      this.#tick();
    }, TICK_MS);
  }
}
