/**
 * A netlink transport that misbehaves once, as the kernel can: wrap the real one with it, arm a fault, and assert that it was consumed.
 * Every fault is brought about where the kernel would: in what is sent or in what comes back.
 */
import type { Transport } from '../../drivers/netlink/transport.ts';

export type Fault =
  /** recv() fails once with this errno; what is queued stays (ENOBUFS, EINTR, EBADF). */
  | { at: 'receive'; errno: number }
  /** send() fails once with this errno, and nothing is worked off. */
  | { at: 'send'; errno: number }
  /** The kernel answers the next request with this errno instead of doing it (EPERM, EBUSY, EINVAL). */
  | { at: 'answer'; errno: number }
  /** The n-th message (from 0) of the next datagram with several fails with this errno, the others are worked off. */
  | { at: 'message'; nth: number; errno: number }
  /** The n-th message of the next datagram with several is acknowledged, and nothing is done. */
  | { at: 'ignored'; nth: number }
  /** The next dump says that it was interrupted. */
  | { at: 'interrupted' }
  /** The next DONE carries this errno. */
  | { at: 'done'; errno: number };

const NLMSG_NOOP = 1;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_MULTI = 2;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_ACK = 4;

export class FaultyTransport implements Transport {
  readonly #inner: Transport;
  readonly #faults: Fault[] = [];
  /** Datagrams of our own making, to be received before the kernel's. */
  readonly #answers: Uint8Array[] = [];
  /** Datagrams sent and received, faults included. */
  sent = 0;
  reopened = 0;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  arm(...faults: Fault[]): void {
    this.#faults.push(...faults);
  }

  /** Faults that nothing has run into. */
  get unconsumed(): number {
    return this.#faults.length;
  }

  disarm(): void {
    this.#faults.length = 0;
  }

  get portId(): number {
    return this.#inner.portId;
  }

  send(data: Uint8Array, length: number): number {
    this.sent++;
    const fault = this.#faults[0];
    switch (fault?.at) {
      case 'send':
        this.#faults.shift();
        return -fault.errno;
      case 'answer':
        this.#faults.shift();
        this.#answers.push(errorFor(data, messagesIn(data, length)[0]!, fault.errno));
        return length;
      case 'message':
      case 'ignored': {
        const copy = data.slice(0, length);
        const offsets = messagesIn(copy, length);
        if (offsets.length === 1) return this.#inner.send(data, length);
        this.#faults.shift();
        const at = offsets[fault.nth];
        if (at === undefined) throw new Error(`the datagram has no message ${fault.nth}`);
        if (fault.at === 'message') this.#answers.push(errorFor(copy, at, fault.errno));
        const words = new DataView(copy.buffer);
        words.setUint16(at + 4, NLMSG_NOOP, true);
        if (fault.at === 'message') words.setUint16(at + 6, words.getUint16(at + 6, true) & ~NLM_F_ACK, true);
        return this.#inner.send(copy, length);
      }
      default:
        return this.#inner.send(data, length);
    }
  }

  receive(into: Uint8Array): number {
    const fault = this.#faults[0];
    if (fault?.at === 'receive') {
      this.#faults.shift();
      return -fault.errno;
    }
    const answer = this.#answers.shift();
    if (answer) {
      into.set(answer);
      return answer.length;
    }
    const length = this.#inner.receive(into);
    if (length > 0 && (fault?.at === 'interrupted' || fault?.at === 'done')) this.#spoil(into, length, fault);
    return length;
  }

  reopen(): void {
    this.reopened++;
    this.#answers.length = 0;
    this.#inner.reopen();
  }

  close(): void {
    this.#inner.close();
  }

  #spoil(data: Uint8Array, length: number, fault: Fault): void {
    const words = new DataView(data.buffer, data.byteOffset);
    for (const at of messagesIn(data, length)) {
      const flags = words.getUint16(at + 6, true);
      if (fault.at === 'interrupted' && flags & NLM_F_MULTI) {
        words.setUint16(at + 6, flags | NLM_F_DUMP_INTR, true);
        this.#faults.shift();
        return;
      }
      if (fault.at === 'done' && words.getUint16(at + 4, true) === NLMSG_DONE) {
        words.setInt32(at + 16, -fault.errno, true);
        this.#faults.shift();
        return;
      }
    }
  }
}

function messagesIn(data: Uint8Array, length: number): number[] {
  const words = new DataView(data.buffer, data.byteOffset);
  const offsets: number[] = [];
  for (let at = 0; at + 16 <= length; at += (words.getUint32(at, true) + 3) & ~3) offsets.push(at);
  return offsets;
}

function errorFor(request: Uint8Array, at: number, errno: number): Uint8Array {
  const answer = new Uint8Array(36);
  const words = new DataView(answer.buffer);
  words.setUint32(0, 36, true);
  words.setUint16(4, NLMSG_ERROR, true);
  answer.set(request.subarray(at + 8, at + 12), 8);
  words.setInt32(16, -errno, true);
  answer.set(request.subarray(at, at + 16), 20);
  return answer;
}
