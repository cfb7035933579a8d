/** Owns how the unit tests of the plan ask for one: a complete round over a small network, with only what matters said. */

import type { Have, Link, Resource, Want } from '../../reconciler/kinds/index.ts';
import { noRetries } from '../../reconciler/plan/hold.ts';
import { contextOf, type OwnershipContext } from '../../reconciler/plan/ownership.ts';
import { changesOf, makePlan, type Plan } from '../../reconciler/plan/plan.ts';
import type { PlanInput } from '../../reconciler/plan/plan-input.ts';
import { byId, instanceOf, linkWant, type Overlay, overlayOf, peersOf, wantsOf } from './wants.ts';

export const INSTANCE = instanceOf('/coreos.com/network', '10.5.0.0/16', '/run/flannel/subnet.env');

/** One own device and `count` peers from 10.5.2.0/24 on. */
export const overlayWith = (count: number, parts: Partial<Overlay> = {}): Overlay =>
  overlayOf({ instance: INSTANCE, peers: peersOf(count), ...parts });

/** What a host has that is as it should be. */
export const observedOf = (overlay: Overlay): Have[] => [...wantsOf(overlay).values()].map(observed);

export function observed(want: Want): Have {
  const have = structuredClone(want);
  if (have.kind === 'link' && have.tunnel?.type === 'vxlan') have.tunnel.port ||= 8472;
  return have;
}

export const deviceOf = (overlay: Overlay): Link => observed(linkWant(overlay)) as Link;

export function contextFor(haves: readonly Have[], desired: ReadonlyMap<string, Want> = new Map()): OwnershipContext {
  return { instance: INSTANCE, desired, ...contextOf(haves, true) };
}

export function planFor(wanted: Iterable<Resource>, haves: readonly Have[], parts: Partial<PlanInput> = {}): Plan {
  const desired = byId(wanted);
  return makePlan({
    ...contextFor(haves, desired),
    wants: desired,
    haves,
    scopeComplete: true,
    desiredComplete: true,
    nexthopObjects: true,
    retry: noRetries,
    ...parts,
  });
}

/** "create route 254|10.5.2.0/24|0|0" of each change, in the order of the plan. */
export const deedsOf = (plan: Plan): string[] => changesOf(plan).map(({ op, id }) => `${op} ${id}`);
