/**
 * Owns the proof: return codes are none (docs/design.md#return-codes-are-not-proof). What was changed is listed again, and what isn't as it
 * should be has failed, whatever the kernel said (an FDB append and an FDB delete with the wrong address both return 0 and do nothing).
 *
 * - Looks at each change's own id only; what happened elsewhere is the next round's to find.
 * - A child whose device went away meanwhile has not failed: it vanished, and the device's event brings us back.
 */

import { type Change, isMade, type Outcome } from '../contracts/driver.ts';
import type { Failure } from '../contracts/failure.ts';
import { compare, type Have, identical, idOf, parentOf } from '../kinds/index.ts';

/**
 * The outcomes as the read-back has them. `after` must cover the changed ids and their links, and come from a complete listing.
 * One outcome for each given one, in the same order.
 */
export function verify(outcomes: readonly Outcome[], after: Iterable<Have>): Outcome[] {
  const there = new Map<string, Have | Have[]>();
  for (const have of after) {
    const id = idOf(have);
    const same = there.get(id);
    if (same === undefined) there.set(id, have);
    else if (Array.isArray(same)) same.push(have);
    else there.set(id, [same, have]);
  }
  return outcomes.map((outcome) => {
    if (!isMade(outcome)) return outcome;
    const failure = check(outcome.change, there);
    return failure ? { change: outcome.change, result: 'failed', failure } : outcome;
  });
}

function check(change: Change, there: ReadonlyMap<string, Have | Have[]>): Failure | undefined {
  const found = there.get(change.id);
  if (change.op === 'delete') {
    const left = Array.isArray(found)
      ? found.some((have) => identical(have, change.have))
      : identical(found, change.have);
    return left ? mismatch(`${change.id} is still there although its deletion was accepted`) : undefined;
  }
  const effective = Array.isArray(found) ? found[0] : found;
  if (effective !== undefined) {
    const fields = compare(change.want, effective);
    if (fields.length === 0) return undefined;
    return mismatch(`${change.id} was written, but still differs in ${fields.join(', ')}`);
  }
  const link = parentOf(change.want);
  if (link !== undefined && !there.has(`link ${link}`))
    return { kind: 'vanished', code: 'ENODEV', message: `${change.id} went away with its device ${link}.` };
  return mismatch(`${change.id} was written without an error, but is not there`);
}

/** A failure's code: the kernel said that it was done, and it is not so. */
export const MISMATCH = 'MISMATCH';

/** `what`: the beginning of a sentence. */
export const mismatch = (what: string): Failure => ({
  kind: 'transient',
  code: MISMATCH,
  message: `${what}; somebody else may have changed it in the same moment.`,
});
