/**
 * Owns the mark by which one selvage knows that another works for the same network on this host: a lock (flock(2)) that dies with its process.
 *
 * - A network is an etcd prefix in a network namespace. The pid is in the locked file; a file without a lock says nothing.
 * - Taken in each of two folders that lets us: a sandboxed unit may write one only, and who asks looks in both.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
export function takeInstanceLock({ prefix, subnetFile }: { prefix: string; subnetFile: string }): InstanceLock {
  const name = `daemon-${networkNamespace()}${prefix.replaceAll(/[^A-Za-z0-9._]/g, '-')}.lock`;
  const taken: number[] = [];
  const release = (): void => {
    for (const fd of taken.splice(0)) closeSync(fd);
  };
  for (const folder of [FOLDER, dirname(subnetFile)]) {
    const path = join(folder, name);
    const fd = openLocked(path);
    if (fd === undefined) continue;
    if (fd === 'taken') {
      release();
      return { heldBy: readPid(path), release };
    }
    taken.push(fd);
  }
  return { heldBy: undefined, release };
}

/** undefined: it can't be tried here. */
function openLocked(path: string): number | 'taken' | undefined {
  let fd: number;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    fd = openSync(path, 'a+', 0o644);
  } catch {
    return undefined;
  }
  if (libc().flock(fd, LOCK_EX | LOCK_NB) < 0) {
    closeSync(fd);
    return 'taken';
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return fd;
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
