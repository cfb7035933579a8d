/**
 * Owns replacing a file's content so that a reader sees the old or the new one, whole, also after a power cut:
 * temporary file in the same folder, fsync, rename, fsync of the folder.
 *
 * - An existing file keeps its permission bits; a new one has those asked for, whatever the umask. Missing folders are made, 0755.
 * - A previous content that was not made by flannel or selvage is kept beside it as `<file>.selvage-saved`; that of an edited file
 *   (daemon.json), the last one, as `<file>.selvage-previous`.
 * - What is there and is no file of ours (own-file.ts: a link, a pipe, another user's) is not replaced: that is a conflict.
 * - A temporary file that a crash left is removed by the next write; another process's that still runs is left alone.
 */
import { randomBytes } from 'node:crypto';
import { chmod, link, open, readdir, rename, statfs, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileConflict } from './failure.ts';
import { makeFolders } from './folders.ts';
import { nearestFolder } from './look.ts';
import { conflictAt, readState, wrongAt } from './own-file.ts';

const MAX_SAVED = 9;

const temporaryPrefix = (path: string) => `.${basename(path)}.selvage-`;
/** Files that are being written by this process. */
const inUse = new Set<string>();

/**
 * Rejects with the errno, or FileConflict; then the old content is still there. `mode` is for a new file, `flag` the one that names the
 * path, for the sentence.
 */
export async function writeAtomically(
  path: string,
  content: string | Buffer,
  mode: number,
  flag = '--subnet-file',
): Promise<void> {
  const wrong = await wrongAt(path);
  if (wrong) throw conflictAt(path, wrong, flag);
  const folder = dirname(path);
  const temporary = join(folder, `${temporaryPrefix(path)}${process.pid}-${randomBytes(4).toString('hex')}`);
  inUse.add(temporary);
  try {
    // 0755 whatever the umask, for everybody reads what is below; folders that are there stay as they are.
    for (const made of makeFolders(folder)) await chmod(made, 0o755);
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {}); // it may never have been made
    if (!(await takesNoFiles(folder))) throw error;
    const is = `${folder} is on a file system of the kernel's own (proc, sysfs), which takes no files`;
    throw new FileConflict('ENOTSUP', `${is}: name another ${flag}.`);
  } finally {
    inUse.delete(temporary);
  }
  await syncFolder(folder);
  await removeLeftovers(path);
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems can't; the rename is as durable as they make it.
    if (!['EINVAL', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

/** statfs(2): proc, sysfs, cgroup, cgroup2, devpts, nsfs. They say ENOENT, as if a folder had gone, or EPERM, as if root were needed. */
const KERNELS_OWN = new Set([0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x1cd1, 0x6e736673]);

async function takesNoFiles(folder: string): Promise<boolean> {
  const there = await statfs(await nearestFolder(folder)).catch(() => undefined);
  return there !== undefined && KERNELS_OWN.has(there.type);
}

/** Never rejects: rubbish that can't be removed harms nobody. */
export async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(temporaryPrefix(path))) continue;
    const pid = /^(\d+)-[\da-f]{8}$/.exec(name.slice(temporaryPrefix(path).length))?.[1];
    if (pid === undefined || inUse.has(join(folder, name))) continue;
    if (Number(pid) === process.pid || !isAlive(Number(pid))) await unlink(join(folder, name)).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Empty, or with a line of subnet.env or of Docker's options file: flannel's or ours, and made again at any time. */
export function isMadeAgain(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  return text.trim() === '' || /^FLANNEL_|^\w*DOCKER_OPT_|^\w+=".*--(?:bip|mtu)=/m.test(text);
}

/** Keeps the bytes of `path` beside it as `<file>.selvage-previous`, in place of an earlier one. */
export async function keepPrevious(path: string, bytes: Buffer, mode: number): Promise<void> {
  await writeAtomically(`${path}.selvage-previous`, bytes, mode);
}

/** Keeps the bytes of `path` beside it under a name that is free; nothing is overwritten, and the same bytes are kept once. */
export async function saveBeside(path: string, bytes: Buffer): Promise<void> {
  for (let number = 1; number <= MAX_SAVED; number++) {
    const saved = number === 1 ? `${path}.selvage-saved` : `${path}.selvage-saved.${number}`;
    try {
      // A hard link is the file itself, with owner, mode and times; not every file system has them.
      await link(path, saved).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') throw error;
        return writeFile(saved, bytes, { flag: 'wx', mode: 0o600 });
      });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const there = await readState(saved);
      if (there.what === 'file' && there.bytes.equals(bytes)) return;
    }
  }
  throw new FileConflict(
    'EEXIST',
    `${path} is not a subnet.env, and ${MAX_SAVED} earlier files are already kept beside it: see who writes it, and remove ${path}.selvage-saved*.`,
  );
}
