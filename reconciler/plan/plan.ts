/**
 * Owns the plan: desired × observed → the smallest set of changes, in order, and what is held and why. Pure; carried out by states/.
 *
 * - In sync is what equals its Want, whoever made it. Ours is updated in place; a foreign object in the way is held, never overwritten.
 * - Deleted is only what is ours, what nothing in all of desired state names, and only with complete knowledge (gates.ts).
 * - A scope narrows where the plan looks, never what it concludes: a Have outside `wants` but in `desired` is wanted.
 * - Carried out as it is, the plan leads to a state for which the next plan is empty, but for what is held.
 */

import { type Change, resourceOf } from '../contracts/driver.ts';
import type { HeldEntry } from '../contracts/report.ts';
import {
  compare,
  goesThrough,
  type Have,
  idOf,
  keyOf,
  mustRecreate,
  type Nexthop,
  parentOf,
  type Route,
  rulesOf,
  type Want,
} from '../kinds/index.ts';
import * as conflict from './conflict.ts';
import { Devices } from './device-plan.ts';
import { mayDelete } from './gates.ts';
import { type Observed, observe } from './match.ts';
import { type Step, StepBuilder } from './order.ts';
import { Ownership } from './ownership.ts';
import type { PlanInput } from './plan-input.ts';
import { chooseForm, isPlainAndRight, type NexthopSlot, plainRoute, type RouteForm } from './route-form.ts';
import { planStale } from './stale.ts';

export interface Plan {
  /** To be carried out one after the other; none is empty. */
  steps: Step[];
  held: HeldEntry[];
  /** Wants that are as they should be. */
  inSync: number;
  /** Wants that wait for something that is held; not in `held` themselves. */
  blocked: number;
}

export const changesOf = (plan: Plan): Change[] => plan.steps.flatMap((step) => step.changes);

export function makePlan(input: PlanInput): Plan {
  return new Planner(input).plan();
}

class Planner {
  readonly #input: PlanInput;
  readonly #ownership: Ownership;
  readonly #observed: Observed;
  readonly #devices: Devices;
  readonly #steps = new StepBuilder();
  readonly #held: HeldEntry[] = [];
  /** Ids of nexthop objects that their routes do without. */
  readonly #unneeded = new Set<number>();
  /** Nexthop objects that are made anew; the kernel drops their routes. */
  readonly #recreated = new Set<number>();
  /** What a thing that has to stay as it is for now stands on. */
  readonly #inUse = { devices: new Set<string>(), nexthops: new Set<number>(), entries: new Set<string>() };
  readonly #mayDelete: boolean;
  #inSync = 0;
  #blocked = 0;

