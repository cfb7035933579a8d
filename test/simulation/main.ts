/**
 * Owns `npm run simulate`: many seeds, one after the other.
 *
 *   npm run simulate -- --seeds 1000 --from 1      seeds 1 to 1000; exit 1 if one of them violates an invariant
 *   npm run simulate -- --schedule JSON --trace    one schedule, as a failure prints it, with its whole trace
 *   --whole                                        failures are not shrunk
 */
import { parseArgs } from 'node:util';
import { failureText } from './failure.ts';
import { type Schedule, scheduleOf } from './schedule.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';

const SHRINK_MS = 120_000;
const EVERY_MS = 10_000;
const DAY_S = 86_400;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    schedule: { type: 'string' },
    trace: { type: 'boolean', default: false },
    whole: { type: 'boolean', default: false },
  },
});

async function one(schedule: Schedule): Promise<number> {
  const result = await simulate(schedule);
  if (values.trace) for (const line of result.trace(Number.POSITIVE_INFINITY)) console.log(line);
  console.log(
    `trace ${result.hash}: ${result.violation ? `${result.violation.invariant}: ${result.violation.text}` : 'all is well'}`,
  );
  return result.violation ? 1 : 0;
}

async function many(from: number, count: number): Promise<number> {
  const sum = { steps: 0, changes: 0, hosts: 0, simulated: 0, faults: 0 };
  const excused = new Map<string, number>();
  const failed: number[] = [];
  const start = Date.now();
  let told = start;
  const tell = (seeds: number): void => {
    told = Date.now();
    const days = (sum.simulated / 1000 / DAY_S).toFixed(1);
    console.log(
      `${seeds} seeds in ${((told - start) / 1000).toFixed(0)} s: ${sum.hosts} hosts, ${sum.faults} faults, ${sum.steps} steps, ${sum.changes} changes, ${days} days; ${failed.length} failed${failed.length ? ` (${failed.join(', ')})` : ''}`,
    );
  };
  for (let seed = from; seed < from + count; seed++) {
    const result = await simulate(scheduleOf(seed));
    sum.steps += result.steps;
    sum.changes += result.changes;
    sum.simulated += result.simulated;
    sum.hosts += result.schedule.shape.hosts;
    sum.faults += result.schedule.episodes.flat().length;
    for (const [why, times] of result.excused) excused.set(why, (excused.get(why) ?? 0) + times);
    if (result.violation) {
      failed.push(seed);
      console.log(failureText(seed, values.whole ? result : await shrink(result, Date.now() + SHRINK_MS)));
    }
    if (Date.now() - told > EVERY_MS) tell(seed - from + 1);
  }
  tell(count);
  for (const [why, times] of [...excused].sort((a, b) => b[1] - a[1])) console.log(`  excused ${times} times: ${why}`);
  return failed.length ? 1 : 0;
}

process.exitCode = values.schedule
  ? await one(JSON.parse(values.schedule) as Schedule)
  : await many(Number(values.from), Number(values.seeds));
