/** Owns the carrying out of a plan's steps, one after the other: each by its driver, without what waits for something that failed. */
import type { Change, Driver, Outcome } from '../reconciler/contracts/driver.ts';
import { Blockage } from '../reconciler/plan/blockage.ts';
import type { Step } from '../reconciler/plan/order.ts';

/** `before`: outcomes of earlier steps of the same plan. @returns one outcome a change, in order */
export async function carryOut(
  drivers: readonly Driver[],
  steps: readonly Step[],
  before: readonly Outcome[] = [],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const blockage = new Blockage(steps.flatMap(({ changes }) => changes));
  for (const outcome of before) blockage.note(outcome);
  const note = (outcome: Outcome): void => {
    outcomes.push(outcome);
    blockage.note(outcome);
  };
  for (const step of steps) {
    const driver = drivers.find((one) => one.kinds.includes(step.kind));
    if (!driver) continue;
    const free: Change[] = [];
    for (const change of step.changes) {
      if (blockage.by(change) === undefined) free.push(change);
      else note({ change, result: 'blocked' });
    }
    if (free.length) for (const outcome of await driver.apply(free)) note(outcome);
  }
  return outcomes;
}
