/**
 * Owns what a process that has just started can see of the ways on which this host was reached before: its own devices, and its own routes
 * without a tunnel. So a restart, or a repair run, in the middle of a migration goes on with it.
 */
import type { Backend } from '../reconciler/backends/backend.ts';
import { BACKEND_TYPES } from '../reconciler/backends/index.ts';
import type { Driver, Interest } from '../reconciler/contracts/driver.ts';
import type { Instance } from '../reconciler/contracts/host.ts';
import { scopeOf } from '../reconciler/contracts/scope.ts';
import { type Link, type Route, SELVAGE_PROTOCOL } from '../reconciler/kinds/index.ts';
import { contextOf, Ownership } from '../reconciler/plan/ownership.ts';

export interface PathsSeen {
  /** Our own devices. */
  links: Link[];
  backends: Backend[];
}

/** Undefined if not everything could be listed. `named`: the backends that leases name (BackendType.type). */
export async function lookForPaths(
  driver: Driver,
  instance: Instance,
  interest: Interest,
  named: ReadonlySet<string>,
): Promise<PathsSeen | undefined> {
  const withRoutes = BACKEND_TYPES.some(({ type, seenByRoutes }) => seenByRoutes && named.has(type));
  const scope = scopeOf({ kinds: withRoutes ? ['link', 'address', 'route'] : ['link', 'address'] });
  const { haves, complete } = await driver.list(scope, interest);
  if (!complete) return undefined;
  const ownership = new Ownership({ instance, desired: new Map(), ...contextOf(haves, true) });
  const links = haves.filter((have): have is Link => have.kind === 'link' && ownership.ownsDevice(have.name));
  const directRoutes = haves.filter(
    (have): have is Route =>
      have.kind === 'route' &&
      have.protocol === SELVAGE_PROTOCOL &&
      have.dev === interest.uplink &&
      ownership.ownerOf(have) === 'ours',
  );
  const seen = { links, directRoutes };
  return { links, backends: BACKEND_TYPES.flatMap((type) => type.seenOn(seen)) };
}
