/**
 * Owns the order in which things are built and taken down (docs/design.md#order-lives-in-one-file). The list itself is kinds/index.ts.
 *
 * - Up first, in an order in which everything finds what it stands on; then down in reverse, so that nothing ever points at what is gone.
 * - Creates and updates come before any delete: the new path is there before the old one goes (make before break).
 * - Within a step the changes are independent of each other: any order, one batch.
 *
 * What holds what a wanted thing needs goes early: a device of ours that nobody wants, with a VNI on a port that a wanted one has, before
 * any is made; an address that is a peer's now once the new one is there (with its last address a device loses its routes), and before
 * the way to that peer. Another's that does is a conflict that is held.
 */
import type { Change } from '../contracts/driver.ts';
import { BUILD_ORDER, type Kind } from '../kinds/index.ts';

export interface Step {
  kind: Kind;
  direction: 'up' | 'down';
  changes: Change[];
}

/** Changes by kind, as the plan collects them. */
export class StepBuilder {
  readonly #early = new Map<Kind, Change[]>();
  readonly #up = new Map<Kind, Change[]>();
  readonly #down = new Map<Kind, Change[]>();

  add(kind: Kind, change: Change): void {
    const side = change.op !== 'delete' ? this.#up : change.first ? this.#early : this.#down;
    const same = side.get(kind);
    if (same) same.push(change);
    else side.set(kind, [change]);
  }

  /** Steps in the order in which they are to be carried out, without empty ones. */
  steps(): Step[] {
    const steps: Step[] = [];
    for (const kind of BUILD_ORDER) {
      const [early, changes] = [this.#early.get(kind), this.#up.get(kind)];
      for (const each of kind === 'link' ? [early, changes] : [changes, early])
        if (each) steps.push({ kind, direction: 'up', changes: each });
    }
    for (const kind of BUILD_ORDER.toReversed()) {
      const changes = this.#down.get(kind);
      if (changes) steps.push({ kind, direction: 'down', changes });
    }
    return steps;
  }
}
