/** Owns what a metric is made from, and what one is: a row of list.ts. */
import type { Report } from '../../reconciler/contracts/report.ts';
import type { Counts, Status } from '../../reconciler/contracts/status.ts';

/** What a run or a daemon knows. Of a single run there is its report alone. */
export interface Known {
  version: string;
  report?: Report;
  daemon?: { status: Status; counts: Counts; overruns: number };
  /** ms since the epoch. */
  now: number;
}

export interface Sample {
  value: number;
  labels?: Readonly<Record<string, string>>;
}

export interface Metric {
  name: string;
  type: 'gauge' | 'counter';
  help: string;
  labels?: readonly string[];
  /** Whether a single run has it too (--metrics-file). */
  ofRun?: true;
  /** [] where there is nothing to say. */
  samples(known: Known): Sample[];
}
