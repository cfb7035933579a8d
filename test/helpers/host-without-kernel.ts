/**
 * Owns a host that has all of selvage but a kernel: the real machine, store follower and lease keeper over a given source and real time.
 * Its rounds find everything as it should be, at once, so that what it costs is what it asks of the store.
 */
import { parseOptions } from '../../config/options.ts';
import { hostClock } from '../../drivers/host/clock.ts';
import type { CreateResult, Source } from '../../reconciler/contracts/source.ts';
import type { Desired } from '../../reconciler/desired/desired.ts';
import { Agent } from '../../states/agent.ts';
import { type Daemon, startDaemon } from '../../states/daemon.ts';
import type { AgentDeps, Log } from '../../states/deps.ts';
import type { Region, Send } from '../../states/events.ts';
import type { RoundServices } from '../../states/round-services.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface HostParts {
  /** Numbers the host and its address, from 2 up to 65,000. */
  number: number;
  /** Closed by stop(). */
  source: Source;
  argv?: string[];
  /** The subnet.env that it finds: "" for a host that is new. */
  subnetEnv?: string;
}

export class HostWithoutKernel {
  readonly number: number;
  readonly agent: Agent;
  /** All that went wrong, by region. */
  readonly failures: string[] = [];
  /** From start() to its lease, ms. */
  waitedMs: number | undefined;
  readonly #deps: AgentDeps;
  #daemon: Daemon | undefined;

  constructor({ number, source, argv = [], subnetEnv = '' }: HostParts) {
    this.number = number;
    this.#deps = {
      options: parseOptions(argv, {}),
      log: silent,
      clock: hostClock,
      random: Math.random,
      source,
      drivers: [],
      companions: [],
      host: {
        hostname: `h${number}`,
        facts: async () => factsOf(number),
        nexthopObjects: () => true,
        sysctl: () => '1',
      },
      levelPass: () => () => {},
      previousSubnetEnv: subnetEnv,
    };
    this.agent = new Agent(this.#deps);
  }

  start(): void {
    const { agent, failures } = this;
    const began = performance.now();
    this.#daemon = startDaemon({
      store: agent.store,
      lease: agent.lease,
      work: roundsOf(agent),
      backoffMs: (failures, first, most) => agent.backoffMs(failures, first, most),
      noteState: (region: Region, state: string) => {
        if (region === 'lease' && state === 'held') this.waitedMs ??= performance.now() - began;
        agent.noteState(region, state);
      },
      noteFailure: (region: Region, error: unknown) => {
        failures.push(`${region}: ${error instanceof Error ? error.message : String(error)}`);
        agent.noteFailure(region, error);
      },
    });
  }

  get subnet(): string | undefined {
    return this.agent.state.lease.current?.subnet;
  }

  /** How many leases it knows of, its own among them. */
  get leases(): number {
    return this.agent.state.mirror.leases.size;
  }

  /** As the daemon's own timer would do it, now. */
  renew(): Promise<'renewed' | 'lost'> {
    return this.agent.lease.renew();
  }

  async stop(): Promise<void> {
    this.#daemon?.stop();
    await this.#daemon?.done;
    await this.#deps.source.close();
  }
}

/** A source like a driver's, that shows what came of each lease that it was asked to make: if `see` throws, that is the answer. */
export function withCreated(source: Source, see: (created: CreateResult) => void): Source {
  const { leases } = source;
  return {
    ...source,
    leases: {
      ...leases,
      async create(key, value, ttlSeconds) {
        const created = await leases.create(key, value, ttlSeconds);
        see(created);
        return created;
      },
    },
  };
}

/** Tells of each race for a subnet that somebody else won. */
export const withRaces = (source: Source, onLost: () => void): Source =>
  withCreated(source, ({ result }) => {
    if (result === 'exists') onLost();
  });

/** Whatever is wanted is there already, and is told to be built as the real round tells it. */
function roundsOf(agent: Agent): RoundServices {
  let send: Send = () => {};
  let found: Desired | undefined;
  const { work, state } = agent;
  return {
    watchHost(to) {
      send = to;
      return work.watchHost(to);
    },
    schedule: () => () => {},
    hasWork: () => state.desired !== undefined && state.desired !== found,
    async read() {
      found = state.desired;
    },
    plan: async () => ({ changes: 0 }),
    apply: async () => {},
    async verify() {
      if (found && state.noteBuilt(found) && state.lease.unpublished) send({ type: 'PATH_BUILT' });
    },
    abandonRound: () => {},
    markDirty: () => {},
    markRetriesDirty: () => {},
    retryDelayMs: () => undefined,
  };
}

export const addressOfHost = (number: number): string =>
  `172.${16 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;

function factsOf(number: number) {
  const addresses = [{ address: `${addressOfHost(number)}/12`, scope: 'global', permanent: true, deprecated: false }];
  const eth0 = { name: 'eth0', index: 2, mac: '02:00:00:00:00:02', mtu: 1500, up: true, loopback: false, addresses };
  return {
    interfaces: [eth0],
    linkRoutes: [],
    defaultRoutes: [{ dev: 'eth0', gateway: '172.31.255.254', metric: 0 }],
  };
}
