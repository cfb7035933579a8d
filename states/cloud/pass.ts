/**
 * Owns one pass over a cloud: look → plan → apply → look again, until what was written is seen.
 *
 * - A read may be one write behind, so that what was done is waited for, not done again; what is never seen has failed (MISMATCH).
 * - A refusal as "already there" means that the read was behind: it is looked at again, and the plan decides anew.
 * - Never rejects but for an abort.
 */
import { type CloudFailure, failureOf, isCloudError, MISMATCH } from '../../reconciler/cloud/failure.ts';
import {
  type CloudChange,
  type CloudDriver,
  type CloudObserved,
  type CloudOutcome,
  type CloudWant,
  kindOf,
} from '../../reconciler/cloud/model.ts';
import { type CloudPlan, isInForce, planCloud } from '../../reconciler/cloud/plan.ts';
import type { HeldEntry } from '../../reconciler/contracts/report.ts';
import type { Clock } from '../deps.ts';

/** Waits before each further look, ms: some 15 s in all. */
export const LOOK_AGAIN: readonly number[] = [200, 400, 800, 1600, 3000, 4000, 5000];

export interface PassInput {
  driver: CloudDriver;
  want: CloudWant;
  /** Read anew at every plan: leases come and go meanwhile. */
  leases(): { leased: ReadonlySet<string>; complete: boolean };
  keepStale: boolean;
  /** False: a drift report. */
  apply: boolean;
  clock: Pick<Clock, 'sleep'>;
  signal?: AbortSignal;
}

export interface PassResult {
  /** What was found to differ at first. */
  drift: CloudChange[];
  outcomes: CloudOutcome[];
  held: HeldEntry[];
  /** The own subnet is reached by the cloud's routes. */
  inForce: boolean;
  /** Why the cloud could not be looked at. */
  failure?: CloudFailure;
}

export async function cloudPass(input: PassInput): Promise<PassResult> {
  const result: PassResult = { drift: [], outcomes: [], held: [], inForce: false };
  try {
    await new Pass(input, result).run();
  } catch (error) {
    if (!isCloudError(error)) throw error;
    result.failure = failureOf(error);
    result.inForce = false;
  }
  return result;
}

class Pass {
  readonly #input: PassInput;
  readonly #result: PassResult;
  /** By what they do: so that the same thing isn't done twice for want of being seen. */
  readonly #made = new Map<string, CloudOutcome>();

  constructor(input: PassInput, result: PassResult) {
    this.#input = input;
    this.#result = result;
  }

  async run(): Promise<void> {
    const { apply, clock, signal } = this.#input;
    let plan = await this.#look();
    this.#result.drift = plan.changes;
    if (!apply) return;
    for (const wait of [...LOOK_AGAIN, undefined]) {
      const open = plan.changes.filter((change) => !this.#isSettled(change));
      if (open.length) await this.#apply(open);
      const waiting = plan.changes.filter((change) => !this.#hasFailed(change));
      if (waiting.length === 0) break;
      if (wait === undefined) {
        for (const change of waiting) this.#neverSeen(change);
        break;
      }
      await clock.sleep(wait, signal);
      plan = await this.#look();
    }
    this.#result.outcomes = [...this.#made.values()];
  }

  async #look(): Promise<CloudPlan> {
    const { driver, want, leases, keepStale, signal } = this.#input;
    const observed: CloudObserved = await driver.look(want, signal);
    const plan = planCloud({ want, observed, ...leases(), keepStale });
    this.#result.held = plan.held;
    this.#result.inForce = isInForce({ want, observed });
    return plan;
  }

  async #apply(changes: readonly CloudChange[]): Promise<void> {
    const { driver, signal } = this.#input;
    for (const outcome of await driver.apply(changes, signal)) this.#made.set(doing(outcome.change), outcome);
    // Also where the next look fails, what was done is told.
    this.#result.outcomes = [...this.#made.values()];
  }

  /** Done, or refused for good: not to be tried again in this pass. */
  #isSettled(change: CloudChange): boolean {
    const outcome = this.#made.get(doing(change));
    return outcome !== undefined && (outcome.result !== 'failed' || this.#hasFailed(change));
  }

  #hasFailed(change: CloudChange): boolean {
    const failure = this.#made.get(doing(change))?.failure;
    return failure !== undefined && failure.kind !== 'conflict';
  }

  #neverSeen(change: CloudChange): void {
    const made = this.#made.get(doing(change));
    if (made?.result === 'failed') return;
    const message = `The cloud took the change of ${change.key}, but doesn't show it; somebody may be changing it back.`;
    const failure: CloudFailure = { kind: 'transient', code: MISMATCH, message };
    this.#made.set(doing(change), { change, result: 'failed', failure });
  }
}

/** Two changes do the same if they make the same of the same thing. */
function doing(change: CloudChange): string {
  const to = change.op === 'delete' ? '' : JSON.stringify(change.want);
  return `${change.op === 'delete' ? 'delete' : 'put'} ${kindOf(change)} ${change.key} ${to}`;
}
