/**
 * Owns how much memory the leases of a network take, so that a process with too little says so before it tells anybody that it is there: V8
 * ends a process whose heap is full without a word of ours.
 */
import type { HeldEntry } from '../contracts/report.ts';

const MB = 1 << 20;
/** Of a cold start, as v8.getHeapStatistics().heap_size_limit counts: measured with --once, where 16,384 peers ended at 144 MB and had enough at 176, and 4,096 at 88. */
const EMPTY = 64 * MB;
const PER_LEASE = 5.5 * 1024;
/** What V8 adds to --max-old-space-size for new objects. */
const YOUNG = 48 * MB;

/** `limit`: bytes; undefined where nobody knows. */
export function tooLittleMemory(prefix: string, leases: number, limit: number | undefined): HeldEntry | undefined {
  const needed = EMPTY + leases * PER_LEASE;
  if (limit === undefined || limit >= needed) return undefined;
  const [may, takes] = [limit, needed].map((bytes) => Math.ceil((bytes - YOUNG) / MB));
  const detail = `A network of ${leases.toLocaleString('en')} leases takes up to ${takes} MB of JavaScript's heap, and this process may have ${may}, so that it could end at any moment (a first lease is not taken like that); give Node --max-old-space-size=${takes} or more (NODE_OPTIONS), or leave that out.`;
  return { kind: 'store', key: prefix, why: 'too little memory', detail, unmet: true };
}
