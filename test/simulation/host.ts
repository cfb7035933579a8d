/**
 * Owns one simulated host: a kernel that stays, and the processes that come and go on it. Real are states/ and reconciler/; its clock, its
 * kernel, its way to the store and its last good copy are the simulation's.
 */
import { createActor } from 'xstate';
import { parseOptions } from '../../config/options.ts';
import { parseSubnetEnv } from '../../config/subnet-env.ts';
import type { HostFacts } from '../../reconciler/contracts/host.ts';
import type { Report } from '../../reconciler/contracts/report.ts';
import type { StoreRecord } from '../../reconciler/contracts/source.ts';
import type { StateCopy } from '../../reconciler/contracts/state-copy.ts';
import { Agent } from '../../states/agent.ts';
import type { AgentDeps, Log } from '../../states/deps.ts';
import { agentMachine } from '../../states/machine.ts';
import { repairOnce } from '../../states/once.ts';
import { factsOf } from '../helpers/agent-world.ts';
import { device } from '../helpers/hosts.ts';
import type { MemoryStore } from '../helpers/memory-store.ts';
import { ModelKernel } from '../helpers/model-kernel.ts';
import type { SimulatedTime } from '../helpers/simulated-time.ts';
import { type Disturbance, SlowDriver, type Witness } from './driver.ts';
import { Process } from './process.ts';
import type { Random } from './random.ts';
import { Connection, goodUplink } from './store.ts';
import type { Trace } from './trace.ts';

export const SUBNET_FILE = '/run/flannel/subnet.env';
const LEVEL_PASS_MS = 60_000;
/** How long a process that is told to end is waited for, ms. */
const STOP_MS = 10_000;

export interface Surroundings {
  time: SimulatedTime;
  store: MemoryStore;
  trace: Trace;
  random: Random;
  /** --subnet-lease-ttl */
  leaseTerm: string;
  /** Whoever judges what is written on a host. */
  witnessOf(host: SimulatedHost, connection: Connection): Witness;
  /** Whoever judges what is reported. */
  hear(host: SimulatedHost, outcomes: Report['outcomes'], lies: ReadonlySet<string>): void;
}

interface Life {
  process: Process;
  agent: Agent;
  connection: Connection;
  actor: ReturnType<typeof startMachine>;
}

export class SimulatedHost {
  readonly index: number;
  readonly name: string;
  readonly kernel = new ModelKernel();
  /** The underlay's link that it is on. */
  readonly segment: number;
  readonly uplink = goodUplink();
  readonly disturbance: Disturbance = {
    delivery: 'faithful',
    hides: undefined,
    faults: new Map(),
    killAfter: undefined,
  };
  facts: HostFacts;
  clockOffset = 0;
  /** It belongs to the fleet; false once it was taken away for good. */
  isMember = true;
  life: Life | undefined;
  /** What no input may lead to: its machine failed. */
  broken: Error | undefined;
  readonly counts = { changes: 0, lives: 0 };
  #copy: StateCopy | undefined;
  /** Keys of leases whose last word was only in the head of a process that was killed: its copy may be half a minute old. */
  #forgotten = new Set<string>();
  /** subnet.env as it was last looked at. */
  #read: { content?: string; subnet?: string } = {};
  readonly #around: Surroundings;
  readonly #random: Random;
  readonly #drivers = new Set<SlowDriver>();

