/**
 * Owns one round over a single driver, as states/round.ts carries it out over several: list → plan → links' step → list and plan again →
 * what is made → list → verify → what is deleted → list → verify. Written out plainly, so that the plan's properties don't hang on the machine around it.
 */

import type { Change, Driver, Interest, Outcome } from '../../reconciler/contracts/driver.ts';
import type { Instance } from '../../reconciler/contracts/host.ts';
import { everything, type Scope, scopeOf } from '../../reconciler/contracts/scope.ts';
import { linkOf, splitId, type Want } from '../../reconciler/kinds/index.ts';
import { Blockage } from '../../reconciler/plan/blockage.ts';
import { closeScope } from '../../reconciler/plan/close-scope.ts';
import { noRetries, type RetryView } from '../../reconciler/plan/hold.ts';
import type { Step } from '../../reconciler/plan/order.ts';
import { contextOf, ownDevices } from '../../reconciler/plan/ownership.ts';
import { changesOf, makePlan, type Plan } from '../../reconciler/plan/plan.ts';
import type { PlanInput } from '../../reconciler/plan/plan-input.ts';
import { verify } from '../../reconciler/plan/verify.ts';

export interface RoundOptions {
  driver: Driver;
  instance: Instance;
  desired: ReadonlyMap<string, Want>;
  uplink?: string;
  scope?: Scope;
  desiredComplete?: boolean;
  nexthopObjects?: boolean;
  retry?: RetryView;
  keepStale?: PlanInput['keepStale'];
  /** False: the plan is carried out as it is, without a second look after the links' step. */
  lookAgain?: boolean;
  /** Reorders the changes of a step. */
  shuffle?: (changes: Change[]) => Change[];
}

export interface RoundResult {
  /** As the first listing shows it, before any change. */
  plan: Plan;
  outcomes: Outcome[];
}

export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const { driver, instance, desired } = options;
  const scope = closeScope(withPeers(options.scope ?? everything(), desired));
  const plan = await planOf(options, scope);

  const outcomes: Outcome[] = [];
  const blockage = new Blockage(changesOf(plan));
  const carryOut = async (steps: readonly Step[]): Promise<void> => {
    for (const step of steps) {
      const changes = options.shuffle ? options.shuffle(step.changes) : step.changes;
      const free: Change[] = [];
      const results: Outcome[] = [];
      for (const change of changes) {
        if (blockage.by(change) === undefined) free.push(change);
        else results.push({ change, result: 'blocked' });
      }
      results.push(...(await driver.apply(free)));
      for (const outcome of results) blockage.note(outcome);
      outcomes.push(...results);
    }
  };

  const linkSteps = plan.steps.filter((step) => step.kind === 'link' && step.direction === 'up');
  let rest = plan.steps;
  if (linkSteps.length > 0 && options.lookAgain !== false) {
    await carryOut(linkSteps);
    const tried = new Set(outcomes.map(({ change }) => change.id));
    const links = [...tried].map((id) => splitId(id).key);
    const wider = closeScope(scopeOf({ ...scope, links: [...scope.links, ...links] }));
    const again = await planOf(options, wider);
    rest = again.steps.map((step) => ({ ...step, changes: step.changes.filter((change) => !tried.has(change.id)) }));
  }
  rest = rest.filter((step) => step.changes.length > 0);
  const proven = async (): Promise<Outcome[]> => {
    const interest = await interestOf({ driver, instance, desired, uplink: options.uplink });
    const after = await driver.list(everything(), interest);
    return after.complete ? verify(outcomes, after.haves) : outcomes;
  };
  await carryOut(rest.filter(({ direction }) => direction === 'up'));
  const down = rest.filter(({ direction }) => direction === 'down');
  if (down.length > 0) {
    outcomes.splice(0, Infinity, ...(await proven()));
    for (const outcome of outcomes) blockage.note(outcome);
    await carryOut(down);
  }
  return { plan, outcomes: await proven() };
}

/** What the plan would be now. */
export async function planOf(options: RoundOptions, scope: Scope = everything()): Promise<Plan> {
  const { driver, instance, desired } = options;
  const interest = await interestOf(options);
  const listing = await driver.list(scope, interest);
  const devices = await driver.list(scopeOf({ kinds: ['link', 'address'] }), interest);
  return makePlan({
    instance,
    desired,
    wants: wantsIn(scope, desired),
    haves: listing.haves,
    ...contextOf(devices.haves, devices.complete),
    scopeComplete: listing.complete && devices.complete,
    desiredComplete: options.desiredComplete ?? true,
    nexthopObjects: options.nexthopObjects ?? true,
    retry: options.retry ?? noRetries,
    keepStale: options.keepStale,
  });
}

/** Whether a round has left nothing to do but what is held. */
export const isEmptyPlan = (plan: Plan): boolean => changesOf(plan).length === 0;

type InterestOf = Pick<RoundOptions, 'driver' | 'instance' | 'desired' | 'uplink'>;

async function interestOf({ driver, instance, desired, uplink = 'eth0' }: InterestOf): Promise<Interest> {
  const interest: Interest = { networks: instance.networks, devices: [], uplink, files: [instance.subnetFile] };
  for (const want of desired.values()) if (want.kind === 'link') interest.devices.push(want.name);
  const { haves, complete } = await driver.list(scopeOf({ kinds: ['link', 'address'] }), interest);
  return { ...interest, devices: ownDevices({ instance, desired, ...contextOf(haves, complete) }) };
}

/** Ids of one peer's Wants stand for all of them, as in Desired.expandScope. */
function withPeers(scope: Scope, desired: ReadonlyMap<string, Want>): Scope {
  const wider = scopeOf(scope);
  for (const [id, want] of desired) {
    if (want.kind !== 'route' || want.nexthopId === 0) continue;
    const both = [id, `nexthop ${want.nexthopId}`];
    if (both.some((one) => scope.ids.has(one))) for (const one of both) wider.ids.add(one);
  }
  return wider;
}

/** As Desired.restrict. */
function wantsIn(scope: Scope, desired: ReadonlyMap<string, Want>): ReadonlyMap<string, Want> {
  if (scope.all) return desired;
  const inside = (id: string, want: Want): boolean =>
    scope.ids.has(id) || scope.kinds.has(want.kind) || scope.links.has(linkOf(want) ?? '');
  return new Map([...desired].filter(([id, want]) => inside(id, want)));
}
