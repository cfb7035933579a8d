/** Owns what is done to an IPv4 header on its way: is it whole, one hop less, its checksum, and the pseudo header of what it carries. */
import { IP } from './layout.ts';
import type { Memory } from './memory.ts';
import { fold, type OnesSum } from './ones-sum.ts';

/**
 * Bytes of the packet at `at`, of which `length` are there; 0 if it is no whole IPv4 packet, whatever its checksum: the kernel that gets
 * it looks at that.
 */
export function packetLength({ u8 }: Memory, at: number, length: number): number {
  if (length < IP.size || u8[at]! >>> 4 !== 4) return 0;
  const header = headerLength(u8, at);
  const total = (u8[at + IP.length]! << 8) | u8[at + IP.length + 1]!;
  return header < IP.size || total < header || total > length ? 0 : total;
}

export const headerLength = (u8: Uint8Array, at: number): number => (u8[at]! & 15) << 2;

/** Multicast, broadcast and what else is no single host. */
export const isUnicast = (address: number): boolean => address >>> 24 !== 0 && address >>> 28 < 14;

/** Takes one hop, as a router does (RFC 1624, and ip_decrease_ttl in linux/net/ip.h). False if none is left, and the packet must not go on. */
export function decrementTtl(memory: Memory, at: number): boolean {
  const { u8 } = memory;
  const ttl = u8[at + IP.ttl]!;
  if (ttl <= 1) return false;
  u8[at + IP.ttl] = ttl - 1;
  const sum = memory.get16(at + IP.checksum) + 0x0100;
  memory.set16(at + IP.checksum, (sum + (sum >= 0xffff ? 1 : 0)) & 0xffff);
  return true;
}

/** Whether the header's checksum is right. */
export const headerIsValid = (sums: OnesSum, at: number, header: number): boolean => sums.sum(at, header, 0) === 0xffff;

export function writeHeaderChecksum({ u8 }: Memory, sums: OnesSum, at: number, header: number): void {
  u8[at + IP.checksum] = 0;
  u8[at + IP.checksum + 1] = 0;
  putSum(u8, at + IP.checksum, ~sums.sum(at, header, 0) & 0xffff);
}

/** The folded sum of the pseudo header (RFC 9293, 3.1) of `length` bytes of TCP or UDP in the packet at `at`. */
export function pseudoSum(sums: OnesSum, u8: Uint8Array, at: number, length: number): number {
  const bigEndian = u8[at + IP.protocol]! + length;
  return sums.sum(at + IP.source, 8, ((bigEndian & 0xff) << 8) | (bigEndian >>> 8));
}

/** A sum of little-endian words goes into memory as it is. */
export function putSum(u8: Uint8Array, at: number, sum: number): void {
  u8[at] = sum;
  u8[at + 1] = sum >>> 8;
}

/** What a checksum field is to hold for a sum over all else. UDP has 0 for "none", and writes 0xffff for it (RFC 768). */
export function checksumOf(sum: number, udp: boolean): number {
  const inverted = ~fold(sum) & 0xffff;
  return udp && inverted === 0 ? 0xffff : inverted;
}
