/** Flag values as Go's strconv reads them. */

import { DURATION_RIGHT, parseDuration } from './duration.ts';
import type { FlagType } from './flags.ts';

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** strconv.ParseBool: 1, t, T, TRUE, true, True and their opposites; undefined for anything else. */
export const parseGoBool = (text: string): boolean | undefined =>
  TRUE.has(text) ? true : FALSE.has(text) ? false : undefined;

/** strconv.ParseInt with base 0: decimal, 0x, 0o (or a leading 0) and 0b, "_" between digits; undefined for anything else or beyond 2^53. */
export function parseGoInt(text: string): number | undefined {
  const match = /^([+-]?)(0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|0|[1-9](?:_?\d)*)$/.exec(text);
  if (!match) return undefined;
  const digits = match[2]!.replaceAll('_', '');
  const value = Number(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  if (!Number.isSafeInteger(value)) return undefined;
  return match[1] === '-' ? 0 - value : value;
}

/** A flag's value by its type, or what would be right. Of a repeated flag that is no list the last one counts. */
export function readFlag(type: FlagType, texts: readonly string[]): { value: unknown } | { right: string } {
  const text = texts.at(-1) ?? '';
  const or = (value: unknown, right: string) => (value === undefined ? { right } : { value });
  switch (type) {
    case 'list':
      return { value: [...texts] };
    case 'string':
      return { value: text };
    case 'bool':
      return or(parseGoBool(text), 'true or false');
    case 'int':
      return or(parseGoInt(text), 'a whole number');
    case 'duration':
      return or(parseDuration(text), DURATION_RIGHT);
  }
}
