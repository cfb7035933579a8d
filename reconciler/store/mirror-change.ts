/**
 * Owns what a step of the mirror changed, so that its reader looks at that and at nothing else.
 */
import type { Lease } from '../../config/model.ts';

export interface LeaseChanges {
  /** Subnets whose lease in force came, went or says something else. */
  subnets: Set<string>;
  /** What of `subnets` has no lease in force any more. */
  removed: Set<string>;
  /** Subnets whose lease says the same under a new revision or lease id: renewed, or put back. */
  renewed: Set<string>;
}

export interface MirrorChange extends LeaseChanges {
  /** Another config is in force, or one for the first time. */
  config: boolean;
  heldChanged: boolean;
  /** This step is where the store began to be doubted: the own lease may have to be put back (Mirror.lingering). */
  doubted: boolean;
}

export const isNoChange = (change: MirrorChange): boolean =>
  !change.config && !change.subnets.size && !change.renewed.size && !change.heldChanged && !change.doubted;

/** What happened to one subnet between two states; undefined for nothing. */
export function compareLeases(before: Lease | undefined, after: Lease | undefined): 'changed' | 'renewed' | undefined {
  if (before === after) return undefined;
  if (!before || !after || before.key !== after.key || before.value !== after.value) return 'changed';
  const same = before.modRevision === after.modRevision && before.leaseId === after.leaseId;
  return same && before.createRevision === after.createRevision ? undefined : 'renewed';
}
