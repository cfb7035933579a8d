/** Owns how the agent does what the machine decides on: one object for each region, and what they share. */
import type { Report } from '../reconciler/contracts/report.ts';
import type { AgentDeps } from './deps.ts';
import type { DesiredState } from './desired-state.ts';
import type { Region } from './events.ts';
import type { History } from './history.ts';
import type { Journal } from './journal.ts';
import type { LastGood } from './last-good.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { sayStore } from './report-of.ts';
import type { AgentServices } from './services.ts';
import { Shared } from './shared.ts';
import { StoreFollower } from './store-follower.ts';
import { Work } from './work.ts';

export class Agent implements AgentServices {
  readonly store: StoreFollower;
  readonly lease: LeaseKeeper;
  readonly work: Work;
  readonly #shared: Shared;

  constructor(deps: AgentDeps, mode: Report['mode'] = 'run', onFirstRound?: () => void) {
    this.#shared = new Shared(deps, mode);
    this.store = new StoreFollower(this.#shared);
    this.lease = new LeaseKeeper(this.#shared, this.store);
    this.work = new Work(this.#shared, this.store, onFirstRound);
  }

  get state(): DesiredState {
    return this.#shared.state;
  }

  get journal(): Journal {
    return this.#shared.journal;
  }

  get history(): History {
    return this.#shared.history;
  }

  get lastGood(): LastGood {
    return this.#shared.lastGood;
  }

  /** What companions do now; resolves when it can be looked at. */
  get acting(): Promise<unknown> | undefined {
    return this.#shared.companions.acting;
  }

  backoffMs(failures: number, first: number, most: number): number {
    const ms = Math.min(most, first * 2 ** Math.min(failures - 1, 16));
    return Math.round(ms * (0.5 + this.#shared.deps.random() / 2));
  }

  noteState(region: Region, state: string): void {
    const { deps, history, journal } = this.#shared;
    const before = journal.stateOf(region);
    journal.state(region, state);
    history.state(region, state, deps.clock.now());
    if (region === 'store' && before !== state) sayStore(state, deps, this.state.mirror.revision);
  }

  noteFailure(region: Region, error: unknown): void {
    this.journal.failure(region, error);
    if (region === 'work')
      this.#shared.history.fail(this.journal.failureOf(region) ?? '', this.#shared.deps.clock.now());
    if (region === 'store') this.journal.holds(this.#shared.held);
  }
}
