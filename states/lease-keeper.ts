/** Owns the lease region's work: what is done about our lease, and what a lease that was taken means for the wants. */
import type { LeaseAttrs } from '../config/model.ts';
import type { AcquireResult, LeaseServices } from './lease-services.ts';
import type { Shared } from './shared.ts';
import type { StoreFollower } from './store-follower.ts';

export class LeaseKeeper implements LeaseServices {
  readonly #shared: Shared;
  readonly #store: StoreFollower;

  constructor(shared: Shared, store: StoreFollower) {
    this.#shared = shared;
    this.#store = store;
  }

  async acquire(signal?: AbortSignal): Promise<AcquireResult> {
    const { state, journal } = this.#shared;
    try {
      if (!state.host.current) await state.host.refresh();
      await state.lookAround();
      const context = state.leaseContext();
      // While the config can't be run the lease that we have is kept, and renewed.
      if (!context) return this.leaseState() === 'same' ? 'held' : 'waiting';
      const result = await state.lease.ensure({ ...context, beforeMove: (attrs) => this.#leave(attrs) }, signal);
      journal.recovered('lease');
      if ((result === 'held' || state.lease.covered) && state.remake()) this.#shared.history.woken('lease');
      this.#store.sayDue();
      return result;
    } finally {
      state.leaves(undefined);
      journal.holds(this.#shared.held);
    }
  }

  /** A process that is killed as soon as the word is out has no time to tell the next one which path others still send on: so it says it first. */
  async #leave(attrs: LeaseAttrs): Promise<void> {
    const { state, lastGood } = this.#shared;
    state.leaves(attrs);
    lastGood.writer.pastChanged();
    await lastGood.writer.flush();
    // What comes of it is for the next copy.
    lastGood.writer.pastChanged();
  }

  async renew(): Promise<'renewed' | 'lost'> {
    const result = await this.#shared.state.lease.renew();
    if (result === 'lost') return result;
    this.#shared.journal.recovered('lease');
    this.#shared.state.lease.forgetDoubts();
    return result;
  }

  leaseWanted(): boolean {
    return this.#shared.lastGood.listed && this.#shared.state.usable !== undefined;
  }

  leaseState(): 'same' | 'changed' | 'gone' {
    return this.#store.leaseState();
  }

  renewDelayMs(): number | undefined {
    return this.#shared.state.lease.renewDelayMs();
  }
}
