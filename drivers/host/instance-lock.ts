/**
 * Owns the mark by which one selvage knows that another works for the same network on this host: a lock (flock(2)) that dies with its process.
 *
 * - A network is an etcd prefix in a network namespace. The pid is in the locked file; a file without a lock says nothing.
 * - Taken beside subnet.env, which even a sandboxed unit may write, and in /run/selvage, where networks with another subnet.env are seen too;
 *   but there only by who keeps its files under /run: whoever keeps them elsewhere (a test, a lab) writes nowhere else.
 * - Who lets go of it removes the file, so whoever gets the lock looks whether that is still the file of that name.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolders } from '../files/folders.ts';
import { libc } from '../netlink/libc.ts';

/** sys/file.h */
const LOCK_EX = 2;
const LOCK_NB = 4;

const FOLDER = '/run/selvage';

export interface InstanceLock {
  /** Pid of the process that has it; undefined if we have it now, or it could not be tried. */
  readonly heldBy: number | undefined;
  /** The lock goes; without it, it goes with the process. */
  release(): void;
}

/** Who has it keeps it; asking again is the only way to learn that it became free. Never throws. */
export function takeInstanceLock(instance: { prefix: string; subnetFile: string }): InstanceLock {
  const taken = new Map<string, number>();
  const release = (): void => {
    for (const [path, fd] of taken) {
      rmSync(path, { force: true });
      closeSync(fd);
    }
    taken.clear();
  };
  for (const path of lockFiles(instance)) {
    const fd = openLocked(path);
    if (fd === undefined) continue;
    if (fd === 'taken') {
      release();
      return { heldBy: readPid(path), release };
    }
    taken.set(path, fd);
  }
  return { heldBy: undefined, release };
}

/** Where the lock of a network's daemon is. */
export function lockFiles({ prefix, subnetFile }: { prefix: string; subnetFile: string }): string[] {
  const name = `daemon-${networkNamespace()}${prefix.replaceAll(/[^A-Za-z0-9._]/g, '-')}.lock`;
  const beside = dirname(subnetFile);
  return (beside.startsWith('/run/') ? [FOLDER, beside] : [beside]).map((folder) => join(folder, name));
}

/** undefined: it can't be tried here. */
function openLocked(path: string): number | 'taken' | undefined {
  try {
    makeFolders(dirname(path));
    for (;;) {
      const fd = openSync(path, 'a+', 0o644);
      if (libc().flock(fd, LOCK_EX | LOCK_NB) < 0) {
        closeSync(fd);
        return 'taken';
      }
      if (fstatSync(fd).ino === statSync(path, { throwIfNoEntry: false })?.ino) {
        ftruncateSync(fd);
        writeSync(fd, `${process.pid}\n`);
        return fd;
      }
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** 0 in the moment in which the other has locked it and not yet written. */
function readPid(path: string): number {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10) || 0;
  } catch {
    return 0;
  }
}

/** "4026531840" of "net:[4026531840]"; "" where that can't be told. */
function networkNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0] ?? '';
  } catch {
    return '';
  }
}
