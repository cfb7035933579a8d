/**
 * Owns netlink attributes as nfnetlink has them: numbers in network order, nests flagged as such, a few hundred bytes at a time.
 * Small enough to be built by concatenation: nothing here is in the way of a peer's update.
 */
import { endianness } from 'node:os';

const LITTLE = endianness() === 'LE';
const NLA_F_NESTED = 0x8000;
const TYPE_MASK = 0x3fff;

/** One attribute, padded to 4 bytes. */
export function attr(type: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc((4 + payload.length + 3) & ~3);
  putHost16(bytes, 4 + payload.length, 0);
  putHost16(bytes, type, 2);
  bytes.set(payload, 4);
  return bytes;
}

export const nest = (type: number, ...children: Uint8Array[]): Buffer =>
  attr(type | NLA_F_NESTED, Buffer.concat(children));

export function be32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return attr(type, bytes);
}

export function be64(type: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return attr(type, bytes);
}

/** With its final NUL. */
export const text = (type: number, value: string): Buffer => attr(type, Buffer.from(`${value}\0`));

/** One object's attributes, by type. What is read from it is a copy only where it says so. */
export class Attributes {
  readonly #found = new Map<number, Buffer>();

  /** Of a type that comes twice the last counts, as in the kernel. A length that doesn't fit ends the reading. */
  constructor(bytes: Uint8Array) {
    for (const [type, payload] of each(bytes)) this.#found.set(type, payload);
  }

  has(type: number): boolean {
    return this.#found.has(type);
  }

  bytes(type: number): Buffer {
    return this.#found.get(type) ?? EMPTY;
  }

  nest(type: number): Attributes {
    return new Attributes(this.bytes(type));
  }

  /** `otherwise` where it isn't there. */
  u32(type: number, otherwise = 0): number {
    const bytes = this.bytes(type);
    return bytes.length >= 4 ? bytes.readUInt32BE(0) : otherwise;
  }

  i32(type: number): number {
    return this.u32(type) | 0;
  }

  u64(type: number): bigint {
    const bytes = this.bytes(type);
    return bytes.length >= 8 ? bytes.readBigUInt64BE(0) : 0n;
  }

  text(type: number): string {
    const bytes = this.bytes(type);
    const end = bytes.indexOf(0);
    return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
  }
}

const EMPTY = Buffer.alloc(0);

/** Each attribute in order, those of one type too (a list's elements). */
export function* each(bytes: Uint8Array): Generator<[type: number, payload: Buffer]> {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= all.length; ) {
    const length = host16(all, at);
    if (length < 4 || at + length > all.length) return;
    yield [host16(all, at + 2) & TYPE_MASK, all.subarray(at + 4, at + length)];
    at += (length + 3) & ~3;
  }
}

const putHost16 = (bytes: Buffer, value: number, at: number): number =>
  LITTLE ? bytes.writeUInt16LE(value, at) : bytes.writeUInt16BE(value, at);

const host16 = (bytes: Buffer, at: number): number => (LITTLE ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));

/** What a register holds of a number in host order (a packet mark). */
export function hostBytes32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  if (LITTLE) bytes.writeUInt32LE(value >>> 0);
  else bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export const host32 = (bytes: Buffer, at = 0): number => (LITTLE ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
