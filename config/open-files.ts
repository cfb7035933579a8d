/**
 * Owns what is said where no more files can be opened: how many may be, and how that is raised, in place of what else a failure is cured by.
 * Sockets, watches and child processes count as files. Node raises the soft limit to the hard one as it starts.
 */

/** A daemon at rest has some 30 open; each who looks at its pages, and each endpoint of the store, is one more. */
const ENOUGH = 256;

/** Of this process; undefined where nobody knows. */
let most: number | undefined;

/** How many files this process may have open. Read at the start: later no file may be free to read it from. */
export function noteOpenFilesLimit(limit: number | undefined): void {
  most = limit;
}

/** A sentence for a daemon that may open too few; none: they will do. */
export function tooFewFiles(): string[] {
  if (most === undefined || most >= ENOUGH) return [];
  return [`No more than ${most} files may be open at once here, and a busy selvage needs up to ${ENOUGH}: ${RAISE}.`];
}

const RAISE = 'raise LimitNOFILE= in its unit, or ulimit -n';

/** EMFILE: this process has none left, ENFILE: the whole host. Where modules are loaded Node 24 gives the words, not the code. */
const NONE_LEFT = /\b(EMFILE|ENFILE)\b|too many open files/i;

export const isOutOfFiles = (error: unknown): boolean => NONE_LEFT.test(textOf(error));

/** What to do about `error`, as the end of a sentence; `otherwise` where files are not what it lacks. */
export const cureFor = (error: unknown, otherwise: string): string => cureOf(textOf(error)) ?? otherwise;

/** A sentence that names the lack of files, with its cure; any other as it is. */
export function withCure(text: string): string {
  const cure = cureOf(text);
  return cure === undefined || text.includes(cure) ? text : `${text.replace(/\.?$/, ';')} ${cure}.`;
}

function cureOf(text: string): string | undefined {
  const found = NONE_LEFT.exec(text);
  if (found?.[1] === 'ENFILE') return 'this host has as many files open as it may: raise fs.file-max (sysctl)';
  const limit = most === undefined ? 'all files that selvage may have open' : `all ${most} files that selvage may open`;
  return found ? `${limit} are in use: ${RAISE}` : undefined;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
