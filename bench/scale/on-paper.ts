/**
 * Owns what is taken on from measured beds to networks that no bed can hold. Each cost is a·N + b·N²: what a host does by itself, and
 * what is done for each pair of hosts (an event of one that another watches, a lease of one in the listing of another). a and b come
 * from two measured sizes; a third, where there is one, says how far they are off.
 */
import type { Cost } from './etcd-counters.ts';
import { requestsOf } from './etcd-counters.ts';

export type Figure = 'requests' | 'events' | 'received' | 'sent' | 'fsyncs';
export const FIGURES: readonly Figure[] = ['requests', 'events', 'sent', 'received', 'fsyncs'];

export const amountIn = (cost: Cost, figure: Figure): number =>
  figure === 'requests' ? requestsOf(cost) : cost[figure];

export interface Sample {
  hosts: number;
  value: number;
}

export interface Law {
  /** A host. */
  a: number;
  /** A pair of hosts, each way counted. */
  b: number;
}

/** Through the smallest and the largest size. What counting noise would have be below zero is zero. */
export function lawOf(samples: readonly Sample[]): Law {
  const sorted = [...samples].sort((x, y) => x.hosts - y.hosts);
  const first = sorted[0];
  const last = sorted.at(-1);
  if (!first || !last) throw new Error('no samples');
  if (first.hosts === last.hosts) return { a: first.value / first.hosts, b: 0 };
  const [low, high] = [first.value / first.hosts, last.value / last.hosts];
  const b = (high - low) / (last.hosts - first.hosts);
  if (b <= 0) return { a: high, b: 0 };
  const a = low - b * first.hosts;
  return a >= 0 ? { a, b } : { a: 0, b: high / last.hosts };
}

export const at = ({ a, b }: Law, hosts: number): number => a * hosts + b * hosts * hosts;

/** How far the law is off at a size that it was not made from, as a part of the measured value; undefined: there is none. */
export function offBy(law: Law, samples: readonly Sample[]): number | undefined {
  const between = [...samples].sort((x, y) => x.hosts - y.hosts).slice(1, -1);
  if (between.length === 0) return undefined;
  return Math.max(...between.map(({ hosts, value }) => (value === 0 ? 0 : Math.abs(at(law, hosts) / value - 1))));
}
