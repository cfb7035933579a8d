/** Owns the question who listens at a unix socket, answered by the kernel (SO_PEERCRED, unix(7)) and so also for one that hangs. */
import { loadLibc } from '../netlink/libc.ts';

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/** The process that began to listen there; undefined if nobody does. */
export function peerPid(path: string): number | undefined {
  const library = loadLibc();
  const socket = library.func('int socket(int, int, int)');
  const connect = library.func('int connect(int, void *, uint32_t)');
  const getsockopt = library.func('int getsockopt(int, int, int, void *, void *)');
  const close = library.func('int close(int)');
  const fd: number = socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
  if (fd < 0) return undefined;
  try {
    const name = Buffer.concat([Buffer.from(Uint16Array.of(AF_UNIX).buffer), Buffer.from(path), Buffer.alloc(1)]);
    if (connect(fd, name, name.length) !== 0) return undefined;
    const credentials = new Int32Array(3); // struct ucred: pid, uid, gid
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, Uint32Array.of(12)) === 0 ? credentials[0] : undefined;
  } finally {
    close(fd);
  }
}
