/**
 * Owns reading a file that a second writer is at: mk-docker-opts.sh, where it shares a file with subnet.env, empties it and then appends line
 * by line, and what is put in its place meanwhile would lose a line. So what looks like that is read when it has been quiet for a while.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { hasDockerOptions } from '../../config/two-in-one.ts';
import { type FileState, readState } from './own-file.ts';

/** The script's whole run takes some 20 ms. */
const QUIET_MS = 250;
const MOST_TRIES = 8;

/** Rejects as readState does. A file that is never quiet is read as it is after two seconds. */
export async function readQuiet(path: string): Promise<FileState> {
  for (let tries = 1; ; tries++) {
    const state = await readState(path);
    if (state.what !== 'file' || tries === MOST_TRIES) return state;
    if (state.bytes.length > 0 && !hasDockerOptions(state.bytes.toString('utf8'))) return state;
    const age = Date.now() - state.writtenAt;
    // A time in the future says nothing.
    if (age < 0 || age >= QUIET_MS) return state;
    await sleep(QUIET_MS - age);
  }
}
