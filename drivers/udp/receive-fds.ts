/**
 * Owns the taking over of an engine's descriptors (SCM_RIGHTS): whoever holds them too keeps the device and the socket alive, with what is
 * queued in them, while a new engine starts in the place of one that died.
 */
import koffi from 'koffi';
import { loadLibc } from '../netlink/libc.ts';
import type { EngineFds } from './engine/calls.ts';
import { MSG } from './engine/layout.ts';
import { messageHeader } from './engine/send-fds.ts';
import { EngineError } from './open-tun.ts';

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const MSG_CMSG_CLOEXEC = 0x40000000;
const CMSG_DATA = 16;
const COUNT = 3;
/** The engine answers within a millisecond; we wait this long, in seconds, because all else waits with us. */
const PATIENCE_S = 1;

/** Copies of the descriptors of the engine that listens at `path`. Throws an EngineError. */
export function receiveFds(path: string): EngineFds {
  const library = loadLibc();
  const call = {
    socket: library.func('int socket(int, int, int)'),
    connect: library.func('int connect(int, void *, uint32_t)'),
    setsockopt: library.func('int setsockopt(int, int, int, void *, uint32_t)'),
    send: library.func('intptr_t send(int, void *, size_t, int)'),
    recvmsg: library.func('intptr_t recvmsg(int, void *, int)'),
    close: library.func('int close(int)'),
  };
  const failed = (what: string) =>
    new EngineError(`The udp engine's descriptors can't be taken over: ${what} says errno ${koffi.errno()}.`);
  const fd = call.socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
  if (fd < 0) throw failed('socket');
  try {
    const timeout = new Uint8Array(new BigInt64Array([BigInt(PATIENCE_S), 0n]).buffer);
    call.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length);
    const name = Buffer.concat([Buffer.from(Uint16Array.of(AF_UNIX).buffer), Buffer.from(path), Buffer.alloc(1)]);
    if (call.connect(fd, name, name.length) !== 0) throw failed('connect');
    const request = Buffer.from('{"id":1,"do":"fds"}\n');
    if (call.send(fd, request, request.length, 0) !== request.length) throw failed('send');
    const answer = Buffer.alloc(1024);
    const { header, keep } = messageHeader(answer, COUNT);
    if (call.recvmsg(fd, header, MSG_CMSG_CLOEXEC) <= 0) throw failed('recvmsg');
    const controlLength = new DataView(header.buffer).getUint32(MSG.controlLength, true);
    if (controlLength < CMSG_DATA + 4 * COUNT) throw failed('its answer, which has none of them,');
    const [tun, udp, icmp] = [0, 1, 2].map((i) => keep.control.getInt32(CMSG_DATA + 4 * i, true)) as [
      number,
      number,
      number,
    ];
    return { tun, udp, icmp };
  } finally {
    call.close(fd);
  }
}
