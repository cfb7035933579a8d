/**
 * Owns the giving up of rights. The engine needs none once it has its descriptors: whatever a packet could make it do, it can do only what
 * anybody may. Each step is tried; what a host doesn't allow is told.
 */
import koffi from 'koffi';
import { loadLibc } from '../../netlink/libc.ts';

/** The user and group `nobody`, which own nothing: the kernel's overflowuid. */
const NOBODY = 65_534;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_SET_DUMPABLE = 4;
const CAPABILITY_VERSION_3 = 0x20080522;

/** Gives up what can be given up; the sentences are what was kept. */
export function dropRights(): string[] {
  const kept: string[] = [];
  const library = loadLibc();
  const prctl = library.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
  const capset = library.func('int capset(void *, void *)');
  if (process.geteuid?.() === 0) {
    const refused = becomeNobody(library);
    if (refused) kept.push(`the user root, without its capabilities: it may not become nobody (${refused})`);
  }
  const header = Uint32Array.of(CAPABILITY_VERSION_3, 0);
  if (capset(header, new Uint32Array(6)) !== 0) kept.push(`its capabilities (capset: errno ${koffi.errno()})`);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) !== 0) kept.push('the right to gain rights by what it starts');
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return kept;
}

/**
 * In all threads: the C library sees to it, and with the user the kernel takes the capabilities. Not process.setuid: a Node with the
 * distribution's libuv (Debian's) refuses that, because of what io_uring could go on doing as root; who starts an engine switches io_uring
 * off. Returns what was refused.
 */
function becomeNobody(library: ReturnType<typeof loadLibc>): string | undefined {
  const calls: [name: string, call: () => number][] = [
    ['setgroups', () => library.func('int setgroups(size_t, void *)')(0, null)],
    ['setgid', () => library.func('int setgid(unsigned int)')(NOBODY)],
    ['setuid', () => library.func('int setuid(unsigned int)')(NOBODY)],
  ];
  const failed = calls.find(([, call]) => call() !== 0);
  return failed && `${failed[0]}: errno ${koffi.errno()}`;
}
