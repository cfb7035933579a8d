/** Owns what a host that leaves has beside its kernel's resources: the last good copy, and its lease. */
import type { Lease } from '../config/model.ts';
import type { Source } from '../reconciler/contracts/source.ts';
import type { StateCache } from '../reconciler/contracts/state-copy.ts';
import type { Agent } from './agent.ts';
import type { LeftBehind } from './companion.ts';
import type { KeptCopy } from './kept-copy.ts';
import { recordOf } from './own-lease.ts';

export const NOTHING: LeftBehind = { drift: [], outcomes: [], held: [] };

/** Another network's copy, and one that can't be read, is left alone. */
export async function removeCopy(kept: KeptCopy, cache: StateCache | undefined, dryRun: boolean): Promise<LeftBehind> {
  const head = await kept.head();
  if (!cache || !head) {
    const { problem } = kept;
    if (!cache || problem === undefined) return NOTHING;
    return { ...NOTHING, held: [{ kind: 'file', key: cache.path, why: 'left alone', detail: problem, unmet: false }] };
  }
  const entry = { op: 'delete' as const, kind: 'file' as const, key: cache.path };
  const drift = [{ ...entry, reason: 'the last good copy' }];
  if (dryRun) return { ...NOTHING, drift };
  try {
    await cache.remove();
    return { ...NOTHING, drift, outcomes: [{ ...entry, result: 'done' }] };
  } catch (cause) {
    const error = `${cache.path} was not removed (${(cause as Error).message}); remove it by hand.`;
    return { ...NOTHING, drift, outcomes: [{ ...entry, result: 'failed', error }] };
  }
}

/** This host's own, found as a start would find it; undefined if there is none. */
export async function leaseToGiveUp({ state }: Agent): Promise<Lease | undefined> {
  const context = state.leaseContext();
  const choice = context && state.lease.choose(context);
  if (!choice) return undefined;
  return choice.action === 'reuse' ? choice.lease : choice.release[0];
}

/** `isClear`: nothing of ours is left that would still use the subnet. */
export async function giveUp(
  { leases }: Pick<Source, 'leases'>,
  lease: Lease,
  { dryRun, isClear }: { dryRun: boolean; isClear: boolean },
): Promise<LeftBehind> {
  const entry = { op: 'delete' as const, kind: 'lease' as const, key: lease.key };
  const drift = [{ ...entry, reason: 'given up', have: lease.attrs }];
  if (!isClear) {
    const detail = `${lease.key} is kept, because not everything of this network could be taken off this host and ${lease.subnet} may still be in use here; see to that and run selvage leave --release-lease again.`;
    return { drift: [], outcomes: [], held: [{ kind: 'lease', key: lease.key, why: 'kept', detail, unmet: true }] };
  }
  if (dryRun) return { ...NOTHING, drift };
  if ((await leases.release(recordOf(lease))) === 'released')
    return { ...NOTHING, drift, outcomes: [{ ...entry, result: 'done' }] };
  const error = `${lease.key} was changed by somebody else just now and is kept; see who else uses this host's public IP ${lease.attrs.publicIP}, and run it again.`;
  return { ...NOTHING, drift, outcomes: [{ ...entry, result: 'failed', error }] };
}
