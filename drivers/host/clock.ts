/** Owns the time of this host: what its clock says, and what has passed whatever anybody sets that clock to. */
import { setTimeout as sleep } from 'node:timers/promises';

/** `steady` stands still while the machine sleeps (CLOCK_MONOTONIC). */
export const hostClock = {
  now: Date.now,
  steady: (): number => performance.now(),
  sleep: async (ms: number, signal?: AbortSignal): Promise<void> => void (await sleep(ms, undefined, { signal })),
};
