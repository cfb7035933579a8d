/** Owns a bed of hosts on their etcd, and the counting of what is done to it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Etcd } from '../../test/helpers/etcd.ts';
import { type HostState, PREFIX, type Protocol } from './bed-host.ts';
import type { Crowd } from './crowd.ts';
import { type Cost, Counters, requestsOf } from './etcd-counters.ts';

export type SceneName =
  | 'mass start'
  | 'rest'
  | 'renewal'
  | 'one restarts'
  | 'all restart'
  | 'etcd back'
  | 'config'
  | 'backend'
  | 'fleet word'
  | 'fleet beat';

export interface Scene {
  name: SceneName;
  cost: Cost;
  /** Until etcd had been quiet for a moment. */
  seconds: number;
}

export interface BedResult {
  protocol: Protocol;
  hosts: number;
  scenes: Map<SceneName, Scene>;
  /** As they were after the mass start. */
  started: HostState[];
}

export interface BedOptions {
  protocol: Protocol;
  hosts: number;
  /** How long nothing is done, s. */
  restSeconds: number;
  say(text: string): void;
}

/** etcd is quiet when it has counted nothing more for so long, ms. */
const QUIET_MS = 2000;

export class Bed {
  readonly etcd: Etcd;
  readonly crowd: Crowd;
  readonly #scenes = new Map<SceneName, Scene>();
  readonly #options: BedOptions;
  /** As it was when etcd was quiet last. */
  #last: Counters | undefined;
  #http = { sent: 0, received: 0 };

  constructor(etcd: Etcd, crowd: Crowd, options: BedOptions) {
    this.etcd = etcd;
    this.crowd = crowd;
    this.#options = options;
  }

  /** `work` says if what was counted before it counts no more. */
  async play(name: SceneName, work: () => Promise<unknown>): Promise<void> {
    const { protocol, hosts, say } = this.#options;
    const began = performance.now();
    let before = this.#last ?? (await Counters.of(this.etcd.endpoint));
    const httpBefore = this.#http;
    if ((await work()) === 'etcd is new') before = new Counters('');
    const since = await this.#untilQuiet();
    const cost = this.#last!.since(before);
    cost.sent += this.#http.sent - httpBefore.sent;
    cost.received += this.#http.received - httpBefore.received;
    // While nobody does anything etcd may do something by itself, up to the end.
    const seconds = ((name === 'rest' ? performance.now() : since) - began) / 1000;
    this.#scenes.set(name, { name, cost, seconds });
    say(
      `  ${protocol}, ${hosts} hosts, ${name}: ${requestsOf(cost)} requests, ${cost.events} events, ${seconds.toFixed(1)} s`,
    );
  }

  /** Between two scenes: what it costs belongs to neither. */
  async aside(work: () => Promise<unknown>): Promise<void> {
    await work();
    await this.#untilQuiet();
  }

  /** Since when etcd has counted nothing more, though every process of the bed has had its turn. */
  async #untilQuiet(): Promise<number> {
    let since = performance.now();
    for (let last = -1; ; await sleep(QUIET_MS / 8)) {
      const counters = await Counters.of(this.etcd.endpoint);
      if (counters.activity !== last) since = performance.now();
      else if (performance.now() - since >= QUIET_MS) {
        const states = await this.crowd.states();
        this.#last = await Counters.of(this.etcd.endpoint);
        if (this.#last.activity === last) {
          this.#http = httpOf(states.values());
          return since;
        }
      }
      last = counters.activity;
    }
  }

  /** It comes back with all that it had, and its counters at zero. Every host watches again then. */
  async restartEtcd(): Promise<'etcd is new'> {
    await this.etcd.kill();
    await this.etcd.start();
    const watches = this.#options.hosts * (this.#options.protocol === 'selvage' ? 1 : 2);
    while (((await Counters.of(this.etcd.endpoint)).requests.get('Watch/Watch') ?? 0) < watches) await sleep(200);
    return 'etcd is new';
  }

  putConfig(value: string): Promise<string> {
    if (this.#options.protocol !== 'flannel v2') return this.etcd.etcdctl('put', `${PREFIX}/config`, value);
    return fetch(`${this.etcd.endpoint}/v2/keys${PREFIX}/config`, {
      method: 'PUT',
      body: new URLSearchParams({ value }),
    }).then((answer) => answer.text());
  }

  get scenes(): Map<SceneName, Scene> {
    return this.#scenes;
  }
}

/** Over the v2 API, of which etcd keeps no count. */
function httpOf(states: Iterable<HostState>): { sent: number; received: number } {
  const sum = { sent: 0, received: 0 };
  for (const { http } of states) {
    sum.sent += http?.sent ?? 0;
    sum.received += http?.received ?? 0;
  }
  return sum;
}
