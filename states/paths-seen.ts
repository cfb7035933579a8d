/**
 * Owns what a process that has just started can see of the ways on which this host was reached before: its own devices, and its own routes
 * without a tunnel. So a restart, or a repair run, in the middle of a migration goes on with it.
 */
import type { Backend } from '../reconciler/backends/backend.ts';
import { hostGwBackend } from '../reconciler/backends/host-gw.ts';
import { vxlanBackend, vxlanOptionsOf } from '../reconciler/backends/vxlan.ts';
import type { Driver, Interest } from '../reconciler/contracts/driver.ts';
import type { Instance } from '../reconciler/contracts/host.ts';
import { scopeOf } from '../reconciler/contracts/scope.ts';
import { type Link, SELVAGE_PROTOCOL } from '../reconciler/kinds/index.ts';
import { contextOf, Ownership } from '../reconciler/plan/ownership.ts';

export interface PathsSeen {
  /** Our own vxlan devices. */
  links: Link[];
  backends: Backend[];
}

/** Undefined if not everything could be listed. `isDirectNamed`: a lease names host-gw, so that routes (there may be many) tell something. */
export async function lookForPaths(
  driver: Driver,
  instance: Instance,
  interest: Interest,
  isDirectNamed: boolean,
): Promise<PathsSeen | undefined> {
  const scope = scopeOf({ kinds: isDirectNamed ? ['link', 'address', 'route'] : ['link', 'address'] });
  const { haves, complete } = await driver.list(scope, interest);
  if (!complete) return undefined;
  const ownership = new Ownership({ instance, desired: new Map(), ...contextOf(haves, true) });
  const links = haves.filter((have): have is Link => have.kind === 'link' && ownership.ownsDevice(have.name));
  const backends = links.flatMap((link) => vxlanOptionsOf(link) ?? []).map((options) => vxlanBackend(options));
  const isDirect = haves.some(
    (have) =>
      have.kind === 'route' &&
      have.protocol === SELVAGE_PROTOCOL &&
      have.dev === interest.uplink &&
      ownership.ownerOf(have) === 'ours',
  );
  return { links, backends: isDirect ? [...backends, hostGwBackend] : backends };
}
