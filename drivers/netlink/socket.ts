/**
 * Owns a netlink socket: how it is opened, what it is told, and where (a namespace). Used for requests and, with groups, for events.
 *
 * - Non-blocking and close-on-exec. Opened at first use, so that constructing costs nothing.
 * - What an older kernel doesn't know (strict checking, extended errors, a group) is left out; callers must not rely on it.
 */
import { EAGAIN, EBADF, errnoName } from './errno.ts';
import { errno, libc } from './libc.ts';
import { inNetns } from './netns.ts';
import type { Transport } from './transport.ts';

const AF_NETLINK = 16;
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
const NETLINK_ROUTE = 0;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;

interface SocketOptions {
  /** File of the namespace to open the socket in; undefined for our own. */
  netns?: string;
  /** Bytes; the kernel doubles it. Without CAP_NET_ADMIN the host's rmem_max is the limit. */
  receiveBuffer: number;
  /** Netlink's family of its own: NETLINK_ROUTE, if absent. */
  protocol?: number;
  /** RTNLGRP_* (or the family's own) to listen to. */
  groups?: readonly number[];
}

export class NetlinkSocket implements Transport {
  readonly #options: SocketOptions;
  #fd = -1;
  #portId = 0;

  constructor(options: SocketOptions) {
    this.#options = options;
  }

  get portId(): number {
    return this.#portId;
  }

  /** The file descriptor, to poll; −1 while closed. */
  get fd(): number {
    return this.#fd;
  }

  send(data: Uint8Array, length: number): number {
    if (this.#fd < 0) {
      try {
        this.reopen();
      } catch (error) {
        return -errnoOf(error);
      }
    }
    const sent = libc().send(this.#fd, data, length, MSG_DONTWAIT);
    return sent < 0 ? -errno() : sent;
  }

  receive(into: Uint8Array): number {
    if (this.#fd < 0) return -EBADF;
    const received = libc().recv(this.#fd, into, into.length, MSG_DONTWAIT | MSG_TRUNC);
    if (received > 0) return received;
    return received < 0 ? -errno() : -EAGAIN;
  }

  reopen(): void {
    this.close();
    inNetns(this.#options.netns, () => this.#open());
  }

  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
    this.#portId = 0;
  }

  #open(): void {
    const c = libc();
    this.#fd = c.socket(AF_NETLINK, SOCK_RAW_NONBLOCK_CLOEXEC, this.#options.protocol ?? NETLINK_ROUTE);
    if (this.#fd < 0) throw this.#failed('socket');
    this.#receiveBuffer();
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) this.#set(SOL_NETLINK, option, 1);
    const address = new Uint8Array(12); // sockaddr_nl: family, padding, port id (0: the kernel chooses), groups
    new Uint16Array(address.buffer)[0] = AF_NETLINK;
    if (c.bind(this.#fd, address, 12) < 0) throw this.#failed('bind');
    if (c.getsockname(this.#fd, address, Uint32Array.of(12)) < 0) throw this.#failed('getsockname');
    this.#portId = new Uint32Array(address.buffer)[1]!;
    for (const group of this.#options.groups ?? []) this.#set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  }

  #receiveBuffer(): void {
    const { receiveBuffer } = this.#options;
    if (!this.#set(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer)) this.#set(SOL_SOCKET, SO_RCVBUF, receiveBuffer);
  }

  #set(level: number, option: number, value: number): boolean {
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    return libc().setsockopt(this.#fd, level, option, bytes, 4) === 0;
  }

  #failed(call: string): Error {
    const number = errno();
    this.close();
    return Object.assign(new Error(`A netlink socket can't be opened: ${call} says ${errnoName(number)}.`), {
      errno: -number,
    });
  }
}

/** The errno of an error of ours or of node:fs, which both keep −errno. */
function errnoOf(error: unknown): number {
  const { errno } = error as { errno?: unknown };
  return typeof errno === 'number' && errno < 0 ? -errno : EBADF;
}
