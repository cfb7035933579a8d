/** Owns the search for the first seed that violates something: the program that a mutant is bundled into. Prints one line of JSON. */
import { scheduleOf } from './schedule.ts';
import { simulate } from './simulate.ts';

const [mostSeconds = '20', from = '1', ...only] = process.argv.slice(2);
const SEEDS = 1000;
/** Fleets of up to so many: what a mutant does wrong it does in small ones too, and ten times as fast. */
const HOSTS = 4;

async function hunt(): Promise<unknown> {
  for (let seed = Number(from); seed <= SEEDS && process.cpuUsage().user < Number(mostSeconds) * 1e6; seed++) {
    const schedule = scheduleOf(seed, only.length > 0 ? only : undefined);
    if (schedule.shape.hosts > HOSTS) continue;
    const { violation } = await simulate(schedule);
    if (violation) return { seed, ...violation };
  }
  return { why: 'no seed shows it' };
}

console.log(JSON.stringify(await hunt()));
