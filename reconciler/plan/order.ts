/**
 * Owns the order in which things are built and taken down (docs/design.md#order-lives-in-one-file). The list itself is kinds/index.ts.
 *
 * - Up first, in an order in which everything finds what it stands on; then down in reverse, so that nothing ever points at what is gone.
 * - Creates and updates come before any delete: the new path is there before the old one goes (make before break).
 * - Within a step the changes are independent of each other: any order, one batch.
 *
 * One delete comes first: of a device of ours that nobody wants and that holds what a wanted one needs (a VNI on a port). Another's that
 * does is a conflict that is held.
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
  readonly #first: Change[] = [];
  readonly #up = new Map<Kind, Change[]>();
  readonly #down = new Map<Kind, Change[]>();

  add(kind: Kind, change: Change): void {
    if (change.op === 'delete' && change.first) {
      this.#first.push(change);
      return;
    }
    const side = change.op === 'delete' ? this.#down : this.#up;
    const same = side.get(kind);
    if (same) same.push(change);
    else side.set(kind, [change]);
  }

  /** Steps in the order in which they are to be carried out, without empty ones. */
  steps(): Step[] {
    const steps: Step[] = [];
    if (this.#first.length) steps.push({ kind: 'link', direction: 'up', changes: this.#first });
    for (const kind of BUILD_ORDER) {
      const changes = this.#up.get(kind);
      if (changes) steps.push({ kind, direction: 'up', changes });
    }
    for (const kind of BUILD_ORDER.toReversed()) {
      const changes = this.#down.get(kind);
      if (changes) steps.push({ kind, direction: 'down', changes });
    }
    return steps;
  }
}
