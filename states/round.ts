/**
 * Owns one round: read → plan → apply → verify, over drivers that it is given. It decides nothing: plan.ts does, and verify.ts judges.
 *
 * - It takes its scope at the start and looks nowhere else; what comes in meanwhile is the next round's.
 * - A change of a link in place may take what is under it along, so after such a step the rest is listed and planned again.
 * - Nothing that a driver or the kernel answers makes it throw but a driver that can't list at all: then nothing was written.
 */

import { parseCidr } from '../config/ipv4.ts';
import {
  type Care,
  type Change,
  type Driver,
  type Interest,
  isMade,
  type Listing,
  type Outcome,
} from '../reconciler/contracts/driver.ts';
import type { Instance } from '../reconciler/contracts/host.ts';
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import { emptyScope, everything, mergeScope, type Scope, scopeOf, scopeOfIds } from '../reconciler/contracts/scope.ts';
import type { Desired } from '../reconciler/desired/desired.ts';
import { networksLeft } from '../reconciler/desired/left-behind.ts';
import { compare, type Have, idOf, linkOf, mustRecreate, splitId, type Want } from '../reconciler/kinds/index.ts';
import { closeScope } from '../reconciler/plan/close-scope.ts';
import type { KeepStale } from '../reconciler/plan/gates.ts';
import type { RetryView } from '../reconciler/plan/hold.ts';
import type { Step } from '../reconciler/plan/order.ts';
import { contextOf } from '../reconciler/plan/ownership.ts';
import { changesOf, makePlan, type Plan } from '../reconciler/plan/plan.ts';
import { MISMATCH, verify } from '../reconciler/plan/verify.ts';
import { carryOut } from './carry-out.ts';
import { listEverything, listScope } from './host-listing.ts';

interface RoundInput {
  scope: Scope;
  drivers: readonly Driver[];
  desired: Desired;
  /** Whether the store is heard and nothing of desired state is missing: only then may anything be deleted. */
  desiredComplete: boolean;
  instance: Instance;
  nexthopObjects: boolean;
  retry: RetryView;
  /** Made from what was read; says of a Have that it stays although nobody wants it. */
  keepStale(haves: readonly Have[]): KeepStale;
  /** True with --keep-stale: what nobody wants is reported and stays. */
  reportStale: boolean;
}

export class Round {
  /** What was found to differ, before any repair. */
  drift: Change[] = [];
  outcomes: Outcome[] = [];
  held: HeldEntry[] = [];
  listingComplete = true;
  /** Becomes everything if a device has to be made: whether its VNI and port are free is seen from all devices only. */
  scope: Scope;
  readonly #input: RoundInput;
  #interest: Interest;
  #haves: Have[] = [];
  #unread: Listing['unread'];
  #plan: Plan | undefined;
  /** What was made may then be more than what was planned first. */
  #isPlannedTwice = false;

  constructor(input: RoundInput) {
    this.#input = input;
    this.scope = complete(input.scope, input.desired);
    this.#interest = input.desired.interest();
    input.desired.beginRound();
  }

  /** The devices that this round found to be ours: what the watches have to look at from now on. */
  get interest(): Interest {
    return this.#interest;
  }

  get desired(): Desired {
    return this.#input.desired;
  }

