/**
 * Owns opening a path as a process of root must: what stands there is looked at before it is read or replaced.
 *
 * - A file of ours is a regular one that nobody but root (and who runs selvage) owns or may write. Anything else there is somebody else's
 *   doing: it is neither believed nor written, and the cure is named.
 * - A link at the path's last part is not followed, unless the caller only reads and says so (certificates, a state file).
 * - Nothing here writes, nor blocks on a pipe or a device, nor opens one, nor reads more than it was told to.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readlink, stat } from 'node:fs/promises';
import { FileConflict } from './failure.ts';

/** subnet.env and Docker's files have some hundred bytes. */
export const MOST_BYTES = 1 << 20;

export type FileState =
  | { what: 'absent' }
  /** `mode`: permission bits. `writtenAt`: ms since the epoch. */
  | { what: 'file'; bytes: Buffer; mode: number; writtenAt: number }
  | { what: 'other'; wrong: Wrong };

/** What stands where a file of ours should: "is a pipe, where a file should be", and what to do about it. */
interface Wrong {
  is: string;
  /** FLAG stands for the flag that names the path. */
  cure: string;
}

interface ReadOptions {
  /** Read through a link at the last part too. */
  follow?: boolean;
  /** `owner` is not looked at where a person's own file is only read. */
  owner?: 'ours' | 'any';
  /** Longer files are not read. */
  most?: number;
  /** Only this many bytes, of a file of any length. */
  first?: number;
}

/** "/run/x is a pipe, where a file should be: move it away, or name another file by --subnet-file." */
export const sentenceOf = (path: string, { is, cure }: Wrong, flag: string): string =>
  `${path} ${is}: ${cure.replace('FLAG', flag)}.`;

export const conflictAt = (path: string, wrong: Wrong, flag: string): FileConflict =>
  new FileConflict('EEXIST', sentenceOf(path, wrong, flag));

/** Rejects with the errno of a path that can't be looked at (EACCES, EIO). */
export async function readState(path: string, options: ReadOptions = {}): Promise<FileState> {
  const look = options.follow ? stat : lstat;
  const seen = await look(path).catch(absentOrThrow);
  if (seen === undefined) return { what: 'absent' };
  // Before it is opened: opening alone does something to some devices, and a pipe's writer would be woken.
  const wrong = await wrongWith(path, seen, options);
  if (wrong) return { what: 'other', wrong };
  const handle = await openSeen(path, options).catch(absentOrThrow);
  if (handle === undefined) return { what: 'absent' };
  try {
    return await readOpened(path, handle, options);
  } finally {
    await handle.close();
  }
}

/** What keeps a file at `path` from being replaced, whatever it says; undefined: nothing is there, or a file of ours. */
export async function wrongAt(path: string): Promise<Wrong | undefined> {
  const seen = await lstat(path).catch(absentOrThrow);
  return seen && wrongWith(path, seen, {});
}

function openSeen(path: string, { follow }: ReadOptions): Promise<FileHandle> {
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY, O_NOFOLLOW } = constants;
  return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW));
}

/** Looks again at what was really opened: another may have been put there since. */
async function readOpened(path: string, handle: FileHandle, options: ReadOptions): Promise<FileState> {
  const opened = await handle.stat();
  const wrong = await wrongWith(path, opened, options);
  if (wrong) return { what: 'other', wrong };
  const most = options.first ?? options.most ?? MOST_BYTES;
  const whole = await readUpTo(handle, most, opened.size);
  const bytes = options.first === undefined ? whole : (whole ?? (await firstOf(handle, options.first)));
  if (bytes === undefined) return { what: 'other', wrong: tooLong(most) };
  return { what: 'file', bytes, mode: opened.mode & 0o7777, writtenAt: opened.mtimeMs };
}

async function firstOf(handle: FileHandle, most: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(most), 0, most, 0);
  return buffer.subarray(0, bytesRead);
}

/** undefined if there is more. A file under /proc says that its size is 0. */
async function readUpTo(handle: FileHandle, most: number, size: number): Promise<Buffer | undefined> {
  if (size > most) return undefined;
  const chunks: Buffer[] = [];
  for (let length = 0; ; ) {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.max(size + 1 - length, 4096)));
    if (bytesRead === 0) return Buffer.concat(chunks);
    chunks.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
    if (length > most) return undefined;
  }
}

async function wrongWith(path: string, seen: Stats, { owner }: ReadOptions): Promise<Wrong | undefined> {
  if (seen.isSymbolicLink()) return linkAt(path);
  if (!seen.isFile()) {
    return { is: `is ${nameOf(seen)}, where a file should be`, cure: 'move it away, or name another file by FLAG' };
  }
  const isOurs = seen.uid === 0 || seen.uid === process.geteuid?.();
  if (owner !== 'any' && !isOurs) {
    const is = `belongs to another user (uid ${seen.uid}), who may write into it what he likes`;
    return { is, cure: 'see what it says and chown it to root, or remove it' };
  }
  const byGroup = (seen.mode & 0o020) !== 0 && seen.gid !== 0 && owner !== 'any';
  if ((seen.mode & 0o002) === 0 && !byGroup) return undefined;
  const who = byGroup ? `the group ${seen.gid}` : 'everybody';
  const mode = (seen.mode & 0o7777).toString(8).padStart(4, '0');
  return { is: `may be written by ${who} (mode ${mode})`, cure: 'see what it says and chmod go-w it, or remove it' };
}

async function linkAt(path: string): Promise<Wrong> {
  const target = await readlink(path).catch(() => 'elsewhere');
  const is = `is a symbolic link (to ${target.slice(0, 200)}), which is not followed`;
  return { is, cure: 'remove the link, or name the file itself by FLAG' };
}

const tooLong = (most: number): Wrong => ({
  is: `is longer than ${most.toLocaleString('en')} bytes, which no such file is`,
  cure: 'move it away, or name another file by FLAG',
});

function nameOf(seen: Stats): string {
  if (seen.isDirectory()) return 'a folder';
  if (seen.isFIFO()) return 'a pipe';
  return seen.isSocket() ? 'a socket' : 'a device';
}

function absentOrThrow(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
