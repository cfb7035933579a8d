/** Owns the log: to stderr only, one JSON object a line, or text for a person when stderr is a terminal. */
import { pino } from 'pino';
import type { Log } from '../../reconciler/contracts/log.ts';

/** Writes synchronously, so that the last line before an exit is not lost. */
export async function openLog(level: string, terminal = Boolean(process.stderr.isTTY)): Promise<Log> {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!terminal) {
    const log: Log = pino(
      { ...options, formatters: { level: (label: string) => ({ level: label }) } },
      pino.destination({ fd: 2, sync: true }),
    );
    return log;
  }
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({
    destination: 2,
    sync: true,
    colorize: true,
    ignore: 'round',
    translateTime: 'SYS:HH:MM:ss.l',
  });
  const log: Log = pino(options, stream);
  return log;
}
