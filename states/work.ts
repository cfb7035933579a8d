/**
 * Owns the work region: what wakes it, one round at a time, and what falls due though nothing happens. The round itself is round.ts.
 *
 * - What is dirty is the only thing that edges leave behind; a round takes all of it and clears it first.
 * - Nothing is deleted while the store can't be heard.
 */
import type { Change, Interest } from '../reconciler/contracts/driver.ts';
import type { DriftEntry, Report } from '../reconciler/contracts/report.ts';
import { everything, mergeScope, type Scope, scopeOf } from '../reconciler/contracts/scope.ts';
import type { Waker } from '../reconciler/contracts/status.ts';
import type { Want } from '../reconciler/kinds/index.ts';
import { keepSubnets } from '../reconciler/plan/gates.ts';
import { Retry, type Wait } from '../reconciler/plan/retry.ts';
import type { Companion } from './companion.ts';
import { decideAll } from './companions.ts';
import { type Due, DueTimes } from './due-times.ts';
import type { Send } from './events.ts';
import { describeScope, reportOf } from './report-of.ts';
import { Round } from './round.ts';
import type { RoundServices } from './round-services.ts';
import type { Shared } from './shared.ts';
import type { StoreFollower } from './store-follower.ts';

/** How soon a listing that could not be completed is tried again, ms. */
const RELIST_MS = 1000;

interface RoundInHand {
  round: Round;
  /** When it began, ms since the epoch. */
  at: number;
  /** The companions that looked in it. */
  looked: readonly Companion[];
}

export class Work implements RoundServices {
  readonly #shared: Shared;
  readonly #store: StoreFollower;
  readonly #retry = new Retry();
  readonly #dueTimes = new DueTimes();
  /** What is counted by the clock that nobody sets. */
  readonly #dueWaits = new DueTimes();
  #inHand: RoundInHand | undefined;
  /** Ours, as the last round found them. */
  #devices: readonly string[] = [];
  /** When a listing that was not complete is tried again, ms by the steady clock. */
  #relistAt: number | undefined;
  #onFirstRound: (() => void) | undefined;

  constructor(shared: Shared, store: StoreFollower, onFirstRound: (() => void) | undefined) {
    this.#shared = shared;
    this.#store = store;
    this.#onFirstRound = onFirstRound;
  }

  // ---- what wakes ----

