/**
 * Owns one host's agent in a world that is all in memory: store, kernel and time, each of which a test can disturb. Real are states/ and
 * reconciler/.
 */
import assert from 'node:assert/strict';
import { createActor } from 'xstate';
import { parseOptions } from '../../config/options.ts';
import type { HostFacts } from '../../reconciler/contracts/host.ts';
import type { Report } from '../../reconciler/contracts/report.ts';
import { keyOf } from '../../reconciler/kinds/index.ts';
import { Agent } from '../../states/agent.ts';
import type { Companion } from '../../states/companion.ts';
import type { AgentDeps, Log } from '../../states/deps.ts';
import { agentMachine } from '../../states/machine.ts';
import { device } from './hosts.ts';
import { MemoryStore } from './memory-store.ts';
import { ModelDriver, populate } from './model-driver.ts';
import { ModelKernel } from './model-kernel.ts';
import { SimulatedTime } from './simulated-time.ts';
import { CONFIG, CONFIG_KEY, keyFor, PREFIX, valueFor } from './store.ts';

export const OWN_ADDRESS = '192.168.64.3';
export const SUBNET_FILE = '/run/flannel/subnet.env';
export const LEVEL_PASS_MS = 60_000;

export interface WorldOptions {
  argv?: string[];
  store?: MemoryStore;
  time?: SimulatedTime;
  kernel?: ModelKernel;
  /** undefined: none; else the store's config. */
  config?: string | undefined;
  address?: string;
  /** In [0, 1). */
  random?: () => number;
  previousSubnetEnv?: string;
  /** Made anew for each life of the agent. */
  companions?: (world: World) => Companion[];
}

export interface LogLine {
  level: string;
  message: string;
}

export class World {
  readonly time: SimulatedTime;
  readonly store: MemoryStore;
  readonly kernel: ModelKernel;
  readonly driver: ModelDriver;
  readonly deps: AgentDeps;
  readonly log: LogLine[] = [];
  readonly reports: Report[] = [];
  facts: HostFacts;
  sysctls: Record<string, string> = { 'net.ipv4.ip_forward': '1' };
  /** `driver.apply` calls so far. */
  applies = 0;
  agent: Agent;
  #actor: ReturnType<typeof start> | undefined;
  #stopLevel: (() => void) | undefined;
  readonly #companions: (world: World) => Companion[];
  #did = 0;

