/**
 * Owns the file of the last good copy: read in one go, replaced atomically and durably (drivers/files/write.ts).
 * What is wrong with it is one sentence, for it is never more than a help.
 */
import { rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { CopyHead, StateCache, StateCopy } from '../../reconciler/contracts/state-copy.ts';
import { readState, sentenceOf } from '../files/own-file.ts';
import { writeAtomically } from '../files/write.ts';
import { checksumOf, formatCopy, parseCopy, parseHead, pastOf } from './format.ts';

/** A config that the Network backend keeps secrets in (ipsec's PSK) is nobody else's business. */
const MODE = 0o600;
/** 16,384 leases are some 8 MB. */
const MOST_COPY = 256 << 20;
/** A head is some 300 bytes. */
const MOST_HEAD = 65_536;
const FLAG = '--state-cache';
/** The same state is written again after this long, so that it says when the store was last heard from (ms). */
const RECENT_MS = 3_600_000;

/** A copy that others may write would be whatever they like. `message`: the path, what is wrong with it, and the cure. */
class NotOurs extends Error {}

export function openStateCache(path: string): StateCache {
  const broken = (error: unknown): Error => {
    if (error instanceof NotOurs)
      return new Error(`The last good copy is not used: ${error.message}`, { cause: error });
    const why = error instanceof Error ? error.message : String(error);
    const isErrno = error instanceof Error && 'code' in error;
    const what = isErrno ? `can't be read (${why})` : why;
    return new Error(`The last good copy ${path} ${what}; it is not used.`, { cause: error });
  };

  async function read(how: { most: number } | { first: number }): Promise<string | undefined> {
    const state = await readState(path, how);
    if (state.what === 'other') throw new NotOurs(sentenceOf(path, state.wrong, FLAG));
    return state.what === 'file' ? state.bytes.toString('utf8') : undefined;
  }

  async function head() {
    try {
      const text = await read({ first: MOST_HEAD });
      return text === undefined ? undefined : parseHead(text.split('\n', 1)[0]!);
    } catch (error) {
      throw broken(error);
    }
  }

  return {
    path,
    head,
    async load() {
      try {
        const text = await read({ most: MOST_COPY });
        return text === undefined ? undefined : parseCopy(text);
      } catch (error) {
        throw broken(error);
      }
    },
    async save(copy) {
      const there = await head().catch(() => undefined);
      if (there && saysTheSame(there, copy)) return;
      await writeAtomically(path, formatCopy(copy), MODE, FLAG).catch((error: unknown) => {
        throw withoutTemporary(error);
      });
    },
    remove: () => rm(path, { force: true }),
  };
}

/** Its name is another each time, and would make what is said of it new. */
function withoutTemporary(error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  return new Error(error.message.replace(/, \w+( '.*)?$/s, ''), { cause: error });
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
