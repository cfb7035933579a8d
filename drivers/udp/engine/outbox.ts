/**
 * Owns what waits to be sent: datagrams laid end to end, gathered into messages of equal-sized ones to one host (UDP_SEGMENT), and
 * handed to the kernel together (sendmmsg). Bare inner packets, as flannel has them on the wire.
 *
 * - A message is a run: the next datagram joins if it goes to the same host and is as long; a shorter one joins and ends it. So small
 *   packets of different connections to one host go together too, and the order to each host is kept.
 * - What the kernel won't segment (a path MTU below the datagrams', a device that can't, an older kernel) goes singly, to that host for a
 *   while without trying; it fragments what goes singly.
 * - When the socket's buffer is full, what is left stays, `blocked` is true, and nobody may add before a later `flush` has emptied it.
 */
import { constants } from 'node:os';
import type { Counters, DropCause } from './counters.ts';
import {
  AF_INET,
  CMSG,
  IOVEC,
  MAX_DATAGRAM,
  MAX_SEGMENTS,
  MMSG,
  MSG,
  MSG_DONTWAIT,
  SOCKADDR_IN,
  SOL_UDP,
  UDP_SEGMENT,
} from './layout.ts';
import type { Memory } from './memory.ts';

const { EACCES, EAGAIN, EHOSTUNREACH, EINTR, EINVAL, EIO, EMSGSIZE, ENETUNREACH, ENOBUFS, EPERM } = constants.errno;

export interface SendCall {
  /** sendmmsg(2) of `count` headers at `address`: how many went, or −errno of the first. */
  sendMessages(address: number, count: number, flags: number): number;
}

export interface OutboxOptions {
  memory: Memory;
  counters: Counters;
  port: number;
  /** Whether the socket has UDP_SEGMENT. */
  segment: boolean;
  calls: SendCall;
  /** Milliseconds of any clock that only goes forward. */
  now: () => number;
}

/** Bytes: eight full packets of the TUN, which fit into a core's cache. */
const DATA = 512 * 1024;
const MESSAGES = 256;
const CMSG_SPACE = 24;
const CMSG_LENGTH = 18;
/** How long a host gets its datagrams singly after the kernel refused to segment, in ms: paths and devices change. */
const SINGLY_MS = 10_000;

const CAUSES: Record<number, DropCause> = {
  [EMSGSIZE]: 'tooBig',
  [ENETUNREACH]: 'unreachable',
  [EHOSTUNREACH]: 'unreachable',
  [EPERM]: 'refused',
  [EACCES]: 'refused',
  [ENOBUFS]: 'sendQueueFull',
};

export class Outbox {
  /** What was flushed last has not all gone: the socket's buffer is full. */
  blocked = false;
  readonly #memory: Memory;
  readonly #counters: Counters;
  readonly #options: OutboxOptions;
  readonly #data: number;
  readonly #headers: number;
  readonly #iovecs: number;
  readonly #names: number;
  readonly #controls: number;
  #tail: number;
  /** Messages that are filled, and how many of them have gone. */
  #count = 0;
  #sent = 0;
  readonly #hosts = new Uint32Array(MESSAGES);
  readonly #starts = new Uint32Array(MESSAGES);
  readonly #sizes = new Uint32Array(MESSAGES);
  readonly #segments = new Uint32Array(MESSAGES);
  readonly #bytes = new Uint32Array(MESSAGES);
  /** Whether the last message takes no more. */
  #closed = true;
  /** Hosts to which nothing is segmented, until when. */
  readonly #singly = new Map<number, number>();

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#memory = options.memory;
    this.#counters = options.counters;
    const { memory } = options;
    this.#data = memory.take(DATA);
    this.#headers = memory.take(MESSAGES * MMSG.size);
    this.#iovecs = memory.take(MESSAGES * IOVEC);
    this.#names = memory.take(MESSAGES * SOCKADDR_IN);
    this.#controls = memory.take(MESSAGES * CMSG_SPACE);
    this.#tail = this.#data;
    for (let i = 0; i < MESSAGES; i++) this.#prepare(i);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Whether a packet of `bytes` fits without a flush. */
  hasRoom(bytes: number): boolean {
    return this.#tail + bytes <= this.#data + DATA && this.#count < MESSAGES - 2;
  }

  /** Where the next datagram of up to `bytes` is to be written; flushes first if it must. −1 if there is no room even so. */
  reserve(bytes: number): number {
    if (this.#tail + bytes > this.#data + DATA || this.#count === MESSAGES) {
      if (this.blocked || !this.flush()) return -1;
    }
    return this.#tail;
  }

  /** What was written at reserve()'s place is a datagram of `bytes` to `host`. */
  push(bytes: number, host: number): void {
    const last = this.#count - 1;
    const at = this.#tail;
    this.#tail += bytes;
    if (!this.#closed && this.#joins(last, bytes, host)) {
      this.#segments[last]!++;
      this.#bytes[last]! += bytes;
      this.#closed = bytes < this.#sizes[last]!;
      return;
    }
    const next = this.#count++;
    this.#hosts[next] = host;
    this.#starts[next] = at;
    this.#sizes[next] = bytes;
    this.#segments[next] = 1;
    this.#bytes[next] = bytes;
    this.#closed = !this.#options.segment || this.#goesSingly(host);
  }

