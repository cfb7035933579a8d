/**
 * Owns the agent's ear on the store: takes what a listing or the watch says into the mirror, and tells the machine what that means.
 *
 * - The mirror changes nowhere else, so that every change of it is told.
 * - What is heard is believed only while the watch runs; after that it is what was true last.
 */

import { everything, isEmptyScope, scopeOf } from '../reconciler/contracts/scope.ts';
import type { WatchEvent } from '../reconciler/contracts/source.ts';
import type { MirrorChange } from '../reconciler/store/mirror-change.ts';
import type { Send } from './events.ts';
import type { Shared } from './shared.ts';
import type { StoreServices } from './store-services.ts';

export class StoreFollower implements StoreServices {
  readonly #shared: Shared;
  #heard = false;
  #configState = '';
  #unreadable: ReadonlySet<string> = new Set();
  /** When the next earlier path ends, as the machine's timer has it (ms since the epoch). */
  #pathEnd = Number.POSITIVE_INFINITY;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  /** Whether the store has been listed, and was not lost since. */
  get isHeard(): boolean {
    return this.#heard;
  }

  /** Whether the store is heard and what it says can be run: then the wants are all that this host should have. */
  get isComplete(): boolean {
    const { mirror, usable, isOutdated } = this.#shared.state;
    return this.#heard && mirror.complete && usable !== undefined && !isOutdated;
  }

  async connect(signal?: AbortSignal): Promise<{ revision: number }> {
    const { deps, dirty, history, lastGood, state, send } = this.#shared;
    const snapshot = await lastGood.listing(deps.source.snapshot(signal), () =>
      send({ type: 'EDGE', scope: everything() }),
    );
    const change = state.mirror.applySnapshot(snapshot, deps.clock.now());
    this.#heard = true;
    if (change.doubted) state.lease.forgetRevision();
    lastGood.taken(change);
    state.relist();
    history.woken('store');
    dirty.mark(everything());
    this.#tell(change, send);
    return { revision: snapshot.revision };
  }

  watchStore(send: Send): () => void {
    const { deps, state } = this.#shared;
    return deps.source.watch(state.mirror.revision + 1, (event) => {
      try {
        this.#hear(event, send);
      } catch (error) {
        this.#heard = false;
        const message = error instanceof Error ? error.message : String(error);
        send({ type: 'STORE_ENDED', reason: 'unavailable', message });
      }
    });
  }

  /** Leases that a doubted store has lost end in their own time. */
  expire(now: number): void {
    const { mirror } = this.#shared.state;
    if ((mirror.nextExpiry() ?? Number.POSITIVE_INFINITY) > now) return;
    this.#take(mirror.expire(now), this.#shared.send);
  }

  configState(): 'missing' | 'invalid' | 'good' {
    const { mirror, usable } = this.#shared.state;
    if (mirror.held.some(({ kind, why }) => kind === 'config' && why === 'malformed config')) return 'invalid';
    if (!mirror.complete) return 'missing';
    return usable ? 'good' : 'invalid';
  }

  /** Our lease as the store has it. */
  leaseState(): 'same' | 'changed' | 'gone' {
    const { lease, mirror } = this.#shared.state;
    if (!lease.current) return 'gone';
    // The answer to a write may come before the watch's event of it.
    if (!this.#heard || lease.current.modRevision > mirror.revision) return 'same';
    return lease.compareWith(mirror);
  }

  /** Tells the machine, if an earlier path ends at another time than before: one was left, or let go of. */
  sayDue(): void {
    const end = this.#shared.state.nextPathEnd();
    if (end === this.#pathEnd) return;
    this.#pathEnd = end;
    this.#shared.lastGood.writer.pastChanged();
    this.#shared.send({ type: 'DUE_CHANGED' });
  }

  noteStoreEnded(reason: string, message: string): void {
    const { deps, journal } = this.#shared;
    if (reason === 'stopped') return;
    if (reason === 'moved') deps.log.info({}, `Listing again: ${message}.`);
    else journal.failure('store', `The watch of ${deps.source.where} ended: ${message}`);
  }

  #hear(event: WatchEvent, send: Send): void {
    if (event.type === 'started') {
      this.#shared.journal.recovered('store');
      send({ type: 'STORE_HEARD' });
      return;
    }
    if (event.type === 'ended') {
      this.#heard = false;
      send({ type: 'STORE_ENDED', reason: event.reason, message: event.message });
      return;
    }
    const { mirror } = this.#shared.state;
    this.#take(mirror.applyChanges(event.changes, event.revision, this.#shared.deps.clock.now()), send);
  }

  /** Passes on what a change of the mirror means, and to whom. */
  #take(change: MirrorChange, send: Send): void {
    const { history, state, lastGood } = this.#shared;
    const scope = state.update(change);
    lastGood.writer.changed(change);
    if (!isEmptyScope(scope)) {
      history.woken('store');
      send({ type: 'EDGE', scope });
    }
    this.sayDue();
    this.#tell(change, send);
  }

  #tell(change: MirrorChange, send: Send): void {
    if (change.heldChanged) this.#tellHeld(send);
    const config = this.configState();
    if (change.config || config !== this.#configState) send({ type: 'STORE_CONFIG' });
    // Now that there is one again, things may be deleted that could not before; or not any more.
    if (config !== this.#configState) send({ type: 'EDGE', scope: everything() });
    this.#configState = config;
    // Something that was held and goes away may also make room: a key that nobody could read, a lease that overlapped.
    if (change.removed.size || change.heldChanged) send({ type: 'LEASE_FREED' });
    if (this.#concernsOwnLease(change)) send({ type: 'OWN_LEASE' });
    if (this.#isSecond(change)) send({ type: 'SECOND_LEASE' });
  }

  /** It may be one that we wrote without ever hearing so: nobody else would give it back. */
  #isSecond({ subnets }: MirrorChange): boolean {
    const { mirror, lease, host } = this.#shared.state;
    const publicIP = host.current?.publicIP;
    if (publicIP === undefined) return false;
    return [...subnets].some(
      (subnet) => mirror.leases.get(subnet)?.attrs.publicIP === publicIP && lease.isAnother(subnet),
    );
  }

  /** What can't be read any more, or can again, has to be looked at; else a look at one file is enough for a report that says it. */
  #tellHeld(send: Send): void {
    const { journal, state } = this.#shared;
    journal.holds(this.#shared.held);
    const unreadable = new Set(state.mirror.unreadableSubnets);
    const before = this.#unreadable;
    this.#unreadable = unreadable;
    const peers = [...unreadable, ...before].filter((subnet) => !unreadable.has(subnet) || !before.has(subnet));
    const ids = peers.length ? [] : [`file ${this.#shared.deps.options.subnetFile}`];
    send({ type: 'EDGE', scope: scopeOf({ peers, ids }) });
  }

  /** Not only what has changed: one step may put our key and delete it. */
  #concernsOwnLease({ subnets, renewed }: MirrorChange): boolean {
    const { mirror, lease, host } = this.#shared.state;
    if (lease.current) return this.leaseState() !== 'same';
    const publicIP = host.current?.publicIP;
    return [...subnets, ...renewed].some((subnet) => mirror.leases.get(subnet)?.attrs.publicIP === publicIP);
  }
}
