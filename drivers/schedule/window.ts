/** Owns maintenance windows: from each moment of a cron expression (local time) on, for a while. */
import { CronTime } from 'cron';
import type { Window } from '../../reconciler/docker/restart.ts';

/** @throws Error (cron's) if the expression can't be read. */
export function windowOf(begins: string, durationMs: number): Window {
  const time = new CronTime(begins);
  // The first beginning behind a moment.
  const next = (after: number): number => time.getNextDateFrom(new Date(after)).toMillis();
  return (now) => {
    const begin = next(now - durationMs);
    return begin <= now ? { open: true, opensAt: begin } : { open: false, opensAt: begin };
  };
}
