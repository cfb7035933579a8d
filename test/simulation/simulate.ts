/** Owns one run: a schedule in, what came of it out. */
import { Fleet } from './fleet.ts';
import type { Violation } from './invariants.ts';
import type { Schedule } from './schedule.ts';

export interface Result {
  schedule: Schedule;
  violation: Violation | undefined;
  /** Of the whole trace: two runs of one schedule have the same. */
  hash: string;
  /** Timers that fired, each followed by all that it set off. */
  steps: number;
  /** Changes that agents made to kernels. */
  changes: number;
  /** ms that passed in the fleet. */
  simulated: number;
  /** Losses that the documentation announces, by why. */
  excused: ReadonlyMap<string, number>;
  /** The last lines of the trace. */
  trace(count: number): string[];
}

export async function simulate(schedule: Schedule): Promise<Result> {
  const fleet = new Fleet(schedule);
  const start = fleet.time.now();
  await fleet.run();
  for (const host of fleet.hosts) host.kill();
  const { judge, trace, time } = fleet;
  return {
    schedule,
    violation: judge.violation,
    hash: trace.hash,
    steps: time.fired,
    changes: judge.changes,
    simulated: time.now() - start,
    excused: judge.excused,
    trace: (count) => trace.last(count),
  };
}