  constructor(input: PlanInput) {
    this.#input = input;
    this.#ownership = new Ownership(input);
    this.#observed = observe(input.haves, input.wants, input.desired, this.#ownership);
    this.#mayDelete = mayDelete(input);
    this.#devices = new Devices({
      ownership: this.#ownership,
      context: input,
      mayDelete: this.#mayDelete,
      offer: (change) => this.#offer(change),
      hold: (entry) => this.#held.push(entry),
    });
  }

  plan(): Plan {
    // With their ids, so that tens of thousands need not be put together again.
    const nexthops: [string, Nexthop][] = [];
    const routes: [string, Route][] = [];
    const first = (id: string, want: Want): void => {
      if (want.kind === 'link') this.#devices.stateOf(want.name);
      else if (want.kind === 'nexthop') nexthops.push([id, want]);
      else if (want.kind === 'route') routes.push([id, want]);
      else this.#decide(id, want, this.#current(want));
    };
    for (const [id, want] of this.#input.wants) first(id, want);
    for (const want of this.#observed.more) first(idOf(want), want);

    // A route's form decides whether its nexthop object is wanted; a nexthop object that is made anew takes its routes with it.
    for (const [, want] of nexthops) this.#findRecreated(want);
    for (const [id, want] of routes) this.#decideRoute(id, want);
    for (const [id, want] of nexthops) if (!this.#unneeded.has(want.id)) this.#decide(id, want, this.#current(want));

    planStale({
      input: this.#input,
      ownership: this.#ownership,
      observed: this.#observed,
      mayDelete: this.#mayDelete,
      unneeded: this.#unneeded,
      inUse: this.#inUse,
      isVoid: (dev) => this.#devices.stateOf(dev) === 'void',
      isGone: (have) => this.#isGone(have),
      offer: (change) => this.#offer(change),
      hold: (entry) => this.#held.push(entry),
    });
    const inSync = this.#inSync + this.#devices.inSync;
    return { steps: this.#steps.steps(), held: this.#held, inSync, blocked: this.#blocked };
  }

  /** Plans a change unless it has to wait for its next try. */
  #offer(change: Change): boolean {
    const hold = this.#input.retry.empty ? undefined : this.#input.retry.holds(change);
    const resource = resourceOf(change);
    if (!hold) {
      this.#steps.add(resource.kind, change);
      return true;
    }
    const { why, detail } = hold;
    this.#held.push({ kind: resource.kind, key: keyOf(resource), why, detail, unmet: change.op !== 'delete' });
    return false;
  }

  /** What is in the slot of a Want once the links' step has been carried out. */
  #current<W extends Want>(want: W): Have | undefined {
    const have = this.#observed.effective.get(want);
    return have === undefined || this.#isGone(have) ? undefined : have;
  }

  #isGone(have: Have): boolean {
    let dev = parentOf(have);
    if (dev === undefined) return false;
    // Without nexthop_compat_mode the kernel doesn't say which device a route on a nexthop object uses.
    if (have.kind === 'route' && dev === '') dev = this.#observed.nexthops.get(have.nexthopId)?.dev ?? '';
    const state = this.#devices.stateOf(dev);
    return state === 'void' || (state === 'flushed' && rulesOf(have.kind).goesWithMac);
  }

  #decide(id: string, want: Want, have: Have | undefined): void {
    if (have === undefined) {
      const unread = this.#input.unread?.get(id);
      if (unread !== undefined) this.#held.push(conflict.unreadable(want, unread));
      else if (this.#isBlocked(want)) this.#blocked++;
      else this.#offer({ op: 'create', id, reason: 'missing', want });
      return;
    }
    const remark = rulesOf(want.kind).remark?.(want, have);
    if (remark) this.#held.push(conflict.remarkOn(want, remark.why, remark.detail));
    const fields = compare(want, have);
    if (fields.length === 0) this.#inSync++;
    else if (this.#isBlocked(want)) {
      this.#blocked++;
      this.#leave(have);
    } else this.#update(want, have, fields);
  }

  #update(want: Want, have: Have, fields: readonly string[]): void {
    if (this.#ownership.ownerOf(have) === 'foreign') {
      this.#held.push(conflict.foreignObject(want, have));
      this.#leave(have);
      return;
    }
    const change = updateOf(want, have, fields);
    // A replace hits the first route of a slot, and who knows whether that one was listed.
    const mayMiss = want.kind === 'route' && !this.#input.scopeComplete;
    if (mayMiss || (change.recreate && !this.#mayDelete)) {
      this.#held.push(mayMiss ? conflict.replaceWaits(want) : conflict.recreateWaits(want, fields));
      this.#leave(have);
    } else if (!this.#offer(change)) this.#leave(have);
  }

  #isBlocked(want: Want): boolean {
    const dev = parentOf(want);
    return dev !== undefined && this.#devices.stateOf(dev) === 'blocked';
  }

  /** A Have that isn't as it should be and stays for now: what it goes through stays too. */
  #leave(have: Have): void {
    const dev = parentOf(have);
    if (dev === undefined) return;
    if (dev !== '') this.#inUse.devices.add(dev);
    if (have.kind === 'route' && have.nexthopId !== 0) this.#inUse.nexthops.add(have.nexthopId);
    const through = goesThrough(have);
    if (through !== undefined) this.#inUse.entries.add(through);
  }

  #findRecreated(want: Nexthop): void {
    const have = this.#observed.nexthops.get(want.id);
    if (have === undefined || have.plain === want.plain || !this.#mayDelete || this.#isBlocked(want)) return;
    const change = this.#nexthopChange(want, have);
    if (this.#ownership.ownerOf(have) === 'ours' && !this.#input.retry.holds(change)) this.#recreated.add(want.id);
  }

  #decideRoute(id: string, want: Route): void {
    this.#settleDuplicates(want);
    const have = this.#current(want) as Route | undefined;
    if (want.nexthopId === 0 || this.#formOf(want, have) === 'nexthop') {
      // A replace also makes what the kernel has dropped with the old object.
      if (have?.nexthopId === want.nexthopId && this.#recreated.has(want.nexthopId))
        this.#update(want, have, ['nexthopId']);
      else this.#decide(id, want, have);
      return;
    }
    this.#unneeded.add(want.nexthopId);
    if (have !== undefined && isPlainAndRight(want, have)) this.#inSync++;
    else this.#decide(id, plainRoute(want), have);
  }

  #formOf(want: Route, have: Route | undefined): RouteForm {
    // A route that can't be made, because its slot is taken, needs no nexthop object.
    const mayBeTaken = have !== undefined && have.nexthopId !== want.nexthopId;
    if (mayBeTaken && this.#ownership.ownerOf(have) === 'foreign') return 'plain';
    return chooseForm(want, have, {
      slot: () => this.#slotOf(want),
      prefersPlain: () => this.#input.prefersPlain?.(want) ?? false,
      isObjectRight: () => this.#isObjectRight(want),
    });
  }

  #isObjectRight(route: Route): boolean {
    const have = this.#observed.nexthops.get(route.nexthopId);
    const want = this.#input.desired.get(`nexthop ${route.nexthopId}`);
    if (have === undefined || want === undefined || this.#isGone(have)) return false;
    return compare(want, have).length === 0;
  }

  /** Whether the nexthop object that a route prefers can be had. */
  #slotOf(route: Route): NexthopSlot {
    const { retry, desired, nexthopObjects } = this.#input;
    if (!nexthopObjects) return 'unsupported';
    const have = this.#observed.nexthops.get(route.nexthopId);
    // The usual cases, without a look-up: it is ours to make or to change.
    if (retry.empty && (have === undefined || (have.plain && this.#ownership.ownerOf(have) === 'ours')))
      return 'usable';
    const want = desired.get(`nexthop ${route.nexthopId}`);
    if (want?.kind !== 'nexthop') return 'usable';

    const change = this.#nexthopChange(want, have === undefined || this.#isGone(have) ? undefined : have);
    if (change.op === 'update') {
      if (change.fields.length === 0) return 'usable';
      if (this.#ownership.ownerOf(change.have) === 'foreign') {
        this.#held.push(conflict.nexthopIdTaken(want, change.have as Nexthop, route));
        return 'foreign';
      }
      if (change.recreate && !this.#mayDelete) return 'held';
    }
    return !retry.empty && retry.holds(change) ? 'held' : 'usable';
  }

  #nexthopChange(want: Nexthop, have: Nexthop | undefined): Change & { op: 'create' | 'update' } {
    if (have === undefined) return { op: 'create', id: idOf(want), reason: 'missing', want };
    return updateOf(want, have, compare(want, have));
  }

  /**
   * The kernel takes several routes for one slot (`ip route append`) and uses the first. If one behind is right and all before it are
   * ours, those go, which uncovers it: replacing the first by what stands behind it already would be refused (fib_trie.c: EEXIST).
   */
  #settleDuplicates(want: Route): void {
    const there = this.#observed.duplicates.get(want)?.filter((have) => !this.#isGone(have)) as Route[] | undefined;
    if (there === undefined || there.length === 0) return;
    const right = this.#mayDelete ? there.findIndex((have) => this.#isRight(want, have)) : 0;
    const before = there.slice(0, Math.max(0, right));
    const uncover = before.every((have) => this.#ownership.ownerOf(have) === 'ours');
    const effective = there[uncover ? Math.max(0, right) : 0]!;
    this.#observed.effective.set(want, effective);
    if (!this.#mayDelete) return;
    // Behind somebody else's it is needed the moment that one goes.
    const waiting =
      this.#ownership.ownerOf(effective) === 'foreign' ? there.find((have) => this.#isRight(want, have)) : undefined;
    if (waiting) this.#leave(waiting);
    for (const have of there) {
      if (have === effective || have === waiting || this.#ownership.ownerOf(have) !== 'ours') continue;
      this.#offer({ op: 'delete', id: idOf(have), reason: 'duplicate', have });
    }
  }

  #isRight(want: Route, have: Route): boolean {
    if (isPlainAndRight(want, have)) return true;
    if (want.nexthopId === 0 || compare(want, have).length > 0) return false;
    const nexthop = this.#observed.nexthops.get(want.nexthopId);
    return nexthop !== undefined && this.#ownership.ownerOf(nexthop) === 'ours';
  }
}

function updateOf(want: Want, have: Have, fields: readonly string[]): Change & { op: 'update' } {
  const reason = `differs: ${fields.join(', ')}`;
  const recreate = mustRecreate(want.kind, fields);
  return { op: 'update', id: idOf(want), reason, want, have, fields: [...fields], recreate };
}
