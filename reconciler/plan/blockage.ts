/**
 * Owns what a failed change holds up while a plan is carried out: a failed parent blocks its children and nothing else
 * (docs/design.md#order-lives-in-one-file).
 *
 * - Up: what stands on a device or a nexthop object that could not be made waits.
 * - Down: what something still goes through stays: if a route could not be moved or removed, the device and the nexthop object that it uses
 *   now are not taken away; nor are the ARP and FDB entries of its gateway if it could not be moved. What would otherwise be a failed change
 *   would be a lost route.
 */
import type { Change, Outcome } from '../contracts/driver.ts';
import { goesThrough, standsOn } from '../kinds/index.ts';

export class Blockage {
  /** Ids of parents that could not be made. */
  readonly #missing = new Set<string>();
  /** Ids of what something still uses. */
  readonly #inUse = new Set<string>();
  /** What the entries that the plan deletes go through, by their ids: an ARP entry's FDB entry goes first. */
  readonly #through = new Map<string, string>();

  /** `changes`: all that the plan will do. */
  constructor(changes: Iterable<Change> = []) {
    for (const change of changes) {
      if (change.op !== 'delete') continue;
      const through = goesThrough(change.have);
      if (through !== undefined) this.#through.set(change.id, through);
    }
  }

  /** Takes in an outcome; only failures and what they blocked matter. */
  note({ change, result }: Outcome): void {
    if (result !== 'failed' && result !== 'blocked') return;
    if (change.op !== 'delete') this.#missing.add(change.id);
    if (change.op === 'create') return;
    for (const id of standsOn(change.have)) this.#inUse.add(id);
    // What could not be moved still needs its old way; what could not be removed is about to go all the same.
    let through = change.op === 'update' ? goesThrough(change.have) : undefined;
    while (through !== undefined) {
      this.#inUse.add(through);
      through = this.#through.get(through);
    }
  }

  /** Id of what a change has to wait for; undefined if nothing is in its way. */
  by(change: Change): string | undefined {
    if (change.op === 'delete') return this.#inUse.has(change.id) ? change.id : undefined;
    if (this.#missing.size === 0) return undefined;
    return standsOn(change.want).find((id) => this.#missing.has(id));
  }
}
