/** Owns the making of the engine's sockets: the one for the tunnel, with what the kernel has of UDP_SEGMENT and UDP_GRO, and the one for ICMP errors. */
import { openSync } from 'node:fs';
import koffi from 'koffi';
import { parseIp } from '../../config/ipv4.ts';
import { errnoName } from '../netlink/errno.ts';
import { libc } from '../netlink/libc.ts';
import { AF_INET, SOCKADDR_IN, SOL_UDP, UDP_GRO, UDP_SEGMENT } from './engine/layout.ts';
import { EngineError, type Without } from './open-tun.ts';
import type { EngineFeatures } from './protocol.ts';

const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const IPPROTO_UDP = 17;
const IPPROTO_RAW = 255;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
/** Bytes: some 2,500 full datagrams, as a burst of TCP brings. */
const BUFFER = 4 << 20;

/** Bound to `address`, as flannel's: other addresses of the host are none of ours. Throws an EngineError. */
export function openUdpSocket(
  address: string,
  port: number,
  without: Without = {},
): { fd: number; features: Pick<EngineFeatures, 'segment' | 'gro'> } {
  const c = libc();
  const fd = c.socket(AF_INET, SOCK_DGRAM | NONBLOCK_CLOEXEC, IPPROTO_UDP);
  if (fd < 0)
    throw new EngineError(`No UDP socket can be opened (${errnoName(koffi.errno())}).`, errnoName(koffi.errno()));
  const name = new Uint8Array(SOCKADDR_IN);
  const view = new DataView(name.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  view.setUint32(4, parseIp(address) ?? 0);
  if (c.bind(fd, name, SOCKADDR_IN) !== 0) {
    const code = errnoName(koffi.errno());
    c.close(fd);
    const why =
      code === 'EADDRINUSE'
        ? 'another program has that port (a flanneld?); end it, or set Backend.Port'
        : `${code}; is ${address} an address of this host?`;
    throw new EngineError(`The udp backend can't listen on ${address}:${port}: ${why}.`, code);
  }
  for (const [force, plain] of [
    [SO_SNDBUFFORCE, SO_SNDBUF],
    [SO_RCVBUFFORCE, SO_RCVBUF],
  ] as const) {
    if (!set(fd, SOL_SOCKET, force, BUFFER)) set(fd, SOL_SOCKET, plain, BUFFER);
  }
  // Size 0 asks for nothing, and is refused by a kernel that doesn't know the option (4.18).
  const segment = without.segment !== true && set(fd, SOL_UDP, UDP_SEGMENT, 0);
  const gro = without.gro !== true && set(fd, SOL_UDP, UDP_GRO, 1);
  return { fd, features: { segment, gro } };
}

/**
 * A socket that only sends. Without CAP_NET_RAW there is none, and what can't be delivered is dropped in silence, as flannel's is: then a
 * descriptor that takes nothing.
 */
export function openIcmpSocket(): number {
  const fd = libc().socket(AF_INET, SOCK_RAW | NONBLOCK_CLOEXEC, IPPROTO_RAW);
  return fd >= 0 ? fd : openSync('/dev/null', 'r');
}

function set(fd: number, level: number, option: number, value: number): boolean {
  return libc().setsockopt(fd, level, option, new Uint8Array(Int32Array.of(value).buffer), 4) === 0;
}
