/**
 * Owns the way in: datagrams from the socket, several at a time (recvmmsg) and several in one buffer (UDP_GRO), each of them an IPv4 packet
 * that is looked at, loses one hop and goes to the TUN. Whoever sent it: flannel's hosts listen to all, and so do we.
 */
import { constants } from 'node:os';
import type { Coalescer } from './coalescer.ts';
import type { Counters } from './counters.ts';
import type { IcmpErrors } from './icmp.ts';
import { decrementTtl, packetLength } from './ip-header.ts';
import { CMSG, IOVEC, MMSG, MSG, MSG_DONTWAIT, SOL_UDP, UDP_GRO } from './layout.ts';
import type { Memory } from './memory.ts';
import type { TunWriter } from './tun-writer.ts';

const { EAGAIN } = constants.errno;

export interface ReceiveCall {
  /** recvmmsg(2) of up to `count` headers at `address`: how many came, or −errno. */
  receiveMessages(address: number, count: number, flags: number): number;
}

export interface InboxParts {
  memory: Memory;
  counters: Counters;
  icmp: IcmpErrors;
  /** Undefined where nothing is gathered: the TUN has no virtio_net_hdr or takes no TCP of several segments. */
  coalescer: Coalescer | undefined;
  writer: TunWriter;
  calls: ReceiveCall;
}

const BUFFERS = 8;
const BUFFER = 65_536;
const CMSG_SPACE = 64;

export class Inbox {
  readonly #parts: InboxParts;
  readonly #buffers: number;
  readonly #headers: number;
  readonly #controls: number;

  constructor(parts: InboxParts) {
    this.#parts = parts;
    const { memory } = parts;
    this.#buffers = memory.take(BUFFERS * BUFFER);
    this.#headers = memory.take(BUFFERS * MMSG.size);
    this.#controls = memory.take(BUFFERS * CMSG_SPACE);
    const iovecs = memory.take(BUFFERS * IOVEC);
    for (let i = 0; i < BUFFERS; i++) {
      const header = this.#headers + i * MMSG.size;
      const iovec = iovecs + i * IOVEC;
      memory.setPointer(iovec, this.#buffers + i * BUFFER);
      memory.setSize(iovec + 8, BUFFER);
      memory.setPointer(header + MSG.iov, iovec);
      memory.setSize(header + MSG.iovLength, 1);
      memory.setPointer(header + MSG.control, this.#controls + i * CMSG_SPACE);
    }
  }

  /** Receives once. True if there may be more. */
  receive(): boolean {
    const { memory, calls, coalescer, counters } = this.#parts;
    for (let i = 0; i < BUFFERS; i++) memory.setSize(this.#headers + i * MMSG.size + MSG.controlLength, CMSG_SPACE);
    const count = calls.receiveMessages(memory.address(this.#headers), BUFFERS, MSG_DONTWAIT);
    if (count <= 0) return count < 0 && count !== -EAGAIN; // an error of an earlier send, reported once
    counters.receivedBuffers += count;
    for (let i = 0; i < count; i++) {
      const length = memory.u32[(this.#headers + i * MMSG.size + MMSG.length) >>> 2]!;
      this.buffer(this.#buffers + i * BUFFER, length, this.#segmentSize(i) || length);
    }
    coalescer?.flush();
    return count === BUFFERS;
  }

  /** `length` bytes at `at`, cut by `size`: all but the last are as long. */
  buffer(at: number, length: number, size: number): void {
    const end = at + length;
    if (length === 0) return this.#parts.counters.drop('malformed');
    for (let from = at; from < end; from += size) this.#datagram(from, Math.min(size, end - from));
  }

  #datagram(at: number, length: number): void {
    const { memory, counters, icmp, coalescer, writer } = this.#parts;
    if (memory.u8[at]! >>> 4 !== 4) return counters.drop('notIPv4');
    const total = packetLength(memory, at, length);
    if (total === 0) return counters.drop('malformed');
    if (!decrementTtl(memory, at)) {
      counters.drop('ttl');
      return icmp.ttlExceeded(at, total);
    }
    if (coalescer) coalescer.packet(at, total);
    else writer.single(at, total, false);
  }

  /** What UDP_GRO says of buffer `i`; 0 if it is one datagram. */
  #segmentSize(i: number): number {
    const { memory } = this.#parts;
    const { view } = memory;
    const control = this.#controls + i * CMSG_SPACE;
    const length = memory.u32[(this.#headers + i * MMSG.size + MSG.controlLength) >>> 2]!;
    if (length < CMSG.data + 4) return 0;
    const ours =
      view.getInt32(control + CMSG.level, true) === SOL_UDP && view.getInt32(control + CMSG.type, true) === UDP_GRO;
    return ours ? view.getInt32(control + CMSG.data, true) : 0;
  }
}