  /** Whether this round has looked at everything and found, or made, the devices as they should be. */
  get isBuilt(): boolean {
    if (!this.scope.all || !this.listingComplete) return false;
    const devices = new Set(this.#input.desired.deviceWants.map(idOf));
    return (
      !this.outcomes.some((outcome) => devices.has(outcome.change.id) && !isMade(outcome)) &&
      !this.held.some(({ kind, key }) => devices.has(`${kind} ${key}`))
    );
  }

  /** Which of these networks may have something of ours left in them. */
  left(networks: readonly string[]): readonly string[] {
    if (!this.scope.all || !this.listingComplete || networks.length === 0) return networks;
    const gone = new Set(
      this.outcomes
        .filter((outcome) => outcome.change.op === 'delete' && isMade(outcome))
        .map(({ change }) => change.id),
    );
    const haves = this.#haves.filter((have) => !gone.has(idOf(have)) && !gone.has(`link ${linkOf(have)}`));
    return networksLeft(networks, this.desired.context.config.network, haves, this.#input.instance);
  }

  /** It has taken something away that cut this host off: what it waits for may answer now. */
  get isFreed(): boolean {
    return this.outcomes.some(({ change, result }) => {
      if (result !== 'done' || change.op !== 'delete' || change.have.kind !== 'route') return false;
      const range = parseCidr(change.have.dst);
      return range !== undefined && this.desired.cutsOff(range);
    });
  }

  /** Of what is held because of somebody else's route: the device that this one is on, by id. */
  get inTheWay(): Map<string, string> {
    const held = new Set(this.held.map(({ kind, key }) => `${kind} ${key}`));
    const on = new Map<string, string>();
    if (held.size === 0) return on;
    for (const have of this.#haves) {
      if (have.kind === 'route' && have.dev !== '' && held.has(idOf(have))) on.set(idOf(have), have.dev);
    }
    return on;
  }

  async read(): Promise<void> {
    let listed = await this.#list(this.scope);
    if (!this.scope.all && (this.#makesDevice(listed.haves) || this.#isUnsure(listed.haves))) {
      this.scope = everything();
      listed = await this.#list(this.scope);
    }
    this.#haves = listed.haves;
    this.#unread = listed.unread;
    this.listingComplete = listed.complete;
    if (listed.problem !== undefined) {
      this.held.push({ kind: 'link', key: '*', why: 'incomplete listing', detail: listed.problem, unmet: false });
    }
  }

  plan(): number {
    this.#plan = this.#makePlan(this.scope, this.#haves, this.listingComplete);
    this.drift = changesOf(this.#plan);
    this.held.push(...this.#plan.held);
    return this.drift.length;
  }

  /** The same listing against what should be by now. */
  planAgain(): number {
    this.held = this.held.filter((entry) => !this.#plan?.held.includes(entry));
    return this.plan();
  }

  /** Carries the plan out. One outcome a change. */
  async apply(): Promise<void> {
    let steps = this.#plan?.steps ?? [];
    const linkSteps = steps.filter((step) => step.kind === 'link' && step.direction === 'up');
    if (linkSteps.length) {
      await this.#carryOut(linkSteps);
      const links = this.outcomes.filter(isSurprising).map(({ change }) => splitId(change.id).key);
      steps = links.length ? await this.#planAgain(links) : steps.filter((step) => !linkSteps.includes(step));
    }
    const down = steps.filter(({ direction }) => direction === 'down');
    await this.#carryOut(steps.filter(({ direction }) => direction === 'up'));
    // An old way goes only when the new one is proven, and not on the kernel's word that it is there.
    if (down.length > 0) await this.verify();
    await this.#carryOut(down);
    if (this.#isPlannedTwice) this.#addDrift();
  }

  /** A key that the second plan no longer names has come right by itself. */
  #addDrift(): void {
    const known = new Set(this.drift.map((change) => change.id));
    this.drift.push(...this.outcomes.map(({ change }) => change).filter((change) => !known.has(change.id)));
  }

  /** Lists again what was touched; what isn't as it should be has failed. */
  async verify(): Promise<void> {
    const ids: string[] = [];
    // A quick listing may overlook things: then nothing is proven gone by it.
    let care: Care = 'quick';
    for (const { change } of this.outcomes.filter(isMade)) {
      ids.push(change.id);
      if (change.op === 'delete') care = 'steady';
    }
    if (ids.length === 0) return;
    const scope = withDevices(scopeOfIds(ids), this.#input.desired);
    let verified = await this.#readBack(scope, care);
    if (care === 'quick' && verified.some(isUnproven)) verified = await this.#readBack(scope, 'steady');
    this.outcomes = verified;
  }

  async #readBack(scope: Scope, care: Care): Promise<Outcome[]> {
    const { haves, complete } = await this.#list(scope, care);
    return complete ? verify(this.outcomes, haves) : this.outcomes;
  }

  #makesDevice(haves: readonly Have[]): boolean {
    const { backend, context } = this.#input.desired;
    const links = new Map(haves.flatMap((have) => (have.kind === 'link' ? [[have.name, have]] : [])));
    return (backend?.device(context) ?? []).some((want) => {
      if (want.kind !== 'link') return false;
      const have = links.get(want.name);
      return !have || mustRecreate('link', compare(want, have));
    });
  }

  /** Whose a wanted device without a mark is, its addresses tell: all of them, which only a whole listing has. */
  #isUnsure(haves: readonly Have[]): boolean {
    const addressed = new Set(haves.flatMap((have) => (have.kind === 'address' ? have.dev : [])));
    return haves.some(
      (have) =>
        have.kind === 'link' && !have.alias && !addressed.has(have.name) && this.#input.desired.wants.has(idOf(have)),
    );
  }

  async #planAgain(links: string[]): Promise<Step[]> {
    this.#isPlannedTwice = true;
    const scope = complete(mergeScope(scopeOf({ links }), this.scope), this.#input.desired);
    const again = await this.#list(scope);
    const plan = this.#makePlan(scope, again.haves, again.complete && this.listingComplete);
    this.held = [...this.held.filter((entry) => !this.#plan?.held.includes(entry)), ...plan.held];
    const tried = new Set(this.outcomes.map(({ change }) => change.id));
    return plan.steps
      .map((step) => ({ ...step, changes: step.changes.filter((change) => !tried.has(change.id)) }))
      .filter((step) => step.changes.length);
  }

  async #carryOut(steps: readonly Step[]): Promise<void> {
    this.outcomes.push(...(await carryOut(this.#input.drivers, steps, this.outcomes)));
  }

  #makePlan(scope: Scope, listed: readonly Have[], scopeComplete: boolean): Plan {
    const { desired, desiredComplete, instance, nexthopObjects, retry, keepStale } = this.#input;
    const { wants, haves } = this.#settled(scope, listed);
    return makePlan({
      wants,
      desired: desired.wants,
      haves,
      unread: this.#unread,
      desiredComplete,
      scopeComplete,
      instance,
      ...contextOf(haves, scopeComplete && (scope.all || scope.kinds.has('address'))),
      nexthopObjects,
      retry,
      keepStale: keepStale(haves),
      reportStale: this.#input.reportStale,
      isFlannels: (route) => desired.isFlannels(route),
      prefersPlain: (route) => desired.prefersPlain(route),
      cutsOff: (range) => desired.cutsOff(range),
    });
  }

  /**
   * Without all that is wanted, or there, for a peer whose lease has changed since this round looked: it may not have looked at the whole of that
   * peer, and a route moved without its FDB entry loses packets. The next round does.
   */
  #settled(scope: Scope, haves: readonly Have[]): { wants: ReadonlyMap<string, Want>; haves: readonly Have[] } {
    const { desired } = this.#input;
    const wants = desired.restrict(scope);
    if (scope.all || !desired.hasNews) return { wants, haves };
    return {
      wants: new Map([...wants].filter(([id]) => !desired.isNews(id))),
      haves: haves.filter((have) => !desired.isNews(idOf(have))),
    };
  }

  async #list(scope: Scope, care?: Care): Promise<Listing> {
    const { drivers, desired, instance } = this.#input;
    if (!scope.all) return listScope(drivers, scope, this.#interest, care);
    const { interest, ...listing } = await listEverything(drivers, this.#interest, {
      instance,
      desired: desired.wants,
    });
    this.#interest = interest;
    return listing;
  }
}

/** Said to be done, and not found by the read-back. */
const isUnproven = ({ failure }: Outcome): boolean => failure?.code === MISMATCH;

/** What is under a device that was just made is known, and planned: nothing. Any other change of a link may have taken along what it likes. */
const isSurprising = ({ change, result }: Outcome): boolean =>
  result !== 'done' || (change.op === 'update' && !change.recreate);

/** All that has to be looked at together with `scope`: peers as a whole, what stands on a link, and the devices. */
const complete = (scope: Scope, desired: Desired): Scope =>
  withDevices(closeScope(desired.expandScope(scope)), desired);

/** Whose a thing is, is decided from its device, so that the wanted devices and their addresses are always read too. */
function withDevices(scope: Scope, desired: Desired): Scope {
  if (scope.all) return scope;
  const wider = mergeScope(emptyScope(), scope);
  for (const want of desired.deviceWants) wider.ids.add(idOf(want));
  return wider;
}
