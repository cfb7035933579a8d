/**
 * Owns the file of the last good copy: read in one go, replaced atomically and durably (drivers/files/write.ts).
 * What is wrong with it is one sentence, for it is never more than a help.
 */
import { open, readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { CopyHead, StateCache, StateCopy } from '../../reconciler/contracts/state-copy.ts';
import { writeAtomically } from '../files/write.ts';
import { checksumOf, formatCopy, parseCopy, parseHead, pastOf } from './format.ts';

/** A config that the Network backend keeps secrets in (ipsec's PSK) is nobody else's business. */
const MODE = 0o600;
/** A head is some 300 bytes. */
const MOST_HEAD = 65_536;
/** The same state is written again after this long, so that it says when the store was last heard from (ms). */
const RECENT_MS = 3_600_000;

const isAbsent = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

export function openStateCache(path: string): StateCache {
  const broken = (error: unknown): Error => {
    const why = error instanceof Error ? error.message : String(error);
    const isErrno = error instanceof Error && 'code' in error;
    const what = isErrno ? `can't be read (${why})` : why;
    return new Error(`The last good copy ${path} ${what}; it is not used.`, { cause: error });
  };

  async function firstLine(): Promise<string | undefined> {
    try {
      const handle = await open(path);
      try {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(MOST_HEAD), 0, MOST_HEAD, 0);
        return buffer.toString('utf8', 0, bytesRead).split('\n', 1)[0];
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  async function head() {
    try {
      const line = await firstLine();
      return line === undefined ? undefined : parseHead(line);
    } catch (error) {
      throw broken(error);
    }
  }

  return {
    path,
    head,
    async load() {
      try {
        return parseCopy(await readFile(path, 'utf8'));
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw broken(error);
      }
    },
    async save(copy) {
      const there = await head().catch(() => undefined);
      if (there && saysTheSame(there, copy)) return;
      await writeAtomically(path, formatCopy(copy), MODE);
    },
  };
}

/** The revision may be an earlier one: nothing of ours has changed since. */
function saysTheSame(there: CopyHead & { stateSha256: string }, copy: StateCopy): boolean {
  const { kind, prefix, clusterId, heardAt } = copy.head;
  return (
    there.kind === kind &&
    there.prefix === prefix &&
    there.clusterId === clusterId &&
    Math.abs(heardAt - there.heardAt) < RECENT_MS &&
    isDeepStrictEqual(pastOf(there), pastOf(copy.head)) &&
    there.stateSha256 === checksumOf(copy)
  );
}
