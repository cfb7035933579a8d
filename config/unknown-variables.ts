/** Owns what is said of a variable that begins with SELVAGE_ and is none of selvage's: a typing error in /etc/default/selvage, or a version's. */
import { envNames, FLAGS } from './flags.ts';
import { nearest } from './nearest.ts';

const PREFIX = 'SELVAGE_';
/** Without the prefix, which would make strangers look alike. */
const KNOWN = FLAGS.flatMap(envNames).flatMap((name) => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : []));

/** A sentence for each; [] if all are known. Only names are said: a value may be a password. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !KNOWN.includes(name.slice(PREFIX.length)))
    .map((name) => {
      const near = nearest(name.slice(PREFIX.length), KNOWN);
      return `${name} is no variable of selvage's and has no effect: ${near ? `did you mean ${PREFIX}${near}?` : 'docs/flags.md and selvage(8) list them.'}`;
    });
}
