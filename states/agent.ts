/**
 * Owns how the agent does what the machine decides on: the seam AgentServices over desired state, drivers and the store.
 *
 * - What is dirty is the only thing that edges leave behind; a round takes all of it and clears it first.
 * - Nothing is deleted while the store can't be heard.
 */

import type { Report } from '../reconciler/contracts/report.ts';
import {
  emptyScope,
  everything,
  isEmptyScope,
  mergeScope,
  type Scope,
  scopeOf,
} from '../reconciler/contracts/scope.ts';
import { keepSubnets } from '../reconciler/plan/gates.ts';
import { Retry } from '../reconciler/plan/retry.ts';
import type { Companion } from './companion.ts';
import { Companions, decideAll } from './companions.ts';
import type { AgentDeps } from './deps.ts';
import { DesiredState } from './desired-state.ts';
import { type Due, DueTimes } from './due-times.ts';
import { HeldMemory } from './held-memory.ts';
import { Journal } from './journal.ts';
import { LastGood } from './last-good.ts';
import { describeScope, type ReportContext, reportOf, sayStore } from './report-of.ts';
import { Round } from './round.ts';
import type { AcquireResult, AgentServices, ConnectResult, Region, Send } from './services.ts';
import { StoreFollower } from './store-follower.ts';
import { DriverWatches } from './watch-drivers.ts';

/** How soon a listing that could not be completed is tried again, ms. */
const RELIST_MS = 1000;

export class Agent implements AgentServices {
  readonly state: DesiredState;
  readonly journal: Journal;
  readonly lastGood: LastGood;
  readonly #deps: AgentDeps;
  readonly #retry = new Retry();
  readonly #held = new HeldMemory();
  readonly #watches: DriverWatches;
  readonly #store: StoreFollower;
  readonly #companions: Companions;
  #dirty: Scope = emptyScope();
  /** `looked`: the companions that looked in this round. */
  #round: { round: Round; at: number; looked: readonly Companion[] } | undefined;
  readonly #dueTimes = new DueTimes();
  #relistAt: number | undefined;
  #interest = { devices: [] as string[] };
  #send: Send = () => {};
  #onFirstRound: (() => void) | undefined;

