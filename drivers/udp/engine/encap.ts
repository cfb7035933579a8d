/**
 * Owns the way out: one packet as the TUN gives it (virtio_net_hdr, IPv4, perhaps of many segments, perhaps without its checksum) becomes
 * the datagrams that flannel would send: whole IPv4 packets, one hop less.
 *
 * - What is written is never longer than what the kernel says it may be, and every checksum in it is right.
 * - The segments are the kernel's own (tcp_gso_segment, __udp_gso_segment): IP id and seq count on, FIN and PSH only in the last, CWR
 *   only in the first.
 */
import type { Counters } from './counters.ts';
import type { IcmpErrors } from './icmp.ts';
import {
  checksumOf,
  decrementTtl,
  headerLength,
  isUnicast,
  packetLength,
  pseudoSum,
  putSum,
  writeHeaderChecksum,
} from './ip-header.ts';
import {
  CWR,
  FIN,
  GSO_ECN,
  GSO_NONE,
  GSO_TCPV4,
  GSO_UDP_L4,
  IP,
  PSH,
  TCP,
  TCPH,
  UDP,
  UDPH,
  VNET,
  VNET_NEEDS_CSUM,
} from './layout.ts';
import type { Memory } from './memory.ts';
import type { OnesSum } from './ones-sum.ts';
import type { Outbox } from './outbox.ts';
import type { PeerTable } from './peers.ts';

export interface EncapParts {
  memory: Memory;
  sums: OnesSum;
  peers: PeerTable;
  outbox: Outbox;
  counters: Counters;
  icmp: IcmpErrors;
  /** Whether a virtio_net_hdr is before each packet. */
  vnetHeader: boolean;
}

export class Encap {
  readonly #parts: EncapParts;

  constructor(parts: EncapParts) {
    this.#parts = parts;
  }

  /** `length` bytes that were read from the TUN lie at `at`; they are changed. */
  packet(at: number, length: number): void {
    const { memory, counters, icmp, peers, vnetHeader } = this.#parts;
    const { u8 } = memory;
    const ip = vnetHeader ? at + VNET.size : at;
    const there = at + length - ip;
    if (there > 0 && u8[ip]! >>> 4 !== 4) return counters.drop('notIPv4');
    const total = packetLength(memory, ip, there);
    if (total === 0) return counters.drop('malformed');
    const destination = memory.get32(ip + IP.destination);
    const host = peers.lookup(destination);
    if (host === 0) {
      if (!isUnicast(destination)) return counters.drop('multicast');
      counters.drop('noRoute');
      return icmp.netUnreachable(ip, total);
    }
    if (!decrementTtl(memory, ip)) {
      counters.drop('ttl');
      return icmp.ttlExceeded(ip, total);
    }
    const type = vnetHeader ? u8[at + VNET.gsoType]! & ~GSO_ECN : GSO_NONE;
    if (type === GSO_NONE) this.#single(at, ip, total, host);
    else if (type === GSO_TCPV4 && u8[ip + IP.protocol] === TCP) this.#segments(at, ip, total, host, false);
    else if (type === GSO_UDP_L4 && u8[ip + IP.protocol] === UDP) this.#segments(at, ip, total, host, true);
    else counters.drop('malformed');
  }

  #single(at: number, ip: number, total: number, host: number): void {
    const { memory, sums, outbox, counters, vnetHeader } = this.#parts;
    const { u8 } = memory;
    const unfinished = vnetHeader && (u8[at + VNET.flags]! & VNET_NEEDS_CSUM) !== 0;
    const start = unfinished ? littleEndian(u8, at + VNET.checksumStart) : total;
    const field = unfinished ? start + littleEndian(u8, at + VNET.checksumOffset) : 0;
    if (unfinished && (start < headerLength(u8, ip) || field + 2 > total)) return counters.drop('malformed');
    const to = outbox.reserve(total);
    if (to < 0) return counters.drop('sendQueueFull');
    u8.copyWithin(to, ip, ip + start);
    if (unfinished) {
      // The field holds the pseudo header's sum, so that the sum over all is the checksum.
      const sum = sums.copySum(to + start, ip + start, total - start, 0);
      putSum(u8, to + field, checksumOf(sum, u8[ip + IP.protocol] === UDP));
    }
    outbox.push(total, host);
  }

  #segments(at: number, ip: number, total: number, host: number, udp: boolean): void {
    const { memory, sums, outbox, counters } = this.#parts;
    const { u8 } = memory;
    const header = headerLength(u8, ip);
    const size = littleEndian(u8, at + VNET.gsoSize);
    if (total < header + (udp ? UDPH.size : TCPH.size)) return counters.drop('malformed');
    const inner = header + (udp ? UDPH.size : (u8[ip + header + TCPH.offset]! >>> 4) << 2);
    const tooShort = inner < header + (udp ? UDPH.size : TCPH.size) || inner > total;
    if (tooShort || size === 0) return counters.drop('malformed');

    const id = memory.get16(ip + IP.id);
    const seq = udp ? 0 : memory.get32(ip + header + TCPH.seq);
    const flags = udp ? 0 : u8[ip + header + TCPH.flags]!;
    const field = header + (udp ? UDPH.checksum : TCPH.checksum);
    for (let from = inner, index = 0; from < total || index === 0; from += size, index++) {
      const payload = Math.min(size, total - from);
      const length = inner + payload;
      const to = outbox.reserve(length);
      if (to < 0) return counters.drop('sendQueueFull', Math.ceil((total - from) / size));
      u8.copyWithin(to, ip, ip + inner);
      memory.set16(to + IP.length, length);
      memory.set16(to + IP.id, (id + index) & 0xffff);
      writeHeaderChecksum(memory, sums, to, header);
      if (udp) memory.set16(to + header + UDPH.length, length - header);
      else {
        memory.set32(to + header + TCPH.seq, (seq + from - inner) >>> 0);
        const last = from + payload >= total;
        u8[to + header + TCPH.flags] = flags & ~((last ? 0 : FIN | PSH) | (index === 0 ? 0 : CWR));
      }
      putSum(u8, to + field, 0);
      const pseudo = pseudoSum(sums, u8, to, length - header);
      const head = sums.sum(to + header, inner - header, pseudo);
      // An L4 header is a whole number of words, so that the payload's sum may be added to its.
      putSum(u8, to + field, checksumOf(sums.copySum(to + inner, ip + from, payload, head), udp));
      outbox.push(length, host);
    }
  }
}

const littleEndian = (u8: Uint8Array, at: number): number => u8[at]! | (u8[at + 1]! << 8);
