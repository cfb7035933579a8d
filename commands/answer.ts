/**
 * Owns how a command answers: what goes to standard output, in which format, and the exit code of what went wrong.
 * stdout carries the answer and nothing else.
 */

import { foreign, MOST_SENTENCE } from '../config/foreign-text.ts';
import { withCure } from '../config/open-files.ts';
import type { Options } from '../config/options.ts';
import { type Look, PLAIN_LOOK } from '../reconciler/report/draw.ts';
import { EXIT, exitCodeOf } from '../reconciler/report/exit-code.ts';
import type { Format } from '../reconciler/report/render.ts';
import { RunError } from '../states/run-error.ts';

/** No error of ours has more. */
const MOST_LINES = 40;

/** A table for a person at a terminal, JSON for a program, unless one was asked for. */
export function formatOf({ format }: Options): Format {
  if (format !== undefined && format !== 'state-file' && format !== 'commands') return format;
  return process.stdout.isTTY ? 'table' : 'json';
}

/** Of a table: as wide as the terminal, else 80 columns; colours as https://no-color.org wants them. */
export function lookOf({ all, color }: Options): Look {
  const { isTTY, columns } = process.stdout;
  const wanted = isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  return { width: columns || PLAIN_LOOK.width, color: color === 'always' || (color === 'auto' && wanted), all };
}

/** Returns the exit code of a command that has answered. */
export function answer(text: string): number {
  process.stdout.write(text);
  return EXIT.ok;
}

/** Says it of variables that have no effect; for commands without a log. */
export function tellUnknownVariables({ unknownEnv }: Options): void {
  for (const sentence of unknownEnv) process.stderr.write(`selvage: ${sentence}\n`);
}

/** Each line of it cleaned and bounded: it may quote what stands in etcd. */
export function sentenceOfEnd(error: unknown): string {
  const message = withCure(error instanceof Error ? error.message : String(error));
  const lines = message.slice(0, MOST_LINES * MOST_SENTENCE).split('\n', MOST_LINES);
  return lines.map((line) => foreign(line, MOST_SENTENCE)).join('\n');
}

/** The exit code of a command that ended with an error. */
export function exitCodeOfEnd(error: unknown): number {
  if (error instanceof RunError) return error.exitCode;
  return exitCodeOf(error instanceof Error ? error : new Error(String(error)));
}
