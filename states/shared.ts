/** Owns what the regions of the agent share: each of them reads it, and tells the others through it. */
import type { HeldEntry, Report } from '../reconciler/contracts/report.ts';
import { Companions } from './companions.ts';
import type { AgentDeps } from './deps.ts';
import { DesiredState } from './desired-state.ts';
import { Dirty } from './dirty.ts';
import type { Send } from './events.ts';
import { HeldMemory } from './held-memory.ts';
import { History } from './history.ts';
import { Journal } from './journal.ts';
import { LastGood } from './last-good.ts';
import { DriverWatches } from './watch-drivers.ts';

export class Shared {
  readonly deps: AgentDeps;
  readonly mode: Report['mode'];
  readonly dirty = new Dirty();
  readonly state: DesiredState;
  readonly journal: Journal;
  readonly lastGood: LastGood;
  readonly companions: Companions;
  readonly watches: DriverWatches;
  /** What was done, for whoever asks. */
  readonly history = new History();
  /** What rounds have found to be held. */
  readonly heldMemory = new HeldMemory();
  #sink: Send = () => {};

  constructor(deps: AgentDeps, mode: Report['mode']) {
    this.deps = deps;
    this.mode = mode;
    this.state = new DesiredState(deps, this.dirty);
    this.journal = new Journal(deps.log, mode, new Set(deps.companions.map(({ name }) => name)));
    this.lastGood = new LastGood(deps, mode, this.state);
    this.watches = new DriverWatches(deps.drivers, deps.clock);
    this.companions = new Companions(deps.companions, (name, error) => this.journal.failure(name, error));
  }

  /** Tells the machine; nobody, where there is none. */
  readonly send: Send = (event) => this.#sink(event);

  sendTo(sink: Send): void {
    this.#sink = sink;
  }

  /** All that is held now, whoever found it. */
  get held(): HeldEntry[] {
    const besides = [...this.watches.held, ...this.companions.held];
    return [...this.lastGood.held, ...this.state.held, ...this.heldMemory.entries, ...besides];
  }
}
