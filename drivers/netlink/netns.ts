/**
 * Owns the excursion into another network namespace: synchronous, on the main thread, and always back.
 * A socket opened there stays there; /proc/sys/net shows the namespace of whoever looks.
 */
import { closeSync, openSync } from 'node:fs';
import { errnoName } from './errno.ts';
import { errno, libc } from './libc.ts';

const CLONE_NEWNET = 0x40000000;

/**
 * Runs `work` (which must not be async) inside the namespace at `path`, here if undefined. Throws what `work` throws, and an Error if the
 * namespace can't be entered (needs CAP_SYS_ADMIN). Not being able to come back would leave the whole process in the wrong place: it aborts.
 */
export function inNetns<T>(path: string | undefined, work: () => T): T {
  if (path === undefined) return work();
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const there = openSync(path, 'r');
    try {
      enter(there, path);
    } finally {
      closeSync(there);
    }
    try {
      return work();
    } finally {
      if (libc().setns(home, CLONE_NEWNET) < 0) process.abort();
    }
  } finally {
    closeSync(home);
  }
}

function enter(fd: number, path: string): void {
  if (libc().setns(fd, CLONE_NEWNET) === 0) return;
  const number = errno();
  const message = `The network namespace ${path} can't be entered (${errnoName(number)}): that takes CAP_SYS_ADMIN.`;
  throw Object.assign(new Error(message), { errno: -number });
}
