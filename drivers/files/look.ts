/** Owns where a path leads: through symbolic links, and up to a folder that is there. It only looks; files are opened in own-file.ts. */
import { lstat, readlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** As Linux (MAXSYMLINKS). */
const MAX_LINKS = 40;

/** The path itself and, while the last one is a symbolic link, where it points; the last may not exist. */
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

/** The nearest folder above `path`, or `path` itself, that exists. */
export async function nearestFolder(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const stat = await lstat(folder).catch(() => undefined);
    if (stat || folder === dirname(folder)) return folder;
  }
}
