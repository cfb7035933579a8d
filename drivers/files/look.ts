/**
 * Owns reading a path as it is: what it leads to through symbolic links, and its content if that is a regular file.
 * Nothing here writes, nor blocks on a FIFO or a device.
 */
import { constants } from 'node:fs';
import { lstat, open, readlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** As Linux (MAXSYMLINKS). */
const MAX_LINKS = 40;

/**
 * The path itself and, while the last one is a symbolic link, where it points; the last may not exist.
 * A link is somebody's decision where the file should be: it is followed, not replaced.
 */
export async function followLinks(path: string): Promise<string[]> {
  const chain = [resolve(path)];
  for (;;) {
    const last = chain.at(-1)!;
    const target = await readlink(last).catch((error: NodeJS.ErrnoException) => {
      // EINVAL: no link. The others: nothing there to follow; whoever opens it gets the same and says so.
      if (['EINVAL', 'ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(error.code ?? '')) return undefined;
      throw error;
    });
    if (target === undefined) return chain;
    if (chain.length > MAX_LINKS) throw Object.assign(new Error(`ELOOP: ${path}`), { code: 'ELOOP' });
    chain.push(resolve(dirname(last), target));
  }
}

export type FileState =
  | { what: 'absent' }
  | { what: 'file'; bytes: Buffer; mode: number }
  /** "a folder", "a device", … */
  | { what: 'other'; name: string };

/** Rejects with the errno of a path that can't be looked at (EACCES, EIO). */
export async function readState(path: string): Promise<FileState> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { what: 'absent' };
    if (code === 'ELOOP') return { what: 'other', name: 'a circle of symbolic links' };
    if (code === 'ENXIO' || code === 'ENODEV') return { what: 'other', name: 'a socket or a device' };
    throw error;
  }
  try {
    const stat = await handle.stat();
    if (stat.isFile()) return { what: 'file', bytes: await handle.readFile(), mode: stat.mode & 0o7777 };
    const name = stat.isDirectory() ? 'a folder' : stat.isFIFO() ? 'a pipe' : 'a device';
    return { what: 'other', name };
  } finally {
    await handle.close();
  }
}

/** The nearest folder above `path`, or `path` itself, that exists. */
export async function nearestFolder(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const stat = await lstat(folder).catch(() => undefined);
    if (stat || folder === dirname(folder)) return folder;
  }
}
