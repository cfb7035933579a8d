/** Owns whether a cron expression can be used, and the sentence that says why not. */
import { CronJob } from 'cron';
import { UsageError } from '../../config/errors.ts';

/** `example` says what a good one looks like. @throws UsageError naming the flag */
export function checkCron(flag: string, expression: string, example: string): void {
  const problem = cronProblem(expression);
  if (problem === undefined) return;
  throw new UsageError(`--${flag} ${expression} is no cron expression (${problem}): e.g. ${example}.`, flag);
}

/** Why a cron expression can't be used, as half a sentence; undefined if it can. */
export function cronProblem(expression: string): string | undefined {
  try {
    CronJob.from({ cronTime: expression, onTick: () => {}, start: false });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