  watchHost(send: Send): () => void {
    const { watches, companions, history } = this.#shared;
    this.#shared.sendTo(send);
    const emitAs = (by: Waker) => (scope: Scope) => {
      history.woken(by);
      this.#edge(scope, send);
    };
    const stops = [watches.start(emitAs('host'), () => this.#interest), companions.watch(emitAs('companion'))];
    return () => {
      for (const stop of stops) stop();
    };
  }

  get #interest(): Interest {
    const { state, companions, heldMemory } = this.#shared;
    const wanted = state.interest;
    const uplink = state.host.problem === undefined ? wanted.uplink : '';
    const devices = [...new Set([...wanted.devices, ...this.#devices])];
    const { files: others, ofCompanions } = companions.interest;
    const files = [...new Set([...wanted.files, ...others])];
    return {
      ...wanted,
      uplink,
      devices,
      files,
      ofCompanions,
      inTheWay: [...heldMemory.devices, ...state.host.inTheWay],
    };
  }

  schedule(send: Send): () => void {
    const { deps, history } = this.#shared;
    return deps.levelPass(() => {
      history.woken('schedule');
      this.#store.expire(deps.clock.now());
      this.#edge(everything(), send);
    });
  }

  /** While there is no external interface there is no round that would look for it: any edge may be about it. */
  #edge(scope: Scope, send: Send): void {
    // What kept a file from being written (a mount, a folder in its place) shows in no listing, so that its edge says it all.
    this.#retry.endWaits(filesIn(scope), this.#shared.deps.clock.steady());
    send({ type: 'EDGE', scope });
    const { state } = this.#shared;
    // Without a lease there is no round that would see that what stood in the way has gone.
    if (!state.host.current || (!state.lease.current && scope.links.size > 0)) send({ type: 'HOST_CHANGED' });
  }

  // ---- one round ----

  async read(): Promise<void> {
    const { deps, dirty, state, lastGood, companions, history } = this.#shared;
    const scope = dirty.take();
    const at = deps.clock.now();
    history.begin(at, state.mirror.revision);
    if (scope.all && this.#store.isHeard) lastGood.heard(at);
    await this.#refreshHost(scope);
    await this.#lookForPaths(scope);
    const { desired, instance } = state;
    if (!desired) throw new Error('There is no desired state to work towards yet.');
    const looked = await companions.lookFor(desired, scope, () => this.#store.isComplete);
    const kept = (): string[] => [...state.keptSubnets, ...companions.keptSubnets(desired)];
    const round = new Round({
      scope,
      drivers: deps.drivers,
      desired,
      desiredComplete: desired.complete && this.#store.isComplete && state.knowsPaths,
      instance,
      nexthopObjects: desired.context.host.nexthopObjects,
      retry: this.#retry.view(deps.clock.steady()),
      reportStale: deps.options.keepStale,
      keepStale: (haves) => keepSubnets(kept(), haves, desired.subnetsElsewhere),
    });
    this.#inHand = { round, at, looked };
    await round.read();
    this.#devices = round.interest.devices;
  }

  /** Another host may mean other wants, and then everything is in the scope of the round that is beginning. */
  async #refreshHost(scope: Scope): Promise<void> {
    const { deps, dirty, state, send } = this.#shared;
    const { host } = state;
    // With something wrong about it any link may be the one that mends it.
    const concerned =
      host.problem === undefined ? host.isConcernedBy(scope, state.mirror.config) : scope.links.size > 0;
    if (!scope.all && !concerned) return;
    const before = host.current?.uplink.address;
    if (!(await host.refresh())) return;
    if (before !== undefined && host.current?.uplink.address !== before) deps.source.reconnect?.();
    send({ type: 'HOST_CHANGED' });
    if (state.remake()) mergeScope(scope, dirty.take());
  }

  /** The look at the start may have been at a listing that was torn. */
  async #lookForPaths(scope: Scope): Promise<void> {
    const { dirty, state } = this.#shared;
    if (state.knowsPaths) return;
    await state.lookAround();
    if (state.knowsPaths && state.remake()) mergeScope(scope, dirty.take());
  }

  async plan(): Promise<{ changes: number }> {
    return { changes: this.#current.round.plan() };
  }

  /** After the store was listed again: the host is not, so that what others have made of a newer word meanwhile is not in question. */
  async planAgain(): Promise<{ changes: number }> {
    const { round } = this.#current;
    if (round.desired === this.#shared.state.desired) return { changes: round.planAgain() };
    this.markDirty(everything());
    await this.read();
    return this.plan();
  }

  /** What the round in hand would do, in order, and all that it works towards. */
  get planned(): { changes: readonly Change[]; wants: Iterable<Want> } {
    const { round } = this.#current;
    return { changes: round.drift, wants: round.desired.wants.values() };
  }

  async apply(): Promise<void> {
    await this.#current.round.apply();
  }

  /** `otherDrift`: what was found beside the host's resources, and made before this round. */
  async verify(otherDrift: DriftEntry[] = []): Promise<void> {
    const { deps, mode, state, journal, companions, history, send } = this.#shared;
    const { round, looked } = this.#current;
    await round.verify();
    const now = deps.clock.steady();
    // A single run has no later round that would have to be patient.
    if (mode === 'run') this.#retry.record(round.outcomes, now, deps.random);
    this.#relistAt = round.listingComplete && state.knowsPaths ? undefined : now + RELIST_MS;
    journal.recovered('work');
    const toAct = decideAll(looked, round.outcomes);
    if (round.isFreed) deps.source.reconnect?.();
    const isBuilt = round.isBuilt && companions.isPathBuilt(round.desired);
    const isNews = isBuilt && state.noteBuilt(round.desired);
    this.finishRound(otherDrift);
    if (isNews && state.lease.unpublished) send({ type: 'PATH_BUILT' });
    companions.act(toAct, (scope) => {
      history.woken('companion');
      send({ type: 'EDGE', scope });
    });
  }

  /** Makes the report of the round in hand; for a drift report this follows the plan. */
  finishRound(otherDrift: DriftEntry[] = []): Report {
    const { mode, state, journal, lastGood, heldMemory, history } = this.#shared;
    const { round, at, looked } = this.#current;
    this.#inHand = undefined;
    if (mode === 'drift') decideAll(looked, undefined);
    if (state.forgetNetworks(round)) lastGood.writer.pastChanged();
    heldMemory.replace(round.scope, round.held, state.desired?.wants ?? new Map(), round.inTheWay);
    const report = reportOf(this.#shared, this.#store.isComplete, { round, at, looked, otherDrift });
    const where = describeScope(round.scope);
    history.end(report, where, journal.report(report, where), state.desired, state.mirror);
    this.#onFirstRound?.();
    this.#onFirstRound = undefined;
    return report;
  }

  /** A report of a run that could not come to a round: only what is held. */
  reportWithoutRound(otherDrift: DriftEntry[] = []): Report {
    return reportOf(this.#shared, this.#store.isComplete, { at: this.#shared.deps.clock.now(), otherDrift });
  }

  abandonRound(): void {
    this.#inHand = undefined;
    this.#shared.history.woken('failure');
    this.markDirty(everything());
  }

  get #current(): RoundInHand {
    if (!this.#inHand) throw new Error('There is no round in hand.');
    return this.#inHand;
  }

  // ---- what is dirty, and what falls due ----

  markDirty(scope: Scope): void {
    this.#shared.dirty.mark(scope);
  }

  hasWork(): boolean {
    return this.#shared.state.desired !== undefined && !this.#shared.dirty.isEmpty;
  }

  markRetriesDirty(): void {
    const { deps, state, companions, history } = this.#shared;
    const [now, steady] = [deps.clock.now(), deps.clock.steady()];
    history.woken('due');
    this.#dueTimes.looked(this.#due, now);
    this.#dueWaits.looked(this.#waits, steady);
    this.markDirty(scopeOf({ ids: this.#retry.takeDue(steady) }));
    if (this.#relistAt !== undefined && this.#relistAt <= steady) this.markDirty(everything());
    this.markDirty(companions.due(now));
    this.#store.expire(now);
    if (state.nextPathEnd() <= now) state.endPaths();
  }

  /** What could not be made, and when it is tried again. */
  get waits(): Wait[] {
    const { clock } = this.#shared.deps;
    const ahead = clock.now() - clock.steady();
    return this.#retry.waits().map((wait) => ({ ...wait, until: Math.round(wait.until + ahead) }));
  }

  retryDelayMs(): number | undefined {
    const { clock } = this.#shared.deps;
    const delays = [
      this.#dueTimes.delayMs(this.#due, clock.now()),
      this.#dueWaits.delayMs(this.#waits, clock.steady()),
    ].filter((delay) => delay !== undefined);
    return delays.length > 0 ? Math.min(...delays) : undefined;
  }

  /** By the host's clock: times that others know too, or that outlive this process. */
  get #due(): Due {
    const { state, companions } = this.#shared;
    return [state.mirror.nextExpiry(), state.nextPathEnd(), ...companions.dueTimes];
  }

  /** By the steady clock: a clock that is set back by an hour would make them an hour longer. */
  get #waits(): Due {
    return [this.#retry.nextDue(), this.#relistAt];
  }
}

const filesIn = ({ ids }: Scope): string[] => [...ids].filter((id) => id.startsWith('file '));
