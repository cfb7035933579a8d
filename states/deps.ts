/** Owns what compose.ts gives the agent: the outside world as interfaces, so that states/ imports no driver and tests turn the clock. */
import type { Options } from '../config/options.ts';
import type { Driver } from '../reconciler/contracts/driver.ts';
import type { HostFacts } from '../reconciler/contracts/host.ts';
import type { Log } from '../reconciler/contracts/log.ts';
import type { Source } from '../reconciler/contracts/source.ts';
import type { StateCache } from '../reconciler/contracts/state-copy.ts';
import type { Companion } from './companion.ts';

export type { Log };

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since no matter when, by a clock that nobody sets: what is waited for is counted by this one. */
  steady(): number;
  /** Resolves after `ms`; rejects when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** What is read of the host beside its resources. */
export interface HostReader {
  hostname: string;
  facts(): Promise<HostFacts>;
  /** Whether the kernel has nexthop objects (5.3 and later). */
  nexthopObjects(): boolean;
  /** The value of a sysctl such as "net.ipv4.ip_forward"; undefined where there is none of that name. */
  sysctl(name: string): string | undefined;
}

export interface AgentDeps {
  options: Options;
  log: Log;
  clock: Clock;
  /** Returns a number in [0, 1). */
  random: () => number;
  source: Source;
  /** Where the last good copy is kept; undefined if none is (--state-cache none, or a source that needs none). */
  stateCache?: StateCache;
  drivers: Driver[];
  host: HostReader;
  /** What runs beside the rounds; the agent knows none by name. */
  companions: readonly Companion[];
  /** Starts the level pass; returns what stops it. */
  levelPass(pass: () => void): () => void;
  /** How large V8 lets this process's heap grow, bytes. Absent: not known. */
  heapLimitBytes?: number;
  /** The content of subnet.env as it was at start, "" without one: names the previous subnet and network. */
  previousSubnetEnv: string;
}
