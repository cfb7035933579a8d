/** Owns ICMP echo on the wire: what is sent (RFC 792), and what of an answer concerns it. Pure. */

const ECHO_REPLY = 0;
const UNREACHABLE = 3;
const ECHO_REQUEST = 8;
const FRAGMENTATION_NEEDED = 4;
const IPV4_HEADER = 20;
const ICMP_HEADER = 8;
/** The least that an echo needs. */
export const LEAST_BYTES = IPV4_HEADER + ICMP_HEADER;

/** An echo request, of `bytes` with the IPv4 header that the kernel puts before it. */
export function echoRequest(id: number, sequence: number, bytes: number): Buffer {
  const packet = Buffer.alloc(Math.max(bytes, LEAST_BYTES) - IPV4_HEADER);
  packet[0] = ECHO_REQUEST;
  packet.writeUInt16BE(id, 4);
  packet.writeUInt16BE(sequence, 6);
  packet.write('selvage doctor', ICMP_HEADER, 'latin1');
  packet.writeUInt16BE(checksum(packet), 2);
  return packet;
}

/** The ones' complement sum (RFC 1071). */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export type Heard =
  | { sequence: number; what: 'reply'; from: string }
  /** `mtu`: what the next hop carries, 0 if it doesn't say; undefined: another reason. */
  | { sequence: number; what: 'unreachable'; from: string; mtu?: number };

/** What a raw socket has received, from its IPv4 header on; undefined if it is no answer to a request of `id`. */
export function readAnswer(packet: Buffer, id: number): Heard | undefined {
  const header = headerOf(packet);
  if (header === undefined || packet.length < header + ICMP_HEADER) return undefined;
  const from = packet.subarray(12, 16).join('.');
  const icmp = packet.subarray(header);
  if (icmp[0] === ECHO_REPLY)
    return icmp.readUInt16BE(4) === id ? { sequence: icmp.readUInt16BE(6), what: 'reply', from } : undefined;
  if (icmp[0] !== UNREACHABLE) return undefined;
  const quoted = icmp.subarray(ICMP_HEADER);
  const its = headerOf(quoted);
  if (its === undefined || quoted.length < its + ICMP_HEADER || quoted[its] !== ECHO_REQUEST) return undefined;
  if (quoted.readUInt16BE(its + 4) !== id) return undefined;
  const sequence = quoted.readUInt16BE(its + 6);
  const mtu = icmp[1] === FRAGMENTATION_NEEDED ? { mtu: icmp.readUInt16BE(6) } : {};
  return { sequence, what: 'unreachable', from, ...mtu };
}

/** Bytes of an IPv4 header; undefined if it isn't one. */
function headerOf(packet: Buffer): number | undefined {
  const length = ((packet[0] ?? 0) & 15) * 4;
  return (packet[0] ?? 0) >>> 4 === 4 && length >= IPV4_HEADER && packet.length >= length ? length : undefined;
}
