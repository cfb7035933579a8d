/** Owns what the daemons use: resident memory and open file descriptors, from /proc, over time. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Bed } from './bed.ts';

export interface Sample {
  /** Minutes since the start. */
  minute: number;
  /** Of all daemons, the least and the most: MB and numbers. */
  rss: [least: number, most: number];
  fds: [least: number, most: number];
}

export function sample({ daemons }: Bed, minute: number): Sample | undefined {
  const found = [...daemons.values()].flatMap(({ pid, running }) => {
    if (!running) return [];
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const rss = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
      return [{ rss, fds: readdirSync(`/proc/${pid}/fd`).length }];
    } catch {
      return []; // it has just been ended
    }
  });
  if (found.length === 0) return undefined;
  const range = (numbers: number[]): [number, number] => [Math.min(...numbers), Math.max(...numbers)];
  return { minute, rss: range(found.map(({ rss }) => rss)), fds: range(found.map(({ fds }) => fds)) };
}
