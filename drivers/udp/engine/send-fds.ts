/**
 * Owns the sending of file descriptors over a unix socket (SCM_RIGHTS, unix(7)), which Node can't: by sendmsg on the socket's own descriptor.
 */
import type { Socket } from 'node:net';
import koffi from 'koffi';
import { loadLibc } from '../../netlink/libc.ts';
import { addressOf } from './calls.ts';
import { IOVEC, MSG } from './layout.ts';

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const CMSG_HEADER = 16;

/** Throws if it fails; a Node socket's `_handle.fd` has been there since Node 0.x and is what its own tests use. */
export function sendFds(socket: Socket, text: string, fds: number[]): void {
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined) throw new Error('The control connection has no file descriptor.');
  const sendmsg = loadLibc().func('intptr_t sendmsg(int, void *, int)');
  const data = Buffer.from(text);
  const { header, keep } = messageHeader(data, fds.length);
  keep.control.setBigUint64(0, BigInt(CMSG_HEADER + 4 * fds.length), true);
  keep.control.setInt32(8, SOL_SOCKET, true);
  keep.control.setInt32(12, SCM_RIGHTS, true);
  fds.forEach((sent, i) => {
    keep.control.setInt32(CMSG_HEADER + 4 * i, sent, true);
  });
  if (sendmsg(fd, header, 0) < 0) throw new Error(`sendmsg: errno ${koffi.errno()}`);
}

/** A msghdr over `data` with room for `count` descriptors; what it points to lives as long as `keep`. */
export function messageHeader(data: Uint8Array, count: number) {
  const space = CMSG_HEADER + ((4 * count + 7) & ~7);
  const header = new Uint8Array(MSG.size);
  const iovec = new Uint8Array(IOVEC);
  const control = new Uint8Array(space);
  const put = (to: Uint8Array, at: number, value: number) =>
    new DataView(to.buffer, to.byteOffset).setBigUint64(at, BigInt(value), true);
  put(iovec, 0, addressOf(data));
  put(iovec, 8, data.length);
  put(header, MSG.iov, addressOf(iovec));
  put(header, MSG.iovLength, 1);
  put(header, MSG.control, addressOf(control));
  put(header, MSG.controlLength, space);
  return { header, keep: { iovec, control: new DataView(control.buffer), data } };
}
