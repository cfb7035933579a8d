/**
 * Owns the way from a schedule that fails to a small one that fails alike: without faults, episodes and hosts that it can do without
 * (delta debugging: halves first, then smaller parts).
 */
import type { Schedule, Strike } from './schedule.ts';
import { type Result, simulate } from './simulate.ts';

/** Tries at most. */
const MOST_TRIES = 150;

/** `result`: of the schedule, which failed. `deadline`: ms since the epoch, by Date.now(). */
export async function shrink(result: Result, deadline: number): Promise<Result> {
  let best = result;
  let tries = 0;
  const isSmallEnough = (): boolean => tries >= MOST_TRIES || Date.now() > deadline;
  const attempt = async (schedule: Schedule): Promise<boolean> => {
    if (isSmallEnough()) return false;
    tries++;
    const tried = await simulate(schedule);
    if (tried.violation?.invariant !== best.violation?.invariant) return false;
    best = tried;
    return true;
  };

  await lessHosts(() => best.schedule, attempt);
  for (let last = -1; last !== sizeOf(best.schedule) && !isSmallEnough(); ) {
    last = sizeOf(best.schedule);
    await lessFaults(() => best.schedule, attempt);
  }
  await lessHosts(() => best.schedule, attempt);
  return best;
}

type Attempt = (schedule: Schedule) => Promise<boolean>;

async function lessHosts(current: () => Schedule, attempt: Attempt): Promise<void> {
  const { shape } = current();
  for (let hosts = 2; hosts < shape.hosts; hosts = hosts < 6 ? hosts + 1 : hosts * 2) {
    const late = Math.min(shape.late, hosts - 2);
    if (await attempt({ ...current(), shape: { ...shape, hosts, late } })) return;
  }
}

async function lessFaults(current: () => Schedule, attempt: Attempt): Promise<void> {
  for (let part = Math.ceil(sizeOf(current()) / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2)) {
    for (let from = 0; from < sizeOf(current()); ) {
      if (!(await attempt(without(current(), from, from + part)))) from += part;
    }
  }
}

const sizeOf = ({ episodes }: Schedule): number => episodes.flat().length;

/** Without the strikes of these numbers, and without episodes that have none then. */
function without(schedule: Schedule, from: number, to: number): Schedule {
  let number = 0;
  const episodes = schedule.episodes.map((strikes): Strike[] =>
    strikes.filter(() => {
      const isOut = number >= from && number < to;
      number++;
      return !isOut;
    }),
  );
  return { ...schedule, episodes: episodes.filter((strikes) => strikes.length > 0) };
}
