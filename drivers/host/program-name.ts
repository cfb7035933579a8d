/** Owns how a process is named for people: by the program that it was started as, not by its main thread, which Node 24 calls "MainThread". */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** "a program" for one that has just ended. */
export function programName(pid: number | string): string {
  try {
    // Arguments end with a NUL each (proc(5)); a kernel thread has none, and one may have written a title of one word over them.
    const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const [word = ''] = program.split(' ');
    return basename(word) || readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return 'a program';
  }
}
