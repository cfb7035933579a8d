/**
 * Owns the ICMP errors for packets that this host can't pass on: what is said (RFC 792, RFC 1812 4.3.2) and to whom not.
 *
 * - They are sent through the kernel, as its own are, and not by the TUN: one that came in there from an address of this host would be
 *   dropped as a martian, which is what happens to flannel's.
 * - At most 50 together and 1,000 a second, as the kernel's own (icmp_msgs_burst, icmp_msgs_per_sec).
 */
import type { Counters } from './counters.ts';
import { headerLength, isUnicast, putSum } from './ip-header.ts';
import { ICMP, IP } from './layout.ts';
import type { Memory } from './memory.ts';
import type { OnesSum } from './ones-sum.ts';

export interface IcmpParts {
  memory: Memory;
  sums: OnesSum;
  counters: Counters;
  /** Sends an IPv4 packet whose source and checksum the kernel fills in, to `destination`. */
  send: (address: number, length: number, destination: number) => void;
  now: () => number;
}

const UNREACHABLE = 3;
const TIME_EXCEEDED = 11;
/** Types that are errors themselves; nobody answers those: RFC 1122, 3.2.2. */
const ERRORS = new Set([UNREACHABLE, 4, 5, TIME_EXCEEDED, 12]);
const HEADER = 8;
/** Of the packet that is complained of, after its header: its ports and sequence number. */
const QUOTED = 8;
const LONGEST = IP.size + HEADER + 60 + QUOTED;
const TTL = 64;
const BURST = 50;
const PER_MS = 1;

export class IcmpErrors {
  readonly #parts: IcmpParts;
  readonly #buffer: number;
  #credit = BURST;
  #at: number;

  constructor(parts: IcmpParts) {
    this.#parts = parts;
    this.#buffer = parts.memory.take(LONGEST);
    this.#at = parts.now();
  }

  /** No peer has the subnet of the packet at `ip`, of `length` bytes. */
  netUnreachable(ip: number, length: number): void {
    this.#send(UNREACHABLE, ip, length);
  }

  ttlExceeded(ip: number, length: number): void {
    this.#send(TIME_EXCEEDED, ip, length);
  }

  #send(type: number, ip: number, length: number): void {
    const { memory, sums, counters, send } = this.#parts;
    const { u8 } = memory;
    const header = headerLength(u8, ip);
    if (!this.#mayAnswer(ip, header, length) || !this.#hasCredit()) return;
    const at = this.#buffer;
    const quoted = Math.min(header + QUOTED, length);
    const total = IP.size + HEADER + quoted;
    u8.fill(0, at, at + IP.size + HEADER);
    u8[at] = 0x45;
    u8[at + IP.tos] = (u8[ip + IP.tos]! & 0x1e) | 0xc0; // as icmp_send: internetwork control
    memory.set16(at + IP.length, total);
    u8[at + IP.ttl] = TTL;
    u8[at + IP.protocol] = ICMP;
    const source = memory.get32(ip + IP.source);
    memory.set32(at + IP.destination, source);
    const icmp = at + IP.size;
    u8[icmp] = type;
    u8.copyWithin(icmp + HEADER, ip, ip + quoted);
    putSum(u8, icmp + 2, ~sums.sum(icmp, HEADER + quoted, 0) & 0xffff);
    counters.icmpErrors++;
    send(memory.address(at), total, source);
  }

  #mayAnswer(ip: number, header: number, length: number): boolean {
    const { memory } = this.#parts;
    const { u8 } = memory;
    if (memory.get16(ip + IP.fragment) & 0x1fff) return false; // not the first fragment
    if (u8[ip + IP.protocol] === ICMP && (length <= header || ERRORS.has(u8[ip + header]!))) return false;
    const source = memory.get32(ip + IP.source);
    return isUnicast(source) && source >>> 24 !== 127 && isUnicast(memory.get32(ip + IP.destination));
  }

  #hasCredit(): boolean {
    const now = this.#parts.now();
    this.#credit = Math.min(BURST, this.#credit + (now - this.#at) * PER_MS);
    this.#at = now;
    if (this.#credit < 1) return false;
    this.#credit--;
    return true;
  }
}
