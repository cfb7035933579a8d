/**
 * Owns how the agent does what the machine decides on: the seam AgentServices over desired state, drivers and the store.
 *
 * - What is dirty is the only thing that edges leave behind; a round takes all of it and clears it first.
 * - Nothing is deleted while the store can't be heard.
 */
import { keepSubnets } from '../reconciler/gates.ts';
import type { MirrorChange } from '../reconciler/mirror-change.ts';
import type { Report } from '../reconciler/report.ts';
import { Retry } from '../reconciler/retry.ts';
import { emptyScope, everything, isEmptyScope, mergeScope, type Scope, scopeOf } from '../reconciler/scope.ts';
import type { StoreSnapshot, WatchEvent } from '../reconciler/source.ts';
import type { AgentDeps } from './deps.ts';
import { DesiredState } from './desired-state.ts';
import { HeldMemory } from './held-memory.ts';
import { Journal } from './journal.ts';
import { LastGood } from './last-good.ts';
import { recordOf } from './own-lease.ts';
import { describeScope, type ReportContext, reportOf } from './report-of.ts';
import { Round } from './round.ts';
import type { AcquireResult, AgentServices, ConnectResult, Send } from './services.ts';

/** How soon a listing that could not be completed is tried again, ms. */
const RELIST_MS = 1000;
/** How long a daemon waits for the store's first answer before the host comes up from the last good copy, ms. */
const PATIENCE_MS = 2000;

export class Agent implements AgentServices {
  readonly state: DesiredState;
  readonly journal: Journal;
  readonly lastGood: LastGood;
  readonly #deps: AgentDeps;
  readonly #retry = new Retry();
  readonly #held = new HeldMemory();
  #dirty: Scope = emptyScope();
  #round: { round: Round; at: number } | undefined;
  #storeHeard = false;
  /** The store has answered once: from then on the mirror is its. */
  #listed = false;
  #relistAt: number | undefined;
  #interest = { devices: [] as string[] };
  #send: Send = () => {};
  #onFirstRound: (() => void) | undefined;

  constructor(deps: AgentDeps, mode: Report['mode'] = 'run', onFirstRound?: () => void) {
    this.#deps = deps;
    this.mode = mode;
    this.state = new DesiredState(deps);
    this.journal = new Journal(deps.log);
    this.lastGood = new LastGood(deps, mode, this.state.mirror);
    this.#onFirstRound = onFirstRound;
  }

  readonly mode: Report['mode'];

  // ---- what wakes ----

