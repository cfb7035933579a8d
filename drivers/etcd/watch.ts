/**
 * Owns the watch: turns etcd's responses into the contract's events.
 *
 * - One watch over the range from config to the last lease, because only within one watch etcd keeps changes in the order of revisions.
 *   What else lies in that range is left out: it is what hosts say of themselves (--fleet), and wakes nobody.
 * - A response's events are handed on when the last of its fragments is there, never a part of a revision. So `revision` is always a
 *   point to go on from, and what was lost with a stream comes again.
 * - A store that is behind the revision to go on from, or of another cluster, was wiped or restored: the watch would wait in silence
 *   until it catches up. It ends as after a compaction instead, so that whoever watches lists anew.
 * - No resuming of its own (etcd3's skips events): it ends with a reason, and whoever watches decides.
 */
import type { IEvent, IWatchResponse } from 'etcd3';
import type { StoreChange, WatchEvent } from '../../reconciler/contracts/source.ts';
import { endOf } from '../etcd-common/watch-end.ts';
import { type Keys, leaseRange, toRecord } from './records.ts';
import type { Rpc } from './rpc.ts';

interface WatchStart {
  /** Inclusive. */
  revision: number;
  /** The cluster of the listing that it goes on from; undefined if there was none. */
  clusterId: string | undefined;
}

/** After stop() nothing is emitted, not even an end. */
export function watchPrefix(rpc: Rpc, keys: Keys, start: WatchStart, emit: (event: WatchEvent) => void): () => void {
  let next = start.revision;
  let held: IEvent[] = [];

  const toChange = ({ type, kv }: IEvent): StoreChange | undefined => {
    const key = kv.key.toString();
    const modRevision = Number(kv.mod_revision);
    // etcd delivers each event once; a doubled one would only be noise, so it costs nothing to be sure.
    const isOurs = key === keys.config || key.startsWith(keys.leases);
    if (!isOurs || modRevision < next) return undefined;
    return type === 'Delete' ? { op: 'delete', key, modRevision } : { op: 'put', record: toRecord(kv) };
  };

  const isAnotherStore = ({ header }: IWatchResponse): boolean =>
    Number(header.revision) < start.revision - 1 ||
    (start.clusterId !== undefined && header.cluster_id !== start.clusterId);

  const response = (answer: IWatchResponse) => {
    const { created, fragment, events } = answer;
    if (created && isAnotherStore(answer)) {
      stop();
      const message = `etcd is at revision ${answer.header.revision}, and the watch was to go on at ${start.revision} of what was listed before: the store was wiped or restored, or this member is behind`;
      return emit({ type: 'ended', reason: 'compacted', message });
    }
    if (created) emit({ type: 'started' });
    // Progress notifications have no events.
    held = held.length === 0 ? events : held.concat(events);
    const last = held.at(-1);
    if (fragment || !last) return;
    const changes = held.map(toChange).filter((change) => change !== undefined);
    next = Number(last.kv.mod_revision) + 1;
    held = [];
    if (changes.length > 0) emit({ type: 'changes', revision: next - 1, changes });
  };

  const { range_end } = leaseRange(keys);
  const stop = rpc.watch(
    { key: Buffer.from(keys.config), range_end, start_revision: start.revision, fragment: true },
    { response, end: (failure) => emit(endOf(failure)) },
  );
  return stop;
}
