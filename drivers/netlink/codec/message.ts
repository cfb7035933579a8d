/**
 * Owns the reading of what the kernel sent: a cursor over a receive buffer, and a table of one message's attributes. Nothing is copied.
 *
 * - A Message and its attributes are valid until the cursor moves on; decoders take out what they keep.
 * - A length that doesn't fit ends the walk and is reported (`malformed`), never read past.
 */
import { NLMSGERR_ATTR_MSG } from './constants.ts';
import { ipv4At, macAt } from './text.ts';

const HEADER = 16;
/** Highest attribute type that is looked at is IFLA_EXT_MASK's neighbourhood; newer and unknown ones are passed over. */
const MAX_ATTR = 64;

export class Message {
  readonly u8: Uint8Array;
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;
  readonly #offset = new Int32Array(MAX_ATTR);
  readonly #size = new Int32Array(MAX_ATTR);
  #at = 0;
  #next = 0;
  #limit = 0;
  /** A message claimed more than was received. */
  malformed = false;

  constructor(size: number) {
    this.u8 = new Uint8Array(size);
    this.#u16 = new Uint16Array(this.u8.buffer);
    this.#u32 = new Uint32Array(this.u8.buffer);
  }

  /** Starts at the beginning of a datagram of `length` bytes. */
  rewind(length: number): void {
    this.#next = 0;
    this.#limit = Math.min(length, this.u8.length);
    this.malformed = length > this.u8.length;
  }

  /** Moves to the next message; false at the end of the datagram. */
  next(): boolean {
    const at = this.#next;
    if (at + HEADER > this.#limit) return false;
    const length = this.#u32[at >> 2]!;
    if (length < HEADER || at + length > this.#limit) {
      this.malformed = true;
      return false;
    }
    this.#at = at;
    this.#next = at + ((length + 3) & ~3);
    return true;
  }

  get type(): number {
    return this.#u16[(this.#at + 4) >> 1]!;
  }
  get flags(): number {
    return this.#u16[(this.#at + 6) >> 1]!;
  }
  get seq(): number {
    return this.#u32[(this.#at + 8) >> 2]!;
  }
  get portId(): number {
    return this.#u32[(this.#at + 12) >> 2]!;
  }
  /** Offset of the fixed header that follows netlink's own. */
  get body(): number {
    return this.#at + HEADER;
  }
  get end(): number {
    return this.#at + this.#u32[this.#at >> 2]!;
  }

  byte(at: number): number {
    return this.u8[at]!;
  }
  u16(at: number): number {
    return this.#u16[at >> 1]!;
  }
  u32(at: number): number {
    return this.#u32[at >> 2]!;
  }
  i32(at: number): number {
    return this.#u32[at >> 2]! | 0;
  }

  /** Tables the attributes between `from` and `to` (by default: up to the end of the message), forgetting those tabled before. */
  scan(from: number, to = this.end): void {
    this.#offset.fill(0);
    let at = from;
    while (at + 4 <= to) {
      const length = this.#u16[at >> 1]!;
      if (length < 4 || at + length > to) break;
      const type = this.#u16[(at + 2) >> 1]! & 0x3fff; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
      if (type < MAX_ATTR) {
        this.#offset[type] = at + 4;
        this.#size[type] = length - 4;
      }
      at += (length + 3) & ~3;
    }
  }

  has(type: number): boolean {
    return this.#offset[type]! > 0;
  }
  /** Types of all attributes that were tabled. */
  types(): number[] {
    return [...this.#offset].flatMap((offset, type) => (offset > 0 ? type : []));
  }
  /** Offset and size of a nested attribute, for a `scan` of its own; undefined if it isn't there. */
  nest(type: number): { from: number; to: number } | undefined {
    const from = this.#offset[type]!;
    return from > 0 ? { from, to: from + this.#size[type]! } : undefined;
  }
  attrU8(type: number, otherwise = 0): number {
    return this.#sized(type, 1) ? this.u8[this.#offset[type]!]! : otherwise;
  }
  attrU32(type: number, otherwise = 0): number {
    return this.#sized(type, 4) ? this.#u32[this.#offset[type]! >> 2]! : otherwise;
  }
  attrU16be(type: number, otherwise = 0): number {
    const at = this.#offset[type]!;
    return this.#sized(type, 2) ? (this.u8[at]! << 8) | this.u8[at + 1]! : otherwise;
  }
  /** "" if it isn't there or isn't of four bytes. */
  attrIPv4(type: number): string {
    return this.has(type) && this.#size[type] === 4 ? ipv4At(this.u8, this.#offset[type]!) : '';
  }
  /** An IPv4 address as a number (see text.ts); 0 if it isn't there. */
  attrIPv4Number(type: number): number {
    if (!this.has(type) || this.#size[type] !== 4) return 0;
    const at = this.#offset[type]!;
    return ((this.u8[at]! << 24) | (this.u8[at + 1]! << 16) | (this.u8[at + 2]! << 8) | this.u8[at + 3]!) >>> 0;
  }
  /** "" if it isn't there or isn't of six bytes (a tunnel's hardware address is an IP address). */
  attrMac(type: number): string {
    return this.has(type) && this.#size[type] === 6 ? macAt(this.u8, this.#offset[type]!) : '';
  }
  attrString(type: number): string {
    const at = this.#offset[type]!;
    if (at === 0) return '';
    const end = at + this.#size[type]!;
    const nul = this.u8.indexOf(0, at);
    return Buffer.from(this.u8.buffer, at, (nul >= 0 && nul < end ? nul : end) - at).toString('utf8');
  }
  /** What the kernel adds to an error in words (NETLINK_EXT_ACK), `from` being where its attributes start. */
  extack(from: number): string {
    this.scan(from);
    return this.attrString(NLMSGERR_ATTR_MSG);
  }

  #sized(type: number, size: number): boolean {
    return this.#offset[type]! > 0 && this.#size[type]! >= size;
  }
}