  constructor(deps: AgentDeps, mode: Report['mode'] = 'run', onFirstRound?: () => void) {
    this.#deps = deps;
    this.mode = mode;
    this.state = new DesiredState(deps);
    this.#watches = new DriverWatches(deps.drivers, deps.clock);
    this.journal = new Journal(deps.log, mode, new Set(deps.companions.map(({ name }) => name)));
    this.#companions = new Companions(deps.companions, (name, error) => this.journal.failure(name, error));
    this.lastGood = new LastGood(deps, mode, this.state);
    this.#store = new StoreFollower(deps, this, {
      held: () => this.#allHeld(),
      send: (event) => this.#send(event),
    });
    this.#onFirstRound = onFirstRound;
  }

  readonly mode: Report['mode'];

  // ---- what wakes ----

  watchHost(send: Send): () => void {
    this.#send = send;
    const interest = () => {
      const wanted = this.state.interest;
      const uplink = this.state.host.problem === undefined ? wanted.uplink : '';
      const devices = [...new Set([...wanted.devices, ...this.#interest.devices])];
      const { files: others, ofCompanions } = this.#companions.interest;
      const files = [...new Set([...wanted.files, ...others])];
      return { ...wanted, uplink, devices, files, ofCompanions, inTheWay: this.#held.devices };
    };
    const emit = (scope: Scope): void => this.#edge(scope, send);
    const stops = [this.#watches.start(emit, interest), this.#companions.watch(emit)];
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** While there is no external interface there is no round that would look for it: any edge may be about it. */
  #edge(scope: Scope, send: Send): void {
    send({ type: 'EDGE', scope });
    if (!this.state.host.current) send({ type: 'HOST_CHANGED' });
  }

  watchStore(send: Send): () => void {
    return this.#store.watch(send);
  }

  schedule(send: Send): () => void {
    return this.#deps.levelPass(() => {
      this.#store.expire(this.#deps.clock.now());
      this.#edge(everything(), send);
    });
  }

  // ---- the store and our lease ----

  connect(signal?: AbortSignal): Promise<ConnectResult> {
    return this.#store.connect(signal);
  }

  async acquire(signal?: AbortSignal): Promise<AcquireResult> {
    try {
      if (!this.state.host.current) await this.state.host.refresh();
      await this.state.lookAround();
      const context = this.state.leaseContext();
      // While the config can't be run the lease that we have is kept, and renewed.
      if (!context) return this.leaseState() === 'same' ? 'held' : 'waiting';
      const result = await this.state.lease.ensure(context, signal);
      this.journal.recovered('lease');
      if (result === 'held' && this.state.rebuild()) this.markDirty(everything());
      this.#store.sayDue();
      return result;
    } finally {
      this.journal.holds(this.#allHeld());
    }
  }

  async renew(): Promise<'renewed' | 'lost'> {
    const result = await this.state.lease.renew();
    if (result === 'renewed') this.journal.recovered('lease');
    return result;
  }

  // ---- one round ----

  async read(): Promise<void> {
    const scope = this.#dirty;
    this.#dirty = emptyScope();
    const at = this.#deps.clock.now();
    if (scope.all && this.#store.isHeard) this.lastGood.heard(at);
    await this.#refreshHost(scope);
    const { desired, instance } = this.state;
    if (!desired) throw new Error('There is no desired state to work towards yet.');
    const looked = await this.#companions.lookFor(desired, scope, () => this.#store.isComplete);
    const kept = [...this.state.keptSubnets, ...this.#companions.keptSubnets(desired)];
    const round = new Round({
      scope,
      drivers: this.#deps.drivers,
      desired,
      desiredComplete: desired.complete && this.#store.isComplete,
      instance,
      nexthopObjects: desired.context.host.nexthopObjects,
      retry: this.#retry.view(at),
      reportStale: this.#deps.options.keepStale,
      keepStale: (haves) => keepSubnets(kept, haves),
    });
    this.#round = { round, at, looked };
    await round.read();
    this.#interest = { devices: round.interest.devices };
  }

  async plan(): Promise<{ changes: number }> {
    return { changes: this.#current().round.plan() };
  }

  async apply(): Promise<void> {
    await this.#current().round.apply();
  }

  /** `otherDrift`: what was found beside the host's resources, and made before this round. */
  async verify(otherDrift: Report['drift'] = []): Promise<void> {
    const { round, looked } = this.#current();
    await round.verify();
    const now = this.#deps.clock.now();
    // A single run has no later round that would have to be patient.
    if (this.mode === 'run') this.#retry.record(round.outcomes, now, this.#deps.random);
    this.#relistAt = round.listingComplete ? undefined : now + RELIST_MS;
    this.journal.recovered('work');
    const toAct = decideAll(looked, round.outcomes);
    const isBuilt = round.isBuilt && this.#companions.isPathBuilt(round.desired);
    const isNews = isBuilt && this.state.noteBuilt(round.desired);
    this.finishRound(otherDrift);
    if (isNews && this.state.lease.unpublished) this.#send({ type: 'PATH_BUILT' });
    this.#companions.act(toAct, (scope) => this.#send({ type: 'EDGE', scope }));
  }

  /** Makes the report of the round in hand; for a drift report this follows the plan. */
  finishRound(otherDrift: Report['drift'] = []): Report {
    const { round, at, looked } = this.#current();
    this.#round = undefined;
    if (this.mode === 'drift') decideAll(looked, undefined);
    if (this.state.forgetNetworks(round)) this.lastGood.writer.pastChanged();
    this.#held.replace(round.scope, round.held, this.state.desired?.wants ?? new Map(), round.inTheWay);
    const report = reportOf(this.#reportContext(), { round, at, otherDrift, looked });
    this.journal.report(report, describeScope(round.scope));
    this.#onFirstRound?.();
    this.#onFirstRound = undefined;
    return report;
  }

  /** A report of a run that could not come to a round: only what is held. */
  reportWithoutRound(otherDrift: Report['drift'] = []): Report {
    return reportOf(this.#reportContext(), { at: this.#deps.clock.now(), otherDrift });
  }

  /** What companions do now; resolves when it can be looked at. */
  get acting(): Promise<unknown> | undefined {
    return this.#companions.acting;
  }

  abandonRound(): void {
    this.#round = undefined;
    this.#dirty = everything();
  }

  #current() {
    if (!this.#round) throw new Error('There is no round in hand.');
    return this.#round;
  }

  async #refreshHost(scope: Scope): Promise<void> {
    const { host } = this.state;
    // With something wrong about it any link may be the one that mends it.
    const concerned =
      host.problem === undefined ? scope.links.has(host.current?.uplink.name ?? '') : scope.links.size > 0;
    if (!scope.all && !concerned) return;
    const before = host.current?.uplink.address;
    if (!(await host.refresh())) return;
    if (before !== undefined && host.current?.uplink.address !== before) this.#deps.source.reconnect?.();
    this.#send({ type: 'HOST_CHANGED' });
    if (this.state.rebuild()) mergeScope(scope, everything());
  }

  #allHeld() {
    const followed = [...this.#watches.held, ...this.#companions.held];
    return [...this.lastGood.held, ...this.state.held, ...this.#held.entries, ...followed];
  }

  #reportContext(): ReportContext {
    const { mode, state } = this;
    const [held, complete, { sections }] = [this.#allHeld(), this.#store.isComplete, this.#companions];
    return { deps: this.#deps, mode, state, held, sections, complete, source: this.lastGood.source };
  }

  // ---- plain values for the machine ----

  markDirty(scope: Scope): void {
    mergeScope(this.#dirty, scope);
  }

  markRetriesDirty(): void {
    const now = this.#deps.clock.now();
    this.#dueTimes.looked(this.#due, now);
    this.markDirty(scopeOf({ ids: this.#retry.takeDue(now) }));
    if (this.#relistAt !== undefined && this.#relistAt <= now) this.markDirty(everything());
    this.markDirty(this.#companions.due(now));
    this.#store.expire(now);
    if (this.state.nextPathEnd() <= now && this.state.endPaths()) this.markDirty(everything());
  }

  hasWork(): boolean {
    return this.state.desired !== undefined && !isEmptyScope(this.#dirty);
  }

  configState(): 'missing' | 'invalid' | 'good' {
    return this.#store.configState();
  }

  leaseWanted(): boolean {
    return this.lastGood.listed && this.state.usable !== undefined;
  }

  leaseState(): 'same' | 'changed' | 'gone' {
    return this.#store.leaseState();
  }

  renewDelayMs(): number | undefined {
    return this.state.lease.renewDelayMs();
  }

  retryDelayMs(): number | undefined {
    return this.#dueTimes.delayMs(this.#due, this.#deps.clock.now());
  }

  get #due(): Due {
    const { state } = this;
    const { dueTimes } = this.#companions;
    return [this.#retry.nextDue(), this.#relistAt, state.mirror.nextExpiry(), state.nextPathEnd(), ...dueTimes];
  }

  backoffMs(failures: number, first: number, most: number): number {
    const ms = Math.min(most, first * 2 ** Math.min(failures - 1, 16));
    return Math.round(ms * (0.5 + this.#deps.random() / 2));
  }

  noteState(region: Region, state: string): void {
    const before = this.journal.stateOf(region);
    this.journal.state(region, state);
    if (region !== 'store' || before === state) return;
    sayStore(state, this.#deps, this.state.mirror.revision);
  }

  noteFailure(region: Region, error: unknown): void {
    this.journal.failure(region, error);
    if (region === 'store') this.journal.holds(this.#allHeld());
  }

  noteStoreEnded(reason: string, message: string): void {
    if (reason === 'stopped') return;
    if (reason === 'moved') this.#deps.log.info({}, `Listing again: ${message}.`);
    else this.journal.failure('store', `The watch of ${this.#deps.source.where} ended: ${message}`);
  }
}
