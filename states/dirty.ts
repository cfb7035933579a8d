/**
 * Owns what is dirty: where something may have changed. Its only door in is `mark`, and out is `take`: what comes in meanwhile is the next
 * round's. Whoever marks from outside a service of the machine sends EDGE instead, which ends here and wakes it.
 */
import { emptyScope, isEmptyScope, mergeScope, type Scope } from '../reconciler/contracts/scope.ts';

export class Dirty {
  #scope = emptyScope();

  get isEmpty(): boolean {
    return isEmptyScope(this.#scope);
  }

  mark(scope: Scope): void {
    mergeScope(this.#scope, scope);
  }

  /** All of it; from then on nothing is dirty. */
  take(): Scope {
    const scope = this.#scope;
    this.#scope = emptyScope();
    return scope;
  }
}
