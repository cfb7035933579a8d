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
import type { AgentDeps } from './deps.ts';
import { DesiredState } from './desired-state.ts';
import { DockerFollower } from './docker.ts';
import { HeldMemory } from './held-memory.ts';
import { Journal } from './journal.ts';
import { LastGood } from './last-good.ts';
import { describeScope, type ReportContext, reportOf, sayStore } from './report-of.ts';
import { Round } from './round.ts';
import type { AcquireResult, AgentServices, ConnectResult, Region, Send } from './services.ts';
import { StoreFollower } from './store-follower.ts';
import { watchDrivers } from './watch-drivers.ts';

/** How soon a listing that could not be completed is tried again, ms. */
const RELIST_MS = 1000;

export class Agent implements AgentServices {
  readonly state: DesiredState;
  readonly journal: Journal;
  readonly lastGood: LastGood;
  readonly #deps: AgentDeps;
  readonly #retry = new Retry();
  readonly #held = new HeldMemory();
  readonly #store: StoreFollower;
  readonly #docker: DockerFollower | undefined;
  #dirty: Scope = emptyScope();
  /** `docker`: the follower, if it looked at Docker in this round. */
  #round: { round: Round; at: number; docker: DockerFollower | undefined } | undefined;
  #relistAt: number | undefined;
  #interest = { devices: [] as string[] };
  #send: Send = () => {};
  #onFirstRound: (() => void) | undefined;

  constructor(deps: AgentDeps, mode: Report['mode'] = 'run', onFirstRound?: () => void) {
    this.#deps = deps;
    this.mode = mode;
    this.state = new DesiredState(deps);
    if (deps.docker) this.#docker = new DockerFollower(deps, deps.docker);
    this.journal = new Journal(deps.log, mode);
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
      const files = [...new Set([...wanted.files, ...(this.#docker?.interest.files ?? [])])];
      const bridge = this.#docker?.interest.bridge;
      return {
        ...wanted,
        uplink,
        devices,
        files,
        bridge,
        inTheWay: [...this.#held.devices, ...this.state.host.inTheWay],
      };
    };
    const emit = (scope: Scope): void => this.#edge(scope, send);
    const failed = (error: unknown): void => this.journal.failure('work', error);
    const stops = [watchDrivers(this.#deps.drivers, interest, emit, failed), this.#docker?.watch(emit)];
    return () => {
      for (const stop of stops) stop?.();
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
      const { covered } = this.state.lease;
      if (result === 'held' ? this.state.rebuild() : covered && this.state.rebuild(covered))
        this.markDirty(everything());
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
    const docker = (await this.#docker?.lookFor(desired, scope)) ? this.#docker : undefined;
    const round = new Round({
      scope,
      drivers: this.#deps.drivers,
      desired,
      desiredComplete: desired.complete && this.#store.isComplete,
      instance,
      nexthopObjects: desired.context.host.nexthopObjects,
      retry: this.#retry.view(at),
      reportStale: this.#deps.options.keepStale,
      keepStale: (haves) => keepSubnets(this.state.keptSubnets, haves),
    });
    this.#round = { round, at, docker };
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
    const { round, docker } = this.#current();
    await round.verify();
    const now = this.#deps.clock.now();
    // A single run has no later round that would have to be patient.
    if (this.mode === 'run') this.#retry.record(round.outcomes, now, this.#deps.random);
    this.#relistAt = round.listingComplete ? undefined : now + RELIST_MS;
    this.journal.recovered('work');
    const restart = docker?.decide(round.outcomes);
    if (round.isFreed) this.#deps.source.reconnect?.();
    const isNews = round.isBuilt && this.state.noteBuilt(round.desired);
    this.finishRound(otherDrift);
    if (isNews && this.state.lease.unpublished) this.#send({ type: 'PATH_BUILT' });
    if (docker && restart) docker.restart(() => this.#send({ type: 'EDGE', scope: docker.scope }));
  }

  /** Makes the report of the round in hand; for a drift report this follows the plan. */
  finishRound(otherDrift: Report['drift'] = []): Report {
    const { round, at, docker } = this.#current();
    this.#round = undefined;
    if (this.mode === 'drift') docker?.decide(undefined);
    if (this.state.forgetNetworks(round)) this.lastGood.writer.pastChanged();
    this.#held.replace(round.scope, round.held, this.state.desired?.wants ?? new Map(), round.inTheWay);
    const report = reportOf(this.#reportContext(), { round, at, otherDrift, docker });
    this.journal.report(report, describeScope(round.scope));
    this.#onFirstRound?.();
    this.#onFirstRound = undefined;
    return report;
  }

  /** A report of a run that could not come to a round: only what is held. */
  reportWithoutRound(otherDrift: Report['drift'] = []): Report {
    return reportOf(this.#reportContext(), { at: this.#deps.clock.now(), otherDrift });
  }

  /** A restart of Docker that is under way; resolves when it can be read back. */
  get dockerRestart(): Promise<void> | undefined {
    return this.#docker?.running;
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
    const { uplink, guards } = { uplink: host.current?.uplink.name ?? '', guards: host.inTheWay };
    const concerned =
      host.problem === undefined
        ? scope.links.has(uplink) || guards.some((dev) => scope.links.has(dev)) || this.#mayBeBridges(scope)
        : scope.links.size > 0;
    if (!scope.all && !concerned) return;
    const before = host.current?.uplink.address;
    if (!(await host.refresh())) return;
    if (before !== undefined && host.current?.uplink.address !== before) this.#deps.source.reconnect?.();
    this.#send({ type: 'HOST_CHANGED' });
    if (this.lastGood.inForce ? this.lastGood.rebuild() : this.state.rebuild()) mergeScope(scope, everything());
  }

  /** A route inside the Network that is no subnet's: an interface may have come or gone that has a whole part of it. */
  #mayBeBridges({ ids }: Scope): boolean {
    const { config } = this.state.mirror;
    if (!config) return false;
    for (const id of ids) if (id.startsWith('route ') && !id.includes(`/${config.subnetLen}|`)) return true;
    return false;
  }

  #allHeld() {
    return [...this.lastGood.held, ...this.state.held, ...this.#held.entries, ...(this.#docker?.held ?? [])];
  }

  #reportContext(): ReportContext {
    const { mode, state } = this;
    const [held, docker, complete] = [this.#allHeld(), this.#docker?.facts, this.#store.isComplete];
    return { deps: this.#deps, mode, state, held, docker, complete, source: this.lastGood.source };
  }

  // ---- plain values for the machine ----

  markDirty(scope: Scope): void {
    mergeScope(this.#dirty, scope);
  }

  markRetriesDirty(): void {
    const now = this.#deps.clock.now();
    this.markDirty(scopeOf({ ids: this.#retry.takeDue(now) }));
    if (this.#relistAt !== undefined && this.#relistAt <= now) this.markDirty(everything());
    if (this.#docker && (this.#docker.wakeAt ?? Number.POSITIVE_INFINITY) <= now) this.markDirty(this.#docker.scope);
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
    const { mirror } = this.state;
    const due = [
      this.#retry.nextDue(),
      this.#relistAt,
      mirror.nextExpiry(),
      this.state.nextPathEnd(),
      this.#docker?.wakeAt,
    ];
    const next = Math.min(...due.map((at) => at ?? Number.POSITIVE_INFINITY));
    return Number.isFinite(next) ? Math.max(10, next - this.#deps.clock.now()) : undefined;
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