  constructor(options: WorldOptions = {}) {
    const time = options.time ?? new SimulatedTime();
    this.time = time;
    this.store = options.store ?? new MemoryStore(PREFIX, time.now);
    this.kernel = options.kernel ?? new ModelKernel();
    this.driver = new ModelDriver(this.kernel);
    this.facts = factsOf(options.address ?? OWN_ADDRESS);
    if (!options.kernel) populate(this.kernel, [device('eth0'), device('docker0', { type: 'bridge' })]);
    const config = 'config' in options ? options.config : CONFIG;
    if (config !== undefined && !this.store.get(CONFIG_KEY)) this.store.put(CONFIG_KEY, config);
    let drawn = 0;
    this.deps = {
      options: parseOptions([`--subnet-file=${SUBNET_FILE}`, ...(options.argv ?? [])], {}),
      log: recorder(this.log),
      clock: { now: time.now, steady: time.steady, sleep: time.sleep },
      random: options.random ?? (() => (drawn++ * 0.37) % 1),
      source: this.store,
      drivers: [this.#counted()],
      host: {
        hostname: 'web1',
        facts: async () => this.facts,
        nexthopObjects: () => true,
        sysctl: (name) => this.sysctls[name],
      },
      levelPass: (pass) => (this.#stopLevel = time.every(LEVEL_PASS_MS, pass)),
      previousSubnetEnv: options.previousSubnetEnv ?? '',
      companions: [],
    };
    this.#companions = options.companions ?? (() => []);
    this.agent = this.#newAgent();
    const others = time.onTurn;
    time.onTurn = () => [others(), this.#turn()].includes(true);
  }

  /** Starts the daemon and lets it come to rest. */
  async start(): Promise<this> {
    this.agent = this.#newAgent();
    this.#actor = start(this.agent, this.time);
    await this.time.settle();
    return this;
  }

  /** Whatever the kernel and the store have to say is heard. Whether anything happened since the last turn. */
  #turn(): boolean {
    this.driver.deliver();
    this.store.expire();
    const before = this.#did;
    this.#did = this.reports.length + this.store.requests + this.applies + this.log.length;
    return this.#did !== before;
  }

  /** As SIGKILL, or a restart: nothing is finished, nothing said. */
  kill(): void {
    this.#actor?.stop();
    this.#actor = undefined;
  }

  /** No more level pass in this life. */
  withoutLevel(): this {
    this.#stopLevel?.();
    return this;
  }

  get states(): unknown {
    return this.#actor?.getSnapshot().value;
  }

  get report(): Report {
    const last = this.reports.at(-1);
    assert.ok(last, 'no round has finished');
    return last;
  }

  settle(): Promise<void> {
    return this.time.settle();
  }

  advance(ms: number): Promise<void> {
    return this.time.advance(ms);
  }

  /** The agent's own lease in the store. */
  get ownLeases() {
    return this.store
      .all()
      .filter(({ value }) => value.includes(`"${this.facts.interfaces[0]?.addresses[0]?.address.split('/')[0]}"`));
  }

  /** Puts a peer's lease: its subnet is 10.5.<n>.0/24, its host number 256 + n. */
  putPeer(n: number, seconds = 86_400): string {
    const key = keyFor(`10.5.${n}.0/24`);
    this.store.putFor(key, valueFor(256 + n), seconds);
    return key;
  }

  /** Ids of all that the kernel has of the n-th peer, FDB entry aside. */
  peerIds(n: number): string[] {
    const ids = [`neighbour flannel.1|10.5.${n}.0`, `nexthop ${0x0a050000 + n * 256}`, `route 254|10.5.${n}.0/24|0|0`];
    const there = new Set(this.kernelIds);
    return ids.filter((id) => there.has(id));
  }

  get kernelIds(): string[] {
    return this.kernel.all().map((have) => `${have.kind} ${keyOf(have)}`);
  }

  said(text: string | RegExp): LogLine[] {
    return this.log.filter(({ message }) => (typeof text === 'string' ? message.includes(text) : text.test(message)));
  }

  #newAgent(): Agent {
    this.deps.companions = this.#companions(this);
    const agent = new Agent(this.deps);
    const { journal } = agent;
    const report = journal.report.bind(journal);
    journal.report = (made, scope) => {
      this.reports.push(made);
      return report(made, scope);
    };
    return agent;
  }

  #counted() {
    const { driver } = this;
    const apply = driver.apply.bind(driver);
    driver.apply = (changes) => {
      this.applies++;
      return apply(changes);
    };
    return driver;
  }
}

function start(services: Agent, clock: SimulatedTime) {
  const actor = createActor(agentMachine, {
    input: { services },
    clock: { setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout },
  });
  actor.subscribe({
    error: (error) => {
      throw error;
    },
  });
  return actor.start();
}

export function factsOf(address: string, name = 'eth0'): HostFacts {
  const addresses = [{ address: `${address}/20`, scope: 'global', permanent: true, deprecated: false }];
  const eth = { name, index: 2, mac: '02:00:00:00:00:02', mtu: 1500, up: true, loopback: false, addresses };
  return { interfaces: [eth], linkRoutes: [], defaultRoutes: [{ dev: name, gateway: '192.168.64.1', metric: 0 }] };
}

function recorder(lines: LogLine[]): Log {
  const at = (level: string) => (_: object, message: string) =>
    void (level !== 'debug' && lines.push({ level, message }));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export const asText = (world: World): string[] =>
  world.kernel
    .all()
    .map((have) => JSON.stringify(have))
    .sort();

/** Lines that are in only one of the two; short enough to be read when a test fails. */
export function difference(before: readonly string[], after: readonly string[]): string[] {
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ];
}
