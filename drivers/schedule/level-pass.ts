/** Owns the level pass: a full pass on a cron schedule, which proves that the edges missed nothing. */
import { CronJob } from 'cron';

/** A fleet whose clocks agree must not list etcd and the kernel in one second: each pass is up to this much late. */
const JITTER_MS = 10_000;

/**
 * Calls `pass` on the schedule of a cron expression (5 or 6 fields, local time), up to 10 s late. Returns what stops it.
 * @throws Error (cron's) if the expression can't be read.
 */
export function startLevelPass(expression: string, random: () => number, pass: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const job = CronJob.from({
    cronTime: expression,
    unrefTimeout: true,
    onTick: () => {
      // One that is still to come serves this tick too: a schedule of seconds must not put it off again and again.
      timer ??= setTimeout(() => {
        timer = undefined;
        pass();
      }, random() * JITTER_MS).unref();
    },
    errorHandler: () => pass(),
    start: true,
  });
  return () => {
    clearTimeout(timer);
    void job.stop();
  };
}
