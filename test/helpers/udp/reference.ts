/**
 * Owns the slow and obvious reference for the udp data path: packets as arrays of bytes, checksums by the words of RFC 1071, and the cutting
 * of a packet of many segments as the kernel does it (tcp_gso_segment and __udp_gso_segment). Shares no code with what it checks.
 */

export type Bytes = Uint8Array;

export interface PacketSpec {
  protocol: 'tcp' | 'udp' | 'icmp';
  source?: string;
  destination?: string;
  sourcePort?: number;
  destinationPort?: number;
  ttl?: number;
  tos?: number;
  id?: number;
  dontFragment?: boolean;
  /** In units of 8 bytes, and whether more follow. */
  fragmentOffset?: number;
  moreFragments?: boolean;
  /** A whole number of words. */
  ipOptions?: Bytes;
  seq?: number;
  ack?: number;
  flags?: number;
  window?: number;
  urgent?: number;
  /** A whole number of words. */
  tcpOptions?: Bytes;
  payload: Bytes;
}

export const get16 = (bytes: Bytes, at: number): number => bytes[at]! * 256 + bytes[at + 1]!;
export const get32 = (bytes: Bytes, at: number): number => get16(bytes, at) * 65_536 + get16(bytes, at + 2);
export function put16(bytes: Bytes, at: number, value: number): void {
  bytes[at] = (value >>> 8) & 255;
  bytes[at + 1] = value & 255;
}
export function put32(bytes: Bytes, at: number, value: number): void {
  put16(bytes, at, value >>> 16);
  put16(bytes, at + 2, value & 0xffff);
}

/** The ones' complement sum of big-endian words, folded. */
export function sumOf(bytes: Bytes): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

export const checksum = (bytes: Bytes): number => 0xffff - sumOf(bytes);

const address = (text: string): number[] => text.split('.').map(Number);
export const headerOf = (packet: Bytes): number => (packet[0]! % 16) * 4;

function pseudo(packet: Bytes): Bytes {
  const length = packet.length - headerOf(packet);
  return Uint8Array.from([...packet.subarray(12, 20), 0, packet[9]!, length >>> 8, length & 255]);
}

const join = (...parts: Bytes[]): Bytes => Uint8Array.from(parts.flatMap((part) => [...part]));

/** The sum of the pseudo header alone: what a field holds whose checksum is left to others. */
export const pseudoSumOf = (packet: Bytes): number => sumOf(pseudo(packet));

const checksumField = (packet: Bytes): number => headerOf(packet) + (packet[9] === 6 ? 16 : 6);

/** Writes all checksums of a whole packet. */
export function finish(packet: Bytes): Bytes {
  put16(packet, 2, packet.length);
  put16(packet, 10, 0);
  put16(packet, 10, checksum(packet.subarray(0, headerOf(packet))));
  if (packet[9] === 6 || packet[9] === 17) {
    const field = checksumField(packet);
    put16(packet, field, 0);
    const value = checksum(join(pseudo(packet), packet.subarray(headerOf(packet))));
    put16(packet, field, packet[9] === 17 && value === 0 ? 0xffff : value);
  }
  return packet;
}

/** Whether all checksums of a whole packet are right; a UDP packet may have none. */
export function isValid(packet: Bytes): boolean {
  const header = headerOf(packet);
  if (sumOf(packet.subarray(0, header)) !== 0xffff) return false;
  if (packet[9] !== 6 && packet[9] !== 17) return true;
  if (packet[9] === 17 && get16(packet, header + 6) === 0) return true;
  return sumOf(join(pseudo(packet), packet.subarray(header))) === 0xffff;
}

/** A whole packet with right checksums. */
export function packetOf(spec: PacketSpec): Bytes {
  const options = spec.ipOptions ?? new Uint8Array();
  const header = 20 + options.length;
  const ip = new Uint8Array(header);
  ip[0] = 0x40 + header / 4;
  ip[1] = spec.tos ?? 0;
  put16(ip, 4, spec.id ?? 0);
  put16(ip, 6, (spec.dontFragment ? 0x4000 : 0) + (spec.moreFragments ? 0x2000 : 0) + (spec.fragmentOffset ?? 0));
  ip[8] = spec.ttl ?? 64;
  ip[9] = { tcp: 6, udp: 17, icmp: 1 }[spec.protocol];
  ip.set(address(spec.source ?? '10.7.1.2'), 12);
  ip.set(address(spec.destination ?? '10.7.2.2'), 16);
  ip.set(options, 20);
  return finish(join(ip, transport(spec), spec.payload));
}

