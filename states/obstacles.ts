/**
 * Owns the look before a first lease: what would keep this host from making its devices (somebody's device, a socket on their port). A lease
 * says to all others that this host is reached there, so that none is taken until nothing stands in the way.
 */
import type { Driver } from '../reconciler/contracts/driver.ts';
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import { scopeOf } from '../reconciler/contracts/scope.ts';
import type { Desired } from '../reconciler/desired/desired.ts';
import { idOf } from '../reconciler/kinds/index.ts';
import { noRetries } from '../reconciler/plan/hold.ts';
import { contextOf } from '../reconciler/plan/ownership.ts';
import { makePlan } from '../reconciler/plan/plan.ts';
import { listScope } from './host-listing.ts';

/** `desired`: as it would be with any lease. What can't be listed stands in nobody's way: the round will say it. */
export async function obstaclesOf(drivers: readonly Driver[], desired: Desired): Promise<HeldEntry[]> {
  const links = desired.deviceWants.filter(({ kind }) => kind === 'link');
  if (links.length === 0) return [];
  const { instance, host } = desired.context;
  const interest = desired.interest();
  const seen = await listScope(drivers, scopeOf({ kinds: ['link'] }), interest);
  const names = seen.haves.flatMap((have) => (have.kind === 'link' && have.tunnel ? have.name : []));
  const devices = [...new Set([...interest.devices, ...names])];
  const addresses = await listScope(drivers, scopeOf({ kinds: ['address'] }), { ...interest, devices });
  if (!seen.complete || !addresses.complete) return [];
  const haves = [...seen.haves, ...addresses.haves];
  const wants = new Map(links.map((want) => [idOf(want), want]));
  const { held } = makePlan({
    wants,
    desired: wants,
    haves,
    unread: seen.unread,
    desiredComplete: false,
    scopeComplete: true,
    instance,
    ...contextOf(haves, true),
    nexthopObjects: host.nexthopObjects,
    retry: noRetries,
  });
  return held.filter(({ unmet, why }) => unmet && why !== 'waiting');
}
