/** Owns a host through several processes in memory (test/helpers/agent-world.ts): store, kernel, time and last good copy stay. */
import type { StateCache, StateCopy } from '../../reconciler/contracts/state-copy.ts';
import { type Link, MAIN_TABLE, type Route, SELVAGE_PROTOCOL } from '../../reconciler/kinds/index.ts';
import { World, type WorldOptions } from './agent-world.ts';

function memoryCache(): StateCache & { copy: StateCopy | undefined } {
  const cache = {
    path: '/var/lib/selvage/desired.json',
    copy: undefined as StateCopy | undefined,
    head: async () => cache.copy?.head,
    load: async () => cache.copy,
    save: async (copy: StateCopy) => {
      cache.copy = structuredClone(copy);
    },
    remove: async () => {
      cache.copy = undefined;
    },
  };
  return cache;
}

/** To a host-gw peer at 192.168.64.9, as an earlier process has made it. */
export const OLD_ROUTE: Route = {
  kind: 'route',
  table: MAIN_TABLE,
  dst: '10.5.9.0/24',
  tos: 0,
  metric: 0,
  dev: 'eth0',
  gateway: '192.168.64.9',
  onlink: false,
  protocol: SELVAGE_PROTOCOL,
  nexthopId: 0,
  type: 'unicast',
  plain: true,
};

/** A host through several processes. */
export class Lives {
  readonly cache = memoryCache();
  world: World;

  constructor() {
    this.world = this.#next({});
  }

  #next(options: WorldOptions): World {
    const world = new World(options);
    world.deps.stateCache = this.cache;
    return world;
  }

  /** Another process on the same host; `fileOf`: what is in its subnet.env. */
  again(options: WorldOptions = {}): World {
    this.world.kill();
    const { store, time, kernel } = this.world;
    this.world = this.#next({ store, time, kernel, ...options });
    return this.world;
  }

  get devices(): string[] {
    const links = this.world.kernel.all().filter((have): have is Link => have.kind === 'link');
    return links.map(({ name }) => name).filter((name) => name.startsWith('flannel'));
  }
}
