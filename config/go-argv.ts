/**
 * Owns Go's command line syntax (package flag), which node:util's parseArgs doesn't speak: one dash or two, `-flag=value` or
 * `--flag value`, and a bool that takes a value only after "=". It is put into one canonical form first; parseArgs then collects it.
 */

import { parseArgs } from 'node:util';
import { UsageError } from './errors.ts';
import { FLAGS, flagNamed } from './flags.ts';
import { nearest } from './nearest.ts';

export interface GoArgv {
  /** Texts given for each flag, in order. A bool without a value is "true". */
  given: Map<string, string[]>;
  /** From the first word that is no flag on. */
  rest: string[];
  /** A "--" came before `rest`: no flags follow. */
  terminated: boolean;
}

/** Reads flags up to the first word that is none, as Go does. @throws UsageError for an unknown flag or a missing value */
export function parseGoArgv(argv: readonly string[]): GoArgv {
  const canonical: string[] = [];
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === '--') return { given: collect(canonical), rest: argv.slice(at + 1), terminated: true };
    if (!word.startsWith('-') || word === '-') break;
    const { name, value } = split(word);
    if (value !== undefined) canonical.push(`--${name}=${value}`);
    else if (flagNamed(name)!.type === 'bool') canonical.push(`--${name}=true`);
    else if (at + 1 < argv.length) canonical.push(`--${name}=${argv[++at]}`);
    else throw new UsageError(`--${name} needs a value: write --${name}=${placeholder(name)}.`, name);
  }
  return { given: collect(canonical), rest: argv.slice(at), terminated: false };
}

function split(word: string): { name: string; value: string | undefined } {
  const bare = word.slice(word.startsWith('--') ? 2 : 1);
  const equals = bare.indexOf('=');
  const written = equals < 0 ? bare : bare.slice(0, equals);
  const name = written === 'h' ? 'help' : written;
  if (!flagNamed(name)) {
    const near = nearest(
      name,
      FLAGS.map((flag) => flag.name),
    );
    const dashed = word.slice(0, word.length - bare.length) + written;
    throw new UsageError(
      `${dashed} is no flag of selvage: ${near ? `did you mean --${near}?` : 'selvage --help lists them.'}`,
      name,
    );
  }
  return { name, value: equals < 0 ? undefined : bare.slice(equals + 1) };
}

const placeholder = (name: string): string => flagNamed(name)?.placeholder ?? 'VALUE';

const OPTIONS = Object.fromEntries(FLAGS.map(({ name }) => [name, { type: 'string', multiple: true } as const]));

function collect(canonical: string[]): Map<string, string[]> {
  const { values } = parseArgs({ args: canonical, options: OPTIONS, strict: true, allowPositionals: false });
  return new Map(Object.entries(values).map(([name, texts]) => [name, texts ?? []]));
}
