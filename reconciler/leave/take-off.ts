/**
 * Owns what goes from a host that leaves the network: everything of ours, and nothing else. It is a plan in which nothing is wanted
 * (plan/plan.ts), and so deletes by the same rules as any other. It does no I/O.
 *
 * - What has to stay, because something of somebody else's is on it, is unmet: this host has not left.
 * - subnet.env goes with its own lines only, where Docker's options were written into it too.
 */
import { hasDockerOptions, withDockerOptions } from '../../config/two-in-one.ts';
import type { HeldEntry } from '../contracts/report.ts';
import { type FileResource, idOf } from '../kinds/index.ts';
import { noRetries } from '../plan/hold.ts';
import type { Step } from '../plan/order.ts';
import type { OwnershipContext } from '../plan/ownership.ts';
import { makePlan } from '../plan/plan.ts';
import type { PlanInput } from '../plan/plan-input.ts';
import type { LeavePlan } from './hand-back.ts';

export interface TakeOffInput extends OwnershipContext, Pick<PlanInput, 'haves' | 'scopeComplete' | 'nexthopObjects'> {}

/** Why something of ours can't go. */
const STAYS: ReadonlySet<string> = new Set(['foreign address', 'still in use']);

export function planTakeOff(input: TakeOffInput): LeavePlan {
  const nothing = new Map();
  const plan = makePlan({ ...input, wants: nothing, desired: nothing, desiredComplete: true, retry: noRetries });
  const held = plan.held.map((entry): HeldEntry => (STAYS.has(entry.why) ? { ...entry, unmet: true } : entry));
  return { steps: plan.steps.map(keepDockerLines), held };
}

/** A file that has Docker's options too is written instead of deleted. */
function keepDockerLines(step: Step): Step {
  if (step.kind !== 'file') return step;
  const changes = step.changes.map((change) => {
    const have = change.op === 'delete' ? change.have : undefined;
    if (have?.kind !== 'file' || !hasDockerOptions(have.content)) return change;
    const want: FileResource = { ...have, content: withDockerOptions('', have.content) };
    if (want.content === have.content) return undefined;
    const reason = "only Docker's options stay";
    return { op: 'update' as const, id: idOf(have), reason, want, have, fields: ['content'], recreate: false };
  });
  return { ...step, changes: changes.filter((change) => change !== undefined) };
}
