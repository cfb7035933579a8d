/**
 * Owns the making of folders. Node's own recursive mkdir tries for ever where the kernel says ENOENT below a folder that is there, as under
 * /proc (libuv's mkdir, src/node_file.cc: MKDirpSync), and its sync form takes the whole process along.
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** @returns those that were made, the uppermost first; throws the errno */
export function makeFolders(folder: string): string[] {
  const missing: string[] = [];
  for (let at = folder; !statSync(at, { throwIfNoEntry: false }) && at !== dirname(at); at = dirname(at))
    missing.unshift(at);
  return missing.filter((path) => make(path));
}

/** False: somebody else was quicker. */
function make(path: string): boolean {
  try {
    mkdirSync(path, 0o755);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}
