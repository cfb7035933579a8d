/** Owns the log: to stderr only, one JSON object a line, or text for a person when stderr is a terminal. */
import { pino } from 'pino';
import pretty from 'pino-pretty';

export type Log = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** Writes synchronously, so that the last line before an exit is not lost. */
export function openLog(level: string, terminal = Boolean(process.stderr.isTTY)): Log {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!terminal) {
    return pino(
      { ...options, formatters: { level: (label: string) => ({ level: label }) } },
      pino.destination({ fd: 2, sync: true }),
    );
  }
  const stream = pretty({
    destination: 2,
    sync: true,
    colorize: true,
    ignore: 'round',
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return pino(options, stream);
}

/** For tests and for commands that answer on stdout alone. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
