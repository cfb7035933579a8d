/**
 * Owns the few C functions that netlink needs and Node has not, called through koffi. Loaded at first use, glibc or musl.
 * A call returns what C returns; a negative result is followed by `errno()`, read before anything else is called.
 */
import { arch } from 'node:process';
import koffi from 'koffi';

interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  getsockname(fd: number, address: Uint8Array, length: Uint32Array): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number;
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, length: Uint32Array): number;
  send(fd: number, data: Uint8Array, length: number, flags: number): number;
  recv(fd: number, data: Uint8Array, length: number, flags: number): number;
  setns(fd: number, type: number): number;
  close(fd: number): number;
  flock(fd: number, operation: number): number;
}

const MUSL_ARCH: Record<string, string> = { x64: 'x86_64', arm64: 'aarch64', arm: 'armhf', ia32: 'i386' };

let loaded: Libc | undefined;

/** Throws an Error if there is no C library to load. */
export function libc(): Libc {
  if (loaded) return loaded;
  const library = loadLibc();
  loaded = {
    socket: library.func('int socket(int, int, int)'),
    bind: library.func('int bind(int, void *, uint32_t)'),
    getsockname: library.func('int getsockname(int, void *, void *)'),
    setsockopt: library.func('int setsockopt(int, int, int, void *, uint32_t)'),
    getsockopt: library.func('int getsockopt(int, int, int, void *, void *)'),
    send: library.func('intptr_t send(int, void *, size_t, int)'),
    recv: library.func('intptr_t recv(int, void *, size_t, int)'),
    setns: library.func('int setns(int, int)'),
    close: library.func('int close(int)'),
    flock: library.func('int flock(int, int)'),
  };
  return loaded;
}

export const errno = (): number => koffi.errno();

/** For those who need more functions of it. Throws as `libc` does. */
export function loadLibc(): ReturnType<typeof koffi.load> {
  const names = ['libc.so.6', `libc.musl-${MUSL_ARCH[arch] ?? arch}.so.1`, null]; // null: what Node itself is linked with
  let cause: unknown;
  for (const name of names) {
    try {
      return koffi.load(name);
    } catch (error) {
      cause = error;
    }
  }
  throw new Error('The C library could not be loaded, and without it there is no netlink: is this Linux?', { cause });
}
