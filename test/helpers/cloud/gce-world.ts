/**
 * Owns the state of a fake project of Google Compute Engine: networks, instances, routes and the operations that change routes. What it takes
 * and refuses over HTTP is in fake-gce.ts.
 */
import { Lagging } from './lagging.ts';

export interface GceInstance {
  name: string;
  zone: string;
  network: string;
  ip: string;
  canIpForward: boolean;
}

export interface GceRoute {
  name: string;
  destRange: string;
  network: string;
  /** Name of the instance, or one of the others. */
  instance?: string;
  gateway?: string;
  /** A route of Google's own to a subnet of the network. */
  own?: boolean;
  priority: number;
  tags: string[];
}

export interface Operation {
  name: string;
  polls: number;
  error?: { code: string; message: string };
  done: boolean;
  run: () => { code: string; message: string } | undefined;
}

export interface GceOptions {
  lag?: number;
  /** Polls until an operation is done. */
  polls?: number;
  /** Routes of the project that are not Google's own. */
  quota?: number;
}

export const PROJECT = 'proj-1';
export const NETWORK_RANGE = '10.128.0.0/20';

export class GceWorld {
  quota: number;
  polls: number;
  readonly networks = ['default'];
  instances: GceInstance[] = [];
  readonly operations = new Map<string, Operation>();
  readonly #routes: Lagging<GceRoute[]>;
  #count = 0;

  constructor({ lag = 0, polls = 2, quota = 200 }: GceOptions = {}) {
    this.quota = quota;
    this.polls = polls;
    const own = { destRange: NETWORK_RANGE, network: 'default', own: true, priority: 0, tags: [] };
    this.#routes = new Lagging<GceRoute[]>([{ name: 'default-route-r-01', ...own }], lag);
  }

  set lag(reads: number) {
    this.#routes.reads = reads;
  }

  get truth(): GceRoute[] {
    return this.#routes.truth;
  }

  read(): GceRoute[] {
    return this.#routes.read();
  }

  write<R>(change: (routes: GceRoute[]) => R): R {
    return this.#routes.write(change);
  }

  addInstance(given: Partial<GceInstance> & { name: string; ip: string }): GceInstance {
    const instance = { zone: 'europe-test1-b', network: 'default', canIpForward: true, ...given };
    this.instances.push(instance);
    return instance;
  }

  /** Somebody else's hand. */
  putRoute(route: Partial<GceRoute> & { name: string; destRange: string }): void {
    this.removeRoute(route.name);
    this.truth.push({ network: 'default', priority: 1000, tags: [], ...route });
  }

  removeRoute(name: string): void {
    const at = this.truth.findIndex((route) => route.name === name);
    if (at >= 0) this.truth.splice(at, 1);
  }

  /** name → instance, of routes that are not Google's own. */
  get made(): Record<string, string> {
    const made = this.truth.filter(({ own }) => !own);
    return Object.fromEntries(made.map(({ name, instance }) => [name, instance ?? '']));
  }

  /** @param run carries it out, once it has been polled often enough */
  begin(run: Operation['run']): Operation {
    const name = `operation-${++this.#count}`;
    const operation: Operation = { name, polls: this.polls, done: false, run };
    this.operations.set(name, operation);
    this.poll(operation, 0);
    return operation;
  }

  poll(operation: Operation, polls = 1): void {
    operation.polls -= polls;
    if (operation.done || operation.polls > 0) return;
    operation.done = true;
    const error = operation.run();
    if (error) operation.error = error;
  }
}
