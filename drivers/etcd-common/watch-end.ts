/** Owns how a watch that failed says so to whoever watches (reconciler/contracts/source.ts). */
import type { WatchEvent } from '../../reconciler/contracts/source.ts';
import { EtcdFailure } from './errors.ts';

type Ended = Extract<WatchEvent, { type: 'ended' }>;

export function endOf(error: unknown): Ended {
  const message = error instanceof Error ? error.message : String(error);
  return { type: 'ended', reason: error instanceof EtcdFailure ? reasonOf(error) : 'unavailable', message };
}

function reasonOf({ why, kind }: EtcdFailure): Ended['reason'] {
  if (why === 'noLeader' || why === 'compacted') return why;
  if (why === 'closed') return 'stopped';
  return kind === 'denied' ? 'denied' : 'unavailable';
}
