/**
 * Owns the recognition of our own writes among the kernel's events, where the kernel doesn't stamp them with our port id: everything about the
 * FDB, and the removal of a neighbour (kernel 6.18: neither the FDB's notifications nor neigh_cleanup_and_release name anybody).
 *
 * - What is expected is expected once, and only until the event queue has next been read to its end: by then its event has come, because the
 *   kernel queues it inside our own send(). So a lost or absent echo can't swallow anybody's later event.
 * - If somebody changes the same entry in that moment there are two events, of which one is let through: enough to look.
 */
import type { Resource } from '../../reconciler/kinds/index.ts';
import { RTM_DELNEIGH, RTM_NEWNEIGH } from './codec/constants.ts';
import { type Op, wireOf } from './kinds/index.ts';

export class Echoes {
  readonly #expected = new Map<string, number>();

  expect(op: Op, resource: Resource, index: number): void {
    const type = op === 'delete' ? RTM_DELNEIGH : RTM_NEWNEIGH;
    const unstamped = wireOf(resource.kind)?.echo?.(op, resource);
    if (unstamped) this.#add(echo(type, unstamped.family, index, unstamped.key));
  }

  /** Is this event one that we are the cause of? Each expectation is good for one event. */
  take(type: number, family: number, index: number, key: string): boolean {
    if (this.#expected.size === 0) return false;
    const name = echo(type, family, index, key);
    const count = this.#expected.get(name);
    if (count === undefined) return false;
    if (count > 1) this.#expected.set(name, count - 1);
    else this.#expected.delete(name);
    return true;
  }

  /** The event queue has been read to its end. */
  clear(): void {
    this.#expected.clear();
  }

  #add(name: string): void {
    this.#expected.set(name, (this.#expected.get(name) ?? 0) + 1);
  }
}

const echo = (type: number, family: number, index: number, key: string) => `${type} ${family} ${index} ${key}`;
