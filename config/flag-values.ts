/** Owns where each flag's value comes from and that it is right: a flag on the command line, else SELVAGE_*, else FLANNELD_*, else the default. */

import { UsageError } from './errors.ts';
import { type Command, envNames, FLAGS, type Flag, type FlagName, type FlagValues } from './flags.ts';
import type { GoArgv } from './go-argv.ts';
import { readFlag } from './go-value.ts';

/** Where a flag's value was taken from. */
export interface Given {
  texts: string[];
  /** "--etcd-prefix" or "FLANNELD_ETCD_PREFIX". */
  source: string;
  env: boolean;
}
export type AllGiven = ReadonlyMap<FlagName, Given>;

/** What was given of each flag: the command line first, then the environment. */
export function gather(flags: GoArgv['given'], env: Readonly<Record<string, string | undefined>>): AllGiven {
  const all = new Map<FlagName, Given>();
  for (const flag of FLAGS) {
    const texts = flags.get(flag.name);
    const variable = envNames(flag).find((name) => env[name] !== undefined && env[name] !== '');
    if (texts) all.set(flag.name, { texts, source: `--${flag.name}`, env: false });
    else if (variable) all.set(flag.name, { texts: [env[variable]!], source: variable, env: true });
  }
  return all;
}

/** Every flag's value, given or default. @throws UsageError that names the flag or the variable */
export function readValues(given: AllGiven, command: Command): FlagValues {
  const values: Record<string, unknown> = {};
  for (const flag of FLAGS) {
    const { texts, source } = given.get(flag.name) ?? { texts: defaultTexts(flag), source: `--${flag.name}` };
    const read = readFlag(flag.type, texts);
    const checked = 'value' in read && flag.check ? flag.check.safeParse(read.value) : undefined;
    const issue = checked?.error?.issues[0]?.message;
    const right = 'right' in read ? read.right : (issue && flag.right?.(command)) || issue;
    if (right !== undefined) {
      throw new UsageError(`${source} is ${quote(flag, texts)}, but must be ${right}.`, flag.name);
    }
    values[flag.name] = checked ? checked.data : 'value' in read && read.value;
  }
  // The table's types are the values': the loop went through every row.
  return values as FlagValues;
}

const defaultTexts = (flag: Flag): string[] => (flag.type === 'list' && flag.default === '' ? [] : [flag.default]);

/** For a message; without the password that somebody may have put into a URL. */
function quote(flag: Flag, texts: readonly string[]): string {
  const shown = flag.type === 'list' ? texts.join(', ') : (texts.at(-1) ?? '');
  return `"${shown.replace(/\/\/[^,]*@/g, '//***@')}"`;
}
