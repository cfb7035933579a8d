/**
 * Owns the note of what Docker was last restarted for: a file under /run, so that a repair run from a timer, which remembers nothing, and
 * a daemon that was just restarted keep to the hold-off too.
 */
import type { Restarted } from '../../reconciler/docker/contract.ts';
import { readState } from '../files/own-file.ts';
import { writeAtomically } from '../files/write.ts';

/** undefined without one, and for what is no note of ours. */
export async function readNote(path: string): Promise<Restarted | undefined> {
  try {
    const state = await readState(path);
    if (state.what !== 'file') return undefined;
    const note = JSON.parse(state.bytes.toString('utf8')) as Partial<Restarted>;
    const { cause, at, times } = note;
    if (typeof cause !== 'string' || typeof at !== 'number' || typeof times !== 'number') return undefined;
    return { cause, at, times };
  } catch {
    return undefined;
  }
}

/** Rejects with the errno, or a sentence for what is no file of ours. */
export const writeNote = (path: string, note: Restarted): Promise<void> =>
  writeAtomically(path, `${JSON.stringify(note)}\n`, 0o644);