  #joins(last: number, bytes: number, host: number): boolean {
    return (
      this.#hosts[last] === host &&
      bytes <= this.#sizes[last]! &&
      this.#segments[last]! < MAX_SEGMENTS &&
      this.#bytes[last]! + bytes <= MAX_DATAGRAM
    );
  }

  /** Sends all there is. False if the socket's buffer is full: then `blocked`. */
  flush(): boolean {
    for (let i = this.#sent; i < this.#count; i++) this.#fill(i);
    while (this.#sent < this.#count) {
      const first = this.#sent;
      const result = this.#send(first, this.#count - first);
      if (result > 0) this.#gone(first, result);
      else if (result === -EAGAIN) {
        this.blocked = true;
        return false;
      } else if (result !== -EINTR && !this.#refused(first, -result)) {
        this.blocked = true;
        return false;
      }
    }
    this.#count = 0;
    this.#sent = 0;
    this.#tail = this.#data;
    this.#closed = true;
    this.blocked = false;
    return true;
  }

  #gone(first: number, count: number): void {
    for (let i = first; i < first + count; i++) {
      this.#counters.sentPackets += this.#segments[i]!;
      this.#counters.sentBytes += this.#bytes[i]!;
    }
    this.#counters.sendMessages += count;
    this.#sent = first + count;
  }

  /** Message `i` failed. False if it has to wait for the buffer. */
  #refused(i: number, errno: number): boolean {
    const wontSegment = errno === EMSGSIZE || errno === EINVAL || errno === EIO;
    if (this.#segments[i]! > 1 && wontSegment) {
      this.#singly.set(this.#hosts[i]!, this.#options.now() + SINGLY_MS);
      return this.#sendSingly(i);
    }
    this.#counters.drop(CAUSES[errno] ?? 'sendFailed', this.#segments[i]!);
    this.#sent = i + 1;
    return true;
  }

  /** The datagrams of message `i` one by one, through its own header. */
  #sendSingly(i: number): boolean {
    this.#counters.sentSingly++;
    while (this.#bytes[i]! > 0) {
      const size = Math.min(this.#sizes[i]!, this.#bytes[i]!);
      this.#setData(i, this.#starts[i]!, size);
      this.#memory.setSize(this.#headers + i * MMSG.size + MSG.controlLength, 0);
      const result = this.#send(i, 1);
      if (result === -EINTR) continue;
      if (result === -EAGAIN) return false;
      if (result === 1) {
        this.#counters.sentPackets++;
        this.#counters.sentBytes += size;
        this.#counters.sendMessages++;
      } else this.#counters.drop(CAUSES[-result] ?? 'sendFailed');
      this.#starts[i]! += size;
      this.#bytes[i]! -= size;
      this.#segments[i]!--;
    }
    this.#sent = i + 1;
    return true;
  }

  #send(first: number, count: number): number {
    const address = this.#memory.address(this.#headers + first * MMSG.size);
    return this.#options.calls.sendMessages(address, count, MSG_DONTWAIT);
  }

  #goesSingly(host: number): boolean {
    if (this.#singly.size === 0) return false;
    const until = this.#singly.get(host);
    if (until === undefined) return false;
    if (this.#options.now() < until) return true;
    this.#singly.delete(host);
    return false;
  }

  /** What never changes of the structures of message `i`. */
  #prepare(i: number): void {
    const { u32, u16, view } = this.#memory;
    const header = this.#headers + i * MMSG.size;
    const name = this.#names + i * SOCKADDR_IN;
    const control = this.#controls + i * CMSG_SPACE;
    this.#memory.setPointer(header + MSG.name, name);
    u32[(header + MSG.nameLength) >>> 2] = SOCKADDR_IN;
    this.#memory.setPointer(header + MSG.iov, this.#iovecs + i * IOVEC);
    this.#memory.setSize(header + MSG.iovLength, 1);
    this.#memory.setPointer(header + MSG.control, control);
    u16[name >>> 1] = AF_INET;
    view.setUint16(name + 2, this.#options.port);
    this.#memory.setSize(control, CMSG_LENGTH);
    view.setInt32(control + CMSG.level, SOL_UDP, true);
    view.setInt32(control + CMSG.type, UDP_SEGMENT, true);
  }

  #fill(i: number): void {
    const segmented = this.#segments[i]! > 1;
    const control = this.#controls + i * CMSG_SPACE;
    this.#memory.set32(this.#names + i * SOCKADDR_IN + 4, this.#hosts[i]!);
    this.#setData(i, this.#starts[i]!, this.#bytes[i]!);
    this.#memory.setSize(this.#headers + i * MMSG.size + MSG.controlLength, segmented ? CMSG_SPACE : 0);
    if (segmented) this.#memory.u16[(control + CMSG.data) >>> 1] = this.#sizes[i]!;
  }

  #setData(i: number, start: number, bytes: number): void {
    const iovec = this.#iovecs + i * IOVEC;
    this.#memory.setPointer(iovec, start);
    this.#memory.setSize(iovec + 8, bytes);
  }
}
