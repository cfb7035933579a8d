/**
 * Owns the log: to stderr only; text for a person on a terminal and in the journal, else one JSON object a line.
 * Written synchronously, so that the last line before an exit is not lost.
 */
import { fstatSync, writeSync } from 'node:fs';
import { pino } from 'pino';
import type { Log } from '../../reconciler/contracts/log.ts';
import { bounded } from './bounded.ts';

export type LogFormat = 'auto' | 'text' | 'json';

/** The form in which a log goes to a stderr such as ours. */
type Form = 'pretty' | 'journal' | 'json';

export async function openLog(level: string, format: LogFormat = 'auto'): Promise<Log> {
  const form = formOf(format);
  if (form === 'json') {
    const log: Log = pino(
      {
        level,
        base: null,
        ...bounded,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { ...bounded.formatters, level: (label: string) => ({ level: label }) },
      },
      pino.destination({ fd: 2, sync: true }),
    );
    return log;
  }
  const log: Log = pino(
    { level, base: null, ...bounded },
    form === 'journal' ? { write: toJournal } : await prettyStream(),
  );
  return log;
}

function formOf(format: LogFormat): Form {
  if (format === 'json') return 'json';
  if (isJournal()) return 'journal';
  return format === 'text' || process.stderr.isTTY ? 'pretty' : 'json';
}

/** Whether stderr is the journal's own stream, and not one that a shell has sent elsewhere (systemd.exec(5), $JOURNAL_STREAM). */
function isJournal(): boolean {
  const named = process.env.JOURNAL_STREAM;
  if (!named) return false;
  try {
    const { dev, ino } = fstatSync(2, { bigint: true });
    return named === `${dev}:${ino}`;
  } catch {
    return false; // stderr is closed
  }
}

async function prettyStream() {
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    destination: 2,
    sync: true,
    colorize: Boolean(process.stderr.isTTY) && !process.env.NO_COLOR,
    ignore: 'round,held',
    translateTime: 'SYS:HH:MM:ss.l',
  });
}

/** syslog's priorities (sd-daemon(3)) of pino's levels, so that `journalctl -p warning` works. */
function priorityOf(level: number): number {
  if (level >= 60) return 2;
  if (level >= 50) return 3;
  if (level >= 40) return 4;
  return level >= 30 ? 6 : 7;
}

/** The journal knows the time. What a person is not told in words, the report has; but a fault of ours comes with where it happened. */
function toJournal(line: string): void {
  const { level, msg, error } = JSON.parse(line) as { level: number; msg: string; error?: unknown };
  const text = typeof error === 'string' ? `${msg}\n${error}` : msg;
  writeAll(`${text.replace(/^/gm, `<${priorityOf(level)}>`)}\n`);
}

/** A journal that can't follow makes us wait, or lose a line, never end. */
function writeAll(text: string): void {
  try {
    for (let rest = Buffer.from(text); rest.length > 0; ) rest = rest.subarray(writeSync(2, rest));
  } catch {
    // stderr is gone or full: there is nobody to tell
  }
}
