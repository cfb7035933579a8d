/**
 * Owns which packets are of one connection, and which of them may be gathered at all: IPv4 without options and not a fragment, TCP with
 * no flags but ACK and PSH, UDP with a checksum.
 */
import { pseudoSum } from './ip-header.ts';
import { ACK, IP, IP_DF, IP_FRAGMENT, PSH, TCP, TCPH, UDP, UDPH } from './layout.ts';
import type { Memory } from './memory.ts';
import type { OnesSum } from './ones-sum.ts';

/** `unfit`: of a connection, but not to be gathered, so that what was gathered of it goes first. `other`: of none that we know. */
export type PacketKind = 'fit' | 'unfit' | 'other';

export class FlowKey {
  source = 0;
  destination = 0;
  /** Both, as one number. */
  ports = 0;
  tcp = false;
  tos = 0;
  ttl = 0;
  dontFragment = false;
  id = 0;
  /** Bytes of IPv4 and TCP or UDP headers. */
  header = 0;

  /** From the whole IPv4 packet of `length` bytes at `at`. `udp`: whether UDP packets are gathered. */
  read(memory: Memory, at: number, length: number, udp: boolean): PacketKind {
    const { u8 } = memory;
    const protocol = u8[at + IP.protocol]!;
    this.tcp = protocol === TCP;
    if (!this.tcp && !(udp && protocol === UDP)) return 'other';
    const fragment = memory.get16(at + IP.fragment);
    const minimum = IP.size + (this.tcp ? TCPH.size : UDPH.size);
    if (u8[at] !== 0x45 || fragment & IP_FRAGMENT || length < minimum) return 'other';
    this.source = memory.get32(at + IP.source);
    this.destination = memory.get32(at + IP.destination);
    this.ports = memory.get32(at + IP.size);
    this.tos = u8[at + IP.tos]!;
    this.ttl = u8[at + IP.ttl]!;
    this.dontFragment = (fragment & IP_DF) !== 0;
    this.id = memory.get16(at + IP.id);
    if (fragment & 0x8000) return 'unfit'; // reserved (RFC 791)
    return this.tcp ? this.#readTcp(u8, at, length) : this.#readUdp(memory, at, length);
  }

  #readTcp(u8: Uint8Array, at: number, length: number): PacketKind {
    const header = (u8[at + IP.size + TCPH.offset]! >>> 4) << 2;
    this.header = IP.size + header;
    if (header < TCPH.size || this.header > length) return 'unfit';
    if (u8[at + IP.size + TCPH.offset]! & 15) return 'unfit'; // reserved, and AE of accurate ECN
    const flags = u8[at + IP.size + TCPH.flags]!;
    return (flags & ACK) !== 0 && (flags & ~(ACK | PSH)) === 0 && this.header < length ? 'fit' : 'unfit';
  }

  #readUdp(memory: Memory, at: number, length: number): PacketKind {
    this.header = IP.size + UDPH.size;
    const udp = at + IP.size;
    const whole = memory.get16(udp + UDPH.length) === length - IP.size;
    return whole && memory.get16(udp + UDPH.checksum) !== 0 && this.header < length ? 'fit' : 'unfit';
  }

  /** Whether both checksums of the packet that was read are right. */
  isValid({ u8 }: Memory, sums: OnesSum, at: number, length: number): boolean {
    if (sums.sum(at, IP.size, 0) !== 0xffff) return false;
    const inner = length - IP.size;
    return sums.sum(at + IP.size, inner, pseudoSum(sums, u8, at, inner)) === 0xffff;
  }

  isSameFlow(other: FlowKey): boolean {
    return (
      this.ports === other.ports &&
      this.destination === other.destination &&
      this.source === other.source &&
      this.tcp === other.tcp
    );
  }

  /** Whether what the kernel copies into each packet that it cuts is the same. */
  isAlike(other: FlowKey): boolean {
    return this.tos === other.tos && this.ttl === other.ttl && this.dontFragment === other.dontFragment;
  }

  copy(other: FlowKey): void {
    this.source = other.source;
    this.destination = other.destination;
    this.ports = other.ports;
    this.tcp = other.tcp;
    this.tos = other.tos;
    this.ttl = other.ttl;
    this.dontFragment = other.dontFragment;
    this.id = other.id;
    this.header = other.header;
  }
}

/** What of a TCP header tells where a packet stands in its stream. */
export class TcpFields {
  seq = 0;
  flags = 0;

  read(memory: Memory, at: number): this {
    this.seq = memory.get32(at + IP.size + TCPH.seq);
    this.flags = memory.u8[at + IP.size + TCPH.flags]!;
    return this;
  }
}