  constructor(index: number, segment: number, around: Surroundings) {
    this.index = index;
    this.segment = segment;
    this.name = `h${index}`;
    this.#around = around;
    this.#random = around.random.fork(this.name);
    this.facts = factsAt(index, segment);
    this.kernel.addLink(device('eth0'));
    this.kernel.addLink(device('docker0', { type: 'bridge' }));
    this.kernel.emit = (scope) => {
      for (const driver of this.#drivers) driver.hear(scope);
    };
  }

  /** Addresses of its external interface. */
  get addresses(): string[] {
    return this.facts.interfaces.flatMap(({ addresses }) => addresses.map(({ address }) => address.split('/')[0]!));
  }

  /** The subnet that its containers are in: what subnet.env says, whoever wrote it. */
  get subnet(): string | undefined {
    const content = this.kernel.view.files.get(SUBNET_FILE)?.content;
    if (content !== this.#read.content)
      this.#read = { content, subnet: content === undefined ? undefined : parseSubnetEnv(content).subnet };
    return this.#read.subnet;
  }

  /** Whether its last good copy has that key as it was before it was overwritten, if it was. */
  remembers({ key, createRevision }: StoreRecord): boolean {
    const { head, snapshot } = this.#copy ?? {};
    if (head?.clusterId !== this.#around.store.clusterId || head.own?.subnet !== this.subnet) return false;
    return snapshot!.leases.some((one) => one.key === key && one.createRevision === createRevision);
  }

  /** Whether a process that was killed knew more of that lease than what is left of it. */
  forgets(key: string): boolean {
    return this.#forgotten.has(key);
  }

  #unsaved({ agent }: Life): Set<string> {
    const saved = new Map(this.#copy?.snapshot.leases.map(({ key, value }) => [key, value]));
    const known = [...agent.state.mirror.leases.values()];
    return new Set(known.flatMap(({ key, value }) => (saved.get(key) === value ? [] : [key])));
  }

  /** Starts the daemon. */
  start(): void {
    if (this.life) return;
    const process = new Process(this.#around.time, this.clockOffset);
    const random = this.#random.fork(++this.counts.lives);
    const { deps, connection, driver } = this.#deps(process, random, () => {
      this.kill();
      this.startIn(random.fork('again').between(10, 2000));
    });
    this.#say(`starts${deps.previousSubnetEnv ? '' : ', knowing nothing'}`);
    const agent = new Agent(deps);
    const report = agent.journal.report.bind(agent.journal);
    agent.journal.report = (made, scope) => {
      this.#around.hear(this, made.outcomes, driver.takeLies());
      return report(made, scope);
    };
    this.life = { process, agent, connection, actor: startMachine(agent, process, (error) => this.#failed(error)) };
  }

  /** SIGKILL: nothing is finished. */
  kill(): void {
    if (!this.life) return;
    this.#say('is killed');
    this.#forgotten = this.#unsaved(this.life);
    this.#end(this.life);
  }

  /** SIGTERM: the change in hand is finished. Starts again after `ms`, if it is a member then. */
  restart(ms: number): void {
    const { life } = this;
    if (!life) return;
    this.#say('is told to end');
    life.actor.send({ type: 'STOP' });
    const deadline = this.#around.time.now() + STOP_MS;
    const look = async (): Promise<void> => {
      if (this.life !== life) return;
      const isDone = life.actor.getSnapshot().matches({ work: 'stopping' });
      if (!isDone && this.#around.time.now() < deadline) return void this.#around.time.setTimeout(look, 20);
      await life.agent.lastGood.writer.flush();
      if (this.life !== life) return;
      this.#say('ends');
      this.#end(life);
      this.startIn(ms);
    };
    void look();
  }

  startIn(ms: number): void {
    this.#around.time.setTimeout(() => {
      if (this.isMember) this.start();
    }, ms);
  }

  /** A repair run, beside the daemon or without it. */
  async once(): Promise<void> {
    const process = new Process(this.#around.time, this.clockOffset);
    const { deps } = this.#deps(process, this.#random.fork(`once ${this.#around.time.now()}`), () => process.end());
    this.#say('a repair run starts');
    try {
      const report = await repairOnce(deps);
      this.#say(`a repair run ends: ${report.summary.create + report.summary.update + report.summary.delete} changes`);
    } catch (error) {
      this.#say(`a repair run fails: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      await deps.drivers[0]!.close();
      await deps.source.close();
      process.end();
      this.#prune();
    }
  }

  /** It is away for good: its process, and all that it has in the store, sooner or later. */
  leaveFleet(): void {
    this.isMember = false;
    this.kill();
  }

  #end({ process, actor }: Life): void {
    this.life = undefined;
    process.end();
    actor.stop();
    this.#prune();
  }

  #prune(): void {
    for (const driver of this.#drivers) if (driver.isOver) this.#drivers.delete(driver);
  }

  #deps(process: Process, random: Random, kill: () => void) {
    const { store, witnessOf, leaseTerm } = this.#around;
    const connection = new Connection(store, process, this.uplink, random.fork('store'));
    const how = { disturbance: this.disturbance, witness: witnessOf(this, connection), kill };
    const announce = this.kernel.emit;
    const driver = new SlowDriver(this.kernel, process, random.fork('driver'), how);
    this.kernel.emit = announce;
    this.#drivers.add(driver);
    const deps: AgentDeps = {
      options: parseOptions([`--subnet-file=${SUBNET_FILE}`, `--subnet-lease-ttl=${leaseTerm}`], {}),
      log: this.#log(),
      clock: process.clock,
      random: random.fork('agent').next,
      source: connection,
      drivers: [driver],
      host: {
        hostname: this.name,
        facts: async () => this.facts,
        nexthopObjects: () => true,
        sysctl: (name) => (name === 'net.ipv4.ip_forward' ? '1' : undefined),
      },
      stateCache: this.#cache(process),
      levelPass: (pass) => every(process, random.between(1000, LEVEL_PASS_MS), pass),
      previousSubnetEnv: this.kernel.view.files.get(SUBNET_FILE)?.content ?? '',
      companions: [],
    };
    return { deps, connection, driver };
  }

  #cache(process: Process): NonNullable<AgentDeps['stateCache']> {
    return {
      path: '/run/flannel/selvage-state.json',
      head: async () => structuredClone(this.#copy?.head),
      load: async () => structuredClone(this.#copy),
      save: async (copy) => {
        if (process.isAlive) this.#copy = structuredClone(copy);
      },
      remove: async () => {
        if (process.isAlive) this.#copy = undefined;
      },
    };
  }

  #log(): Log {
    const at = (level: string) => (_: object, message: string) =>
      void (level !== 'debug' && this.#say(`${level}: ${message}`));
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  #failed(error: unknown): void {
    this.#say(`the machine itself failed: ${error instanceof Error ? error.stack : String(error)}`);
    this.broken = error instanceof Error ? error : new Error(String(error));
  }

  #say(what: string): void {
    this.#around.trace.say(this.name, what);
  }
}

function startMachine(services: Agent, process: Process, failed: (error: unknown) => void) {
  const actor = createActor(agentMachine, { input: { services }, clock: process.timers });
  actor.subscribe({ error: failed });
  return actor.start();
}

function every(process: Process, first: number, run: () => void): () => void {
  let number = 0;
  const again = (ms: number): void => {
    number = process.after(ms, () => {
      run();
      again(LEVEL_PASS_MS);
    });
  };
  again(first);
  return () => process.timers.clearTimeout(number);
}

/** The n-th host's address on its segment: 192.168.64.0/20 and 192.168.80.0/20. `n` < 4000. */
export const addressAt = (n: number, segment: number): string => {
  const host = 10 + n;
  return `192.168.${64 + 16 * segment + (host >> 8)}.${host & 255}`;
};

export function factsAt(n: number, segment: number): HostFacts {
  const facts = factsOf(addressAt(n, segment));
  return { ...facts, defaultRoutes: [{ dev: 'eth0', gateway: `192.168.${64 + 16 * segment}.1`, metric: 0 }] };
}