  watchHost(send: Send): () => void {
    this.#send = send;
    let stopped = false;
    const stops: (() => Promise<void>)[] = [];
    const interest = () => {
      const wanted = this.state.interest;
      return { ...wanted, devices: [...new Set([...wanted.devices, ...this.#interest.devices])] };
    };
    for (const driver of this.#deps.drivers) {
      driver
        .watch((scope) => send({ type: 'EDGE', scope }), interest)
        .then(
          (stop) => {
            if (stopped) void stop();
            else stops.push(stop);
            // What happened before the watch stood is nobody's event.
            send({ type: 'EDGE', scope: everything() });
          },
          (error: unknown) => this.journal.failure(error),
        );
    }
    return () => {
      stopped = true;
      for (const stop of stops) void stop();
    };
  }

  watchStore(send: Send): () => void {
    const { mirror } = this.state;
    return this.#deps.source.watch(mirror.revision + 1, (event) => {
      try {
        this.#heard(event, send);
      } catch (error) {
        this.#storeHeard = false;
        send({
          type: 'STORE_ENDED',
          reason: 'unavailable',
          message: error instanceof Error ? error.message : String(error),
        });
      }
    });
  }

  schedule(send: Send): () => void {
    return this.#deps.levelPass(() => send({ type: 'EDGE', scope: everything() }));
  }

  // ---- the store and our lease ----

  async connect(signal?: AbortSignal): Promise<ConnectResult> {
    const answer = this.#deps.source.snapshot(signal);
    const snapshot = this.#listed ? await answer : await this.#firstAnswer(answer);
    const { mirror } = this.state;
    const change = mirror.applySnapshot(snapshot, this.#deps.clock.now());
    const isFirst = !this.#listed;
    this.#storeHeard = this.#listed = true;
    this.lastGood.retire();
    this.journal.recovered();
    this.journal.holds(this.#allHeld());
    if (change.config || (isFirst && mirror.config)) this.#send({ type: 'STORE_CONFIG' });
    this.lastGood.changed(isFirst ? { ...change, config: true } : change);
    this.state.relist();
    this.markDirty(everything());
    return { revision: snapshot.revision };
  }

  /** While the store has not answered yet, and if it doesn't, the host comes up from the last good copy. */
  async #firstAnswer(answer: Promise<StoreSnapshot>): Promise<StoreSnapshot> {
    const patience = new AbortController();
    if (this.mode === 'run') {
      this.#deps.clock
        .sleep(PATIENCE_MS, patience.signal)
        .then(() => this.#useLastGood(undefined, patience.signal))
        .catch((error: unknown) => {
          // Else it was answered in time.
          if (!patience.signal.aborted) this.journal.failure(error);
        });
    }
    try {
      const snapshot = await answer;
      this.state.addNetwork((await this.lastGood.head())?.network);
      await this.lastGood.remind(snapshot);
      return snapshot;
    } catch (error) {
      patience.abort();
      await this.#useLastGood(error);
      throw error;
    } finally {
      patience.abort();
    }
  }

  async #useLastGood(error: unknown, late?: AbortSignal): Promise<void> {
    const was = this.lastGood.inForce;
    if (!this.state.host.current) await this.state.host.refresh();
    const inForce = await this.lastGood.use(error, () => this.#listed || late?.aborted === true);
    this.journal.holds(this.#allHeld());
    if (!inForce || was) return;
    this.state.addNetwork(this.lastGood.inForce?.network);
    this.#workFromLastGood();
    this.state.relist();
    this.markDirty(everything());
    this.#send({ type: 'EDGE', scope: everything() });
  }

  /** Wants are made for the lease that the copy has for this host; without one there is nothing to be done. */
  #workFromLastGood(): void {
    const context = this.state.leaseContext();
    const choice = context && this.state.lease.choose(context);
    if (choice?.action === 'reuse') this.state.rebuild(choice.lease);
  }

  async acquire(signal?: AbortSignal): Promise<AcquireResult> {
    if (!this.state.host.current) await this.state.host.refresh();
    const context = this.state.leaseContext();
    if (!context) return 'waiting';
    const result = await this.state.lease.ensure(context, signal);
    if (result === 'held' && this.state.rebuild()) this.markDirty(everything());
    return result;
  }

  /** A single run has no watch to tell the mirror of the lease that it took. */
  takeOwnLease(): void {
    const { mirror, lease } = this.state;
    if (!lease.current || lease.current.modRevision <= mirror.revision) return;
    const record = recordOf(lease.current);
    mirror.applyChanges([{ op: 'put', record }], record.modRevision, this.#deps.clock.now());
  }

  async renew(): Promise<'renewed' | 'lost'> {
    const result = await this.state.lease.renew();
    if (result === 'renewed') this.journal.recovered();
    return result;
  }

  #heard(event: WatchEvent, send: Send): void {
    if (event.type === 'started') return;
    if (event.type === 'ended') {
      this.#storeHeard = false;
      send({ type: 'STORE_ENDED', reason: event.reason, message: event.message });
      return;
    }
    this.#take(this.state.mirror.applyChanges(event.changes, event.revision, this.#deps.clock.now()), send);
  }

  /** Passes on what a change of the mirror means, and to whom. */
  #take(change: MirrorChange, send: Send): void {
    const { mirror, lease, host } = this.state;
    const scope = this.state.update(change);
    this.lastGood.changed(change);
    if (change.heldChanged) this.journal.holds(this.#allHeld());
    if (change.config) send({ type: 'STORE_CONFIG' });
    if (!isEmptyScope(scope)) send({ type: 'EDGE', scope });
    if (change.removed.size) send({ type: 'LEASE_FREED' });
    const own = lease.current?.subnet ?? '';
    const mine = (subnet: string): boolean =>
      subnet === own || mirror.leases.get(subnet)?.attrs.publicIP === host.current?.publicIP;
    const touched = [...change.subnets, ...change.renewed].some(mine);
    if (touched && lease.compareWith(mirror) !== 'same') send({ type: 'OWN_LEASE' });
  }

  // ---- one round ----

  async read(): Promise<void> {
    const scope = this.#dirty;
    this.#dirty = emptyScope();
    const at = this.#deps.clock.now();
    if (scope.all && this.#storeHeard) {
      this.state.mirror.heard(at);
      this.lastGood.tick();
    }
    await this.#refreshHost(scope);
    this.#expire(at);
    const { desired, instance, mirror } = this.state;
    if (!desired) throw new Error('There is no desired state to work towards yet.');
    const round = new Round({
      scope,
      drivers: this.#deps.drivers,
      desired,
      desiredComplete: desired.complete && mirror.complete && this.#storeHeard,
      instance,
      nexthopObjects: desired.context.host.nexthopObjects,
      retry: this.#retry.view(at),
      keepStale: (haves) => keepSubnets(this.state.keptSubnets, haves),
    });
    this.#round = { round, at };
    await round.read();
    this.#interest = { devices: round.interest.devices };
  }

  async plan(): Promise<{ changes: number }> {
    return { changes: this.#current().round.plan() };
  }

  async apply(): Promise<void> {
    await this.#current().round.apply();
  }

  async verify(): Promise<void> {
    const { round } = this.#current();
    await round.verify();
    const now = this.#deps.clock.now();
    this.#retry.record(round.outcomes, now, this.#deps.random);
    this.#relistAt = round.listingComplete ? undefined : now + RELIST_MS;
    this.finishRound();
  }

  /** Makes the report of the round in hand; for a drift report this follows the plan. */
  finishRound(otherDrift: Report['drift'] = []): Report {
    const { round, at } = this.#current();
    this.#round = undefined;
    this.#held.replace(round.scope, round.held, this.state.desired?.wants ?? new Map());
    const report = reportOf(this.#reportContext(), { round, at, otherDrift });
    this.journal.report(report, describeScope(round.scope));
    this.#onFirstRound?.();
    this.#onFirstRound = undefined;
    return report;
  }

  /** A report of a run that could not come to a round: only what is held. */
  reportWithoutRound(otherDrift: Report['drift'] = []): Report {
    return reportOf(this.#reportContext(), { at: this.#deps.clock.now(), otherDrift });
  }

  abandonRound(): void {
    this.#round = undefined;
    this.#dirty = everything();
  }

  #current(): { round: Round; at: number } {
    if (!this.#round) throw new Error('There is no round in hand.');
    return this.#round;
  }

  async #refreshHost(scope: Scope): Promise<void> {
    const { host } = this.state;
    if (!scope.all && !scope.links.has(host.current?.uplink.name ?? '')) return;
    if (!(await host.refresh())) return;
    this.#send({ type: 'HOST_CHANGED' });
    if (this.lastGood.inForce) this.#workFromLastGood();
    if (this.state.rebuild()) mergeScope(scope, everything());
  }

  /** Leases that a doubted store has lost end in their own time. */
  #expire(now: number): void {
    const { mirror } = this.state;
    if ((mirror.nextExpiry() ?? Number.POSITIVE_INFINITY) > now) return;
    this.#take(mirror.expire(now), this.#send);
  }

  #allHeld() {
    return [...this.lastGood.held, ...this.state.held, ...this.#held.entries];
  }

  #reportContext(): ReportContext {
    const { mode, state } = this;
    return {
      deps: this.#deps,
      mode,
      state,
      held: this.#allHeld(),
      complete: state.mirror.complete && this.#storeHeard,
      source: this.lastGood.source,
    };
  }

  // ---- plain values for the machine ----

  markDirty(scope: Scope): void {
    mergeScope(this.#dirty, scope);
  }

  markRetriesDirty(): void {
    const now = this.#deps.clock.now();
    this.markDirty(scopeOf({ ids: this.#retry.takeDue(now) }));
    if (this.#relistAt !== undefined && this.#relistAt <= now) this.markDirty(everything());
    if ((this.state.mirror.nextExpiry() ?? Number.POSITIVE_INFINITY) <= now) this.markDirty(everything());
  }

  hasWork(): boolean {
    return this.state.desired !== undefined && !isEmptyScope(this.#dirty);
  }

  configState(): 'missing' | 'invalid' | 'good' {
    const { mirror, usable } = this.state;
    if (mirror.held.some((entry) => entry.kind === 'config')) return 'invalid';
    if (!mirror.config || !mirror.complete) return 'missing';
    return usable ? 'good' : 'invalid';
  }

  leaseWanted(): boolean {
    return this.#listed && this.state.usable !== undefined;
  }

  leaseState(): 'same' | 'changed' | 'gone' {
    const { lease, mirror } = this.state;
    // The answer to a write may come before the watch's event of it.
    if (!this.#storeHeard || (lease.current?.modRevision ?? 0) > mirror.revision) return 'same';
    return lease.compareWith(mirror);
  }

  renewDelayMs(): number | undefined {
    return this.state.lease.renewDelayMs();
  }

  retryDelayMs(): number | undefined {
    const due = [this.#retry.nextDue(), this.#relistAt, this.state.mirror.nextExpiry()].filter(
      (at) => at !== undefined,
    );
    return due.length ? Math.max(10, Math.min(...due) - this.#deps.clock.now()) : undefined;
  }

  backoffMs(failures: number, first: number, most: number): number {
    const ms = Math.min(most, first * 2 ** Math.min(failures - 1, 16));
    return Math.round(ms * (0.5 + this.#deps.random() / 2));
  }

  noteState(region: 'store' | 'lease' | 'work', state: string): void {
    const before = this.journal.stateOf(region);
    this.journal.state(region, state);
    if (region !== 'store' || before === state) return;
    const { source, log, options } = this.#deps;
    const key = `${options.etcd.prefix}/config`;
    if (state === 'awaitingConfig') {
      const hint = `etcdctl put ${key} '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}'`;
      log.warn(
        { key },
        `There is no network config at ${key} in ${source.where} (API v3); waiting for it. To put one: ${hint}`,
      );
    }
    if (state === 'watching')
      log.info({ revision: this.state.mirror.revision }, `Watching ${options.etcd.prefix} in ${source.where}.`);
  }

  noteFailure(error: unknown): void {
    this.journal.failure(error);
  }

  noteStoreEnded(reason: string, message: string): void {
    if (reason === 'stopped') return;
    this.#deps.log.warn({ reason }, `The watch of ${this.#deps.source.where} ended: ${message}`);
  }
}
