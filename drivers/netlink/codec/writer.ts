/**
 * Owns the bytes of outgoing messages: one preallocated buffer into which messages and attributes are written one after another.
 *
 * - Everything is in host order and 4-aligned, as rtnetlink is, so numbers go through typed-array views; addresses are bytes.
 * - A message is `begin`, its fixed header by `u8…u32` at offsets from the body, attributes, `end`. Sequence numbers count up by one.
 */
import { NLM_F_ACK, NLM_F_REQUEST, NLMSG_NOOP } from './constants.ts';
import { ipv4Number, putMac } from './text.ts';

const HEADER = 16;
/** More than any message here needs beyond its strings: room is checked once a message. */
const MESSAGE_ROOM = 1024;

export class Writer {
  u8: Uint8Array;
  #u16: Uint16Array;
  #u32: Uint32Array;
  /** End of what is written. */
  length = 0;
  /** Sequence number of the message written last. */
  seq = 0;
  #start = 0;

  constructor(size = 65536) {
    this.u8 = new Uint8Array(size);
    this.#u16 = new Uint16Array(this.u8.buffer);
    this.#u32 = new Uint32Array(this.u8.buffer);
  }

  /** Forgets what is written; sequence numbers go on. */
  reset(): void {
    this.length = 0;
  }

  /** Starts a message of `type` with a zeroed fixed header of `body` bytes; returns the body's offset. */
  begin(type: number, flags: number, body: number): number {
    if (this.length + MESSAGE_ROOM > this.u8.length) this.#grow();
    const start = this.length;
    this.#start = start;
    this.seq = (this.seq + 1) >>> 0;
    this.#u16[(start + 4) >> 1] = type;
    this.#u16[(start + 6) >> 1] = flags | NLM_F_REQUEST;
    this.#u32[(start + 8) >> 2] = this.seq;
    this.#u32[(start + 12) >> 2] = 0;
    const at = start + HEADER;
    this.length = at + ((body + 3) & ~3);
    this.u8.fill(0, at, this.length);
    return at;
  }

  end(): void {
    this.#u32[this.#start >> 2] = this.length - this.#start;
  }

  /** Replaces the message begun last, finished or not, by one that the kernel passes over (but acknowledges, if asked to). */
  turnIntoNoop(): void {
    this.#u16[(this.#start + 4) >> 1] = NLMSG_NOOP;
    this.length = this.#start + HEADER;
    this.end();
  }

  /** Asks for an acknowledgement of the message written last. */
  acknowledgeLast(): void {
    const at = (this.#start + 6) >> 1;
    this.#u16[at] = this.#u16[at]! | NLM_F_ACK;
  }

  u16(at: number, value: number): void {
    this.#u16[at >> 1] = value;
  }

  u32(at: number, value: number): void {
    this.#u32[at >> 2] = value;
  }

  /** Header of an attribute of `size` bytes, padding zeroed; returns the offset of its value. */
  attr(type: number, size: number): number {
    const at = this.length;
    this.#u16[at >> 1] = 4 + size;
    this.#u16[(at + 2) >> 1] = type;
    this.length = at + 4 + ((size + 3) & ~3);
    if (size & 3) this.#u32[(this.length - 4) >> 2] = 0;
    return at + 4;
  }

  attrU8(type: number, value: number): void {
    this.u8[this.attr(type, 1)] = value;
  }

  attrU32(type: number, value: number): void {
    const at = this.attr(type, 4);
    this.#u32[at >> 2] = value;
  }

  /** Network order, as UDP ports travel. */
  attrU16be(type: number, value: number): void {
    const at = this.attr(type, 2);
    this.u8[at] = value >> 8;
    this.u8[at + 1] = value & 255;
  }

  /** "10.5.34.0" or "10.5.34.0/24" (the length goes into the fixed header). */
  attrIPv4(type: number, text: string): void {
    const address = ipv4Number(text);
    const at = this.attr(type, 4);
    this.u8[at] = address >>> 24;
    this.u8[at + 1] = (address >>> 16) & 255;
    this.u8[at + 2] = (address >>> 8) & 255;
    this.u8[at + 3] = address & 255;
  }

  attrMac(type: number, text: string): void {
    putMac(this.u8, this.attr(type, 6), text);
  }

  /** UTF-8 with a final NUL; of at most 255 bytes (IFALIASZ). Throws a RangeError for a longer one. */
  attrString(type: number, text: string): void {
    const bytes = Buffer.from(`${text}\0`, 'utf8');
    if (bytes.length > 256) throw new RangeError(`"${text}" is longer than the kernel takes (255 bytes)`);
    this.u8.set(bytes, this.attr(type, bytes.length));
  }

  /** Opens a nested attribute; give what it returns to `closeNest`. */
  openNest(type: number): number {
    const at = this.length;
    this.attr(type, 0);
    return at;
  }

  closeNest(at: number): void {
    this.#u16[at >> 1] = this.length - at;
  }

  #grow(): void {
    const old = this.u8;
    this.u8 = new Uint8Array(old.length * 2);
    this.u8.set(old);
    this.#u16 = new Uint16Array(this.u8.buffer);
    this.#u32 = new Uint32Array(this.u8.buffer);
  }
}
