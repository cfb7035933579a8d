/** Owns the reading of what hosts say of themselves (fleet-writer.ts writes it). */
import { summariesPrefix } from '../config/lease-key.ts';
import type { Source } from '../reconciler/contracts/source.ts';
import { readSummary } from '../reconciler/fleet/summary.ts';
import { readLeaseKey } from '../reconciler/lease/read.ts';
import type { Word } from '../reconciler/report/fleet.ts';

/** By subnet. What can't be read is as if it weren't there. `now`: ms since the epoch. @throws StoreError */
export async function readWords(source: Source, prefix: string, now: number): Promise<Map<string, Word>> {
  const folder = `${summariesPrefix(prefix)}/`;
  const records = (await source.records?.(folder)) ?? [];
  const left = await source.leases.timeLeft([...new Set(records.map(({ leaseId }) => leaseId))]);
  const words = new Map<string, Word>();
  for (const { key, value, leaseId } of records) {
    const reading = readLeaseKey(folder, key);
    const summary = readSummary(value);
    if (reading.problem || !summary) continue;
    const life = left.get(leaseId);
    const written = Math.max(0, (now - Date.parse(summary.at)) / 1000);
    // Its life is extended with each sign of it; what has no end was not written by a selvage.
    words.set(reading.subnet, { summary, heard: life ? Math.max(0, life.grantedSeconds - life.ttlSeconds) : written });
  }
  return words;
}
