/**
 * Owns what a process that has just started can see of the ways on which this host was reached before: its own devices, and its own routes
 * without a tunnel. So a restart, or a repair run, in the middle of a migration goes on with it.
 *
 * - Routes may be many: they are listed only where a lease names a backend that shows by nothing else, or a device is there of another path
 *   than the config's, which may have had DirectRouting.
 */
import type { Lease } from '../config/model.ts';
import type { Backend } from '../reconciler/backends/backend.ts';
import type { Seen } from '../reconciler/backends/backend-type.ts';
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

export interface WhereToLook {
  instance: Instance;
  interest: Interest;
  leases: readonly Lease[];
  /** The config's path; undefined where it can't be run. */
  path: string | undefined;
}

/** Undefined if not everything could be listed. */
export async function lookForPaths(driver: Driver, where: WhereToLook): Promise<PathsSeen | undefined> {
  const { instance, interest, leases, path } = where;
  const { haves, complete } = await driver.list(scopeOf({ kinds: ['link', 'address'] }), interest);
  if (!complete) return undefined;
  const ownership = new Ownership({ instance, desired: new Map(), ...contextOf(haves, true) });
  const links = haves.filter((have): have is Link => have.kind === 'link' && ownership.ownsDevice(have.name));
  const byDevice = backendsSeen({ links, directRoutes: [], directTypes: new Set() });
  const named = new Set(leases.map(({ attrs }) => attrs.backendType));
  const needsRoutes =
    BACKEND_TYPES.some(({ type, seenByRoutes }) => seenByRoutes && named.has(type)) ||
    byDevice.some((backend) => backend.path !== path);
  if (!needsRoutes) return { links, backends: byDevice };

  const listed = await driver.list(scopeOf({ kinds: ['route'] }), interest);
  if (!listed.complete) return undefined;
  const directRoutes = listed.haves.filter(
    (have): have is Route =>
      have.kind === 'route' &&
      have.protocol === SELVAGE_PROTOCOL &&
      have.dev === interest.uplink &&
      ownership.ownerOf(have) === 'ours',
  );
  const directly = new Set(directRoutes.map(({ dst }) => dst));
  const directTypes = new Set(leases.flatMap(({ subnet, attrs }) => (directly.has(subnet) ? attrs.backendType : [])));
  return { links, backends: backendsSeen({ links, directRoutes, directTypes }) };
}

const backendsSeen = (seen: Seen): Backend[] => BACKEND_TYPES.flatMap((type) => type.seenOn(seen));