function transport(spec: PacketSpec): Bytes {
  if (spec.protocol === 'icmp') return Uint8Array.of(8, 0, 0, 0, 0, 1, 0, 1);
  const options = spec.protocol === 'tcp' ? (spec.tcpOptions ?? new Uint8Array()) : new Uint8Array();
  const header = new Uint8Array(spec.protocol === 'tcp' ? 20 + options.length : 8);
  put16(header, 0, spec.sourcePort ?? 40_000);
  put16(header, 2, spec.destinationPort ?? 80);
  if (spec.protocol === 'udp') {
    put16(header, 4, 8 + spec.payload.length);
    return header;
  }
  put32(header, 4, spec.seq ?? 1);
  put32(header, 8, spec.ack ?? 1);
  header[12] = header.length * 4;
  header[13] = spec.flags ?? 16;
  put16(header, 14, spec.window ?? 500);
  put16(header, 18, spec.urgent ?? 0);
  header.set(options, 20);
  return header;
}

/** One hop less, as a router writes it: the checksum made anew. */
export function oneHopLess(packet: Bytes): Bytes {
  const next = packet.slice();
  next[8] = packet[8]! - 1;
  put16(next, 10, 0);
  put16(next, 10, checksum(next.subarray(0, headerOf(next))));
  return next;
}

/** What the kernel makes of a packet of many segments, each with up to `size` bytes of payload. */
export function cut(packet: Bytes, size: number): Bytes[] {
  const header = headerOf(packet);
  const tcp = packet[9] === 6;
  const inner = header + (tcp ? (packet[header + 12]! >>> 4) * 4 : 8);
  const payload = packet.subarray(inner);
  const pieces: Bytes[] = [];
  for (let from = 0; from < payload.length || pieces.length === 0; from += size) {
    const piece = join(packet.subarray(0, inner), payload.subarray(from, from + size));
    put16(piece, 4, (get16(packet, 4) + pieces.length) % 65_536);
    if (tcp) {
      put32(piece, header + 4, (get32(packet, header + 4) + from) % 2 ** 32);
      if (from + size < payload.length) piece[header + 13] = piece[header + 13]! & ~(1 | 8);
      if (from > 0) piece[header + 13] = piece[header + 13]! & ~128;
    } else put16(piece, header + 4, piece.length - header);
    pieces.push(finish(piece));
  }
  return pieces;
}

/** A virtio_net_hdr. */
export function vnetHeader(fields: {
  flags?: number;
  gsoType?: number;
  headerLength?: number;
  gsoSize?: number;
  start?: number;
  offset?: number;
}): Bytes {
  const header = new Uint8Array(10);
  const view = new DataView(header.buffer);
  header[0] = fields.flags ?? 0;
  header[1] = fields.gsoType ?? 0;
  view.setUint16(2, fields.headerLength ?? 0, true);
  view.setUint16(4, fields.gsoSize ?? 0, true);
  view.setUint16(6, fields.start ?? 0, true);
  view.setUint16(8, fields.offset ?? 0, true);
  return header;
}

/** The packet as a TUN gives it with its checksum left open, of many segments if it has a `gsoSize`. */
export function unfinished(packet: Bytes, gsoSize = 0): Bytes {
  const open = packet.slice();
  const header = headerOf(open);
  const tcp = open[9] === 6;
  const field = checksumField(open);
  put16(open, field, pseudoSumOf(open));
  const inner = header + (tcp ? (open[header + 12]! >>> 4) * 4 : 8);
  const gsoType = gsoSize === 0 ? 0 : tcp ? 1 : 5;
  const vnet = vnetHeader({
    flags: 1,
    gsoType,
    headerLength: gsoSize ? inner : 0,
    gsoSize,
    start: header,
    offset: field - header,
  });
  return join(vnet, open);
}

/** What the kernel takes for the packets of what was written to a TUN. Throws if a field says what it may not. */
export function packetsOfWrite(written: Bytes): Bytes[] {
  const view = new DataView(written.buffer, written.byteOffset);
  const [flags, type] = [written[0]!, written[1]!];
  const packet = written.slice(10);
  if (type === 0 && (flags & 1) === 0) return [packet];
  const header = headerOf(packet);
  const tcp = packet[9] === 6;
  const expect = (name: string, is: number, mustBe: number) => {
    if (is !== mustBe) throw new Error(`${name} is ${is} and must be ${mustBe}`);
  };
  expect('flags', flags, 1);
  expect('gso type', type, tcp ? 1 : 5);
  expect('csum start', view.getUint16(6, true), header);
  expect('csum offset', view.getUint16(8, true), tcp ? 16 : 6);
  expect('header length', view.getUint16(2, true), header + (tcp ? (packet[header + 12]! >>> 4) * 4 : 8));
  expect('total length', get16(packet, 2), packet.length);
  expect('header sum', sumOf(packet.subarray(0, header)), 0xffff);
  expect('pseudo sum', get16(packet, checksumField(packet)) % 0xffff, pseudoSumOf(packet) % 0xffff);
  return cut(packet, view.getUint16(4, true));
}
