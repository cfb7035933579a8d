/**
 * Owns the search for a free block. Counts by arithmetic on the taken ranges, so that a /8 with four million blocks costs what its leases
 * cost, and picks among *all* free ones (flannel: among the first 100, so that hosts that start together collide).
 */
import { type Cidr, lastOf, networkOf } from '../../config/ipv4.ts';
import { sizeOf } from './blocks.ts';

/** Ranges of block numbers, ends included. */
type Range = [from: number, to: number];

export interface Pool {
  /** First address of the first and of the last block. */
  min: number;
  max: number;
  length: number;
}

export const capacity = ({ min, max, length }: Pool): number => Math.floor((max - min) / sizeOf(length)) + 1;

/** The taken block numbers, sorted and without overlaps. A block of another length takes every one that it touches. */
function takenRanges(pool: Pool, taken: Iterable<Cidr>): Range[] {
  const size = sizeOf(pool.length);
  const end = capacity(pool) - 1;
  const ranges: Range[] = [];
  for (const block of taken) {
    const from = Math.max(0, Math.floor((networkOf(block.ip, block.length) - pool.min) / size));
    const to = Math.min(end, Math.floor((lastOf(block.ip, block.length) - pool.min) / size));
    if (from <= to) ranges.push([from, to]);
  }
  ranges.sort((a, b) => a[0] - b[0]);
  const merged: Range[] = [];
  for (const [from, to] of ranges) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** A free block, each with the same chance; undefined if there is none. `random` returns a number in [0, 1). */
export function pickFree(pool: Pool, taken: Iterable<Cidr>, random: () => number): Cidr | undefined {
  const ranges = takenRanges(pool, taken);
  const free = ranges.reduce((left, [from, to]) => left - (to - from + 1), capacity(pool));
  if (free <= 0) return undefined;
  // The nth free block's number: n, moved up over each taken range that lies before it.
  let number = Math.floor(random() * free);
  for (const [from, to] of ranges) {
    if (number < from) break;
    number += to - from + 1;
  }
  return { ip: pool.min + number * sizeOf(pool.length), length: pool.length };
}
