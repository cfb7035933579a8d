/**
 * Owns a raw socket for ICMP echo, of which no packet may be fragmented on its way. Node has none, so the C library is called.
 *
 * - Waiting is poll(2) on a thread of its own pool, a short while at a time, and only while an answer is awaited.
 * - Each request has one end: answered, refused, too large, or silent after its time. Nothing is sent again by itself.
 */
import { randomInt } from 'node:crypto';
import type { KoffiFunc } from 'koffi';
import { errnoName } from '../netlink/errno.ts';
import { errno, libc, loadLibc } from '../netlink/libc.ts';
import { echoRequest, readAnswer } from './echo-packet.ts';

const AF_INET = 2;
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
const IPPROTO_IP = 0;
const IPPROTO_ICMP = 1;
const IP_MTU_DISCOVER = 10;
/** Sets DF, and doesn't go by the path MTU that the kernel has learned (ip(7)). */
const IP_PMTUDISC_PROBE = 3;
const SOL_RAW = 255;
const ICMP_FILTER = 1;
/** Types that are let through: echo reply, destination unreachable. */
const HEARD_TYPES = (1 << 0) | (1 << 3);
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SOCKADDR_IN = 16;
const POLLIN = 1;
/** How long one poll waits (ms). */
const SLICE_MS = 20;
const MOST_BYTES = 65_536;

export type EchoResult =
  | { result: 'answered'; ms: number }
  | { result: 'silent' }
  /** `mtu`: what passes instead, as far as somebody told; 0: nobody did. */
  | { result: 'too large'; mtu: number }
  | { result: 'error'; error: string };

interface Pending {
  target: string;
  sentAt: number;
  end(result: EchoResult): void;
}

interface Calls {
  sendto(fd: number, data: Uint8Array, length: number, flags: number, address: Uint8Array, size: number): number;
  poll: KoffiFunc<(fds: Uint8Array, count: number, ms: number) => number>;
}

let calls: Calls | undefined;

function loadCalls(): Calls {
  if (calls) return calls;
  const library = loadLibc();
  calls = {
    sendto: library.func('intptr_t sendto(int, void *, size_t, int, void *, uint32_t)'),
    poll: library.func('int poll(void *, unsigned long, int)'),
  };
  return calls;
}

export class EchoSocket {
  readonly #fd: number;
  readonly #id = randomInt(1, 0xffff);
  readonly #pending = new Map<number, Pending>();
  readonly #buffer = Buffer.alloc(MOST_BYTES);
  readonly #pollfd = Buffer.alloc(8);
  #sequence = randomInt(0, 0xffff);
  #isPolling = false;
  #closed = false;

  /** `source`: the address that it sends from; undefined: what the route says. @throws Error if it may not be opened (CAP_NET_RAW) */
  constructor(source?: string) {
    this.#fd = libc().socket(AF_INET, SOCK_RAW_NONBLOCK_CLOEXEC, IPPROTO_ICMP);
    if (this.#fd < 0) throw new Error(`A raw socket can't be opened (${errnoName(errno())}): that takes CAP_NET_RAW.`);
    this.#set(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    this.#set(SOL_RAW, ICMP_FILTER, ~HEARD_TYPES);
    this.#set(SOL_SOCKET, SO_RCVBUF, 1 << 20);
    if (source !== undefined && libc().bind(this.#fd, nameOf(source), SOCKADDR_IN) < 0) {
      const why = errnoName(errno());
      this.close();
      throw new Error(`Nothing can be sent from ${source} (${why}).`);
    }
  }

  /** One request of `bytes` (with its IPv4 header), and what came of it within `waitMs`. Never rejects. */
  echo(target: string, bytes: number, waitMs: number): Promise<EchoResult> {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const sequence = this.#sequence;
    const packet = echoRequest(this.#id, sequence, bytes);
    const sentAt = performance.now();
    if (loadCalls().sendto(this.#fd, packet, packet.length, 0, nameOf(target), SOCKADDR_IN) < 0) {
      const error = errnoName(errno());
      return Promise.resolve(error === 'EMSGSIZE' ? { result: 'too large', mtu: 0 } : { result: 'error', error });
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#pending.get(sequence)?.end({ result: 'silent' }), waitMs);
      const end = (result: EchoResult): void => {
        clearTimeout(timer);
        this.#pending.delete(sequence);
        resolve(result);
      };
      this.#pending.set(sequence, { target, sentAt, end });
      this.#poll();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { end } of [...this.#pending.values()]) end({ result: 'silent' });
    // A poll that is under way ends by itself; the descriptor must not be another's by then.
    if (!this.#isPolling) libc().close(this.#fd);
  }

  #poll(): void {
    if (this.#isPolling || this.#closed || !this.#pending.size) return;
    this.#isPolling = true;
    this.#pollfd.writeInt32LE(this.#fd, 0);
    this.#pollfd.writeInt16LE(POLLIN, 4);
    loadCalls().poll.async(this.#pollfd, 1, SLICE_MS, () => {
      this.#isPolling = false;
      if (this.#closed) return void libc().close(this.#fd);
      this.#receive();
      this.#poll();
    });
  }

  #receive(): void {
    for (;;) {
      const received = libc().recv(this.#fd, this.#buffer, this.#buffer.length, 0);
      if (received <= 0) return;
      const heard = readAnswer(this.#buffer.subarray(0, received), this.#id);
      const pending = heard && this.#pending.get(heard.sequence);
      if (!heard || !pending) continue;
      if (heard.what === 'reply') {
        if (heard.from === pending.target) pending.end({ result: 'answered', ms: performance.now() - pending.sentAt });
      } else if (heard.mtu !== undefined) pending.end({ result: 'too large', mtu: heard.mtu });
      else pending.end({ result: 'error', error: `refused by ${heard.from}` });
    }
  }

  #set(level: number, option: number, value: number): void {
    libc().setsockopt(this.#fd, level, option, new Uint8Array(Int32Array.of(value).buffer), 4);
  }
}

/** struct sockaddr_in; a raw socket has no port. */
function nameOf(address: string): Uint8Array {
  const name = new Uint8Array(SOCKADDR_IN);
  new Uint16Array(name.buffer)[0] = AF_INET;
  name.set(address.split('.').map(Number), 4);
  return name;
}
