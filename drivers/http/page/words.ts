/** Owns the words of the page: times as people say them, and what the states mean. */
import type { RoundNote } from '../../../reconciler/contracts/status.ts';

/** "3 h 12 min", of milliseconds. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days`;
}

export const count = (n: number): string => n.toLocaleString('en');

export const plural = (n: number, one: string): string => `${count(n)} ${n === 1 ? one : `${one}s`}`;

export const RESULT: Readonly<Record<RoundNote['result'], string>> = {
  nothing: 'nothing to do',
  repaired: 'repaired',
  unrepaired: 'not repaired',
  failed: 'failed',
};
