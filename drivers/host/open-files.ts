/** Reads how many files this process may have open (proc(5), /proc/PID/limits). */
import { readFileSync } from 'node:fs';

/** undefined: without a limit, or it can't be read. */
export function openFilesLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
