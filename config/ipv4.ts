/**
 * IPv4 addresses as unsigned 32-bit numbers and ranges as number and length. On the hot path (several calls a peer and pass), so: one
 * scan over the characters, no regular expressions, no splitting. Text that isn't canonical is refused, never guessed at:
 * four decimal octets without leading zeros, as Go's net.ParseIP has it.
 */

export interface Cidr {
  ip: number;
  /** Prefix length, 0 to 32. */
  length: number;
}

const DOT = 46;
const ZERO = 48;

/** Address in `text[from, to)`, or -1. */
function scanIp(text: string, from: number, to: number): number {
  let ip = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0 || ++dots > 3) return -1;
      ip = ip * 256 + octet;
      octet = 0;
      digits = 0;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || (digits > 0 && octet === 0)) return -1;
    octet = octet * 10 + digit;
    if (octet > 255) return -1;
    digits++;
  }
  return dots === 3 && digits > 0 ? ip * 256 + octet : -1;
}

/** "10.5.34.0" → 0x0a052200; undefined if it isn't a canonical IPv4 address. */
export function parseIp(text: string): number | undefined {
  const ip = scanIp(text, 0, text.length);
  return ip < 0 ? undefined : ip;
}

export const formatIp = (ip: number): string => `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;

/** "10.5.34.7/24" → its address, host bits kept, and length; undefined if it isn't canonical. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const digits = text.length - slash - 1;
  if (slash < 0 || digits < 1 || digits > 2) return undefined;
  const first = text.charCodeAt(slash + 1) - ZERO;
  const second = digits === 2 ? text.charCodeAt(slash + 2) - ZERO : 0;
  if (first < 0 || first > 9 || second < 0 || second > 9 || (digits === 2 && first === 0)) return undefined;
  const length = digits === 2 ? first * 10 + second : first;
  const ip = scanIp(text, 0, slash);
  return length > 32 || ip < 0 ? undefined : { ip, length };
}

export const formatCidr = (cidr: Cidr): string => `${formatIp(cidr.ip)}/${cidr.length}`;

/** Netmask of a prefix length. (A shift by 32 is a shift by 0 in JavaScript, hence the special case.) */
export const maskOf = (length: number): number => (length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0);

/** First address of the range that `ip` is in. */
export const networkOf = (ip: number, length: number): number => (ip & maskOf(length)) >>> 0;

/** Last address of the range that `ip` is in. */
export const lastOf = (ip: number, length: number): number => (ip | ~maskOf(length)) >>> 0;

/** "10.5.34.7/24" → "10.5.34.0/24"; undefined if it isn't a range. */
export function maskCidr(text: string): string | undefined {
  const cidr = parseCidr(text);
  return cidr && formatCidr({ ip: networkOf(cidr.ip, cidr.length), length: cidr.length });
}

type Range = Cidr | number | string;

function toCidr(range: Range): Cidr | undefined {
  if (typeof range === 'number') return { ip: range, length: 32 };
  if (typeof range === 'object') return range;
  if (range.includes('/')) return parseCidr(range);
  const ip = scanIp(range, 0, range.length);
  return ip < 0 ? undefined : { ip, length: 32 };
}

/** Whether all of `inner` lies in `outer`; each a range or an address, parsed or as text. False if either can't be parsed. */
export function contains(outer: Range, inner: Range): boolean {
  const o = toCidr(outer);
  const i = toCidr(inner);
  return o !== undefined && i !== undefined && i.length >= o.length && ((o.ip ^ i.ip) & maskOf(o.length)) === 0;
}

/** Whether two ranges share an address. False if either can't be parsed. */
export function overlaps(a: Range, b: Range): boolean {
  const x = toCidr(a);
  const y = toCidr(b);
  return x !== undefined && y !== undefined && ((x.ip ^ y.ip) & maskOf(Math.min(x.length, y.length))) === 0;
}

/** 127.0.0.0/8 */
export const isLoopback = (ip: number): boolean => ip >>> 24 === 127;

/** 169.254.0.0/16 */
export const isLinkLocal = (ip: number): boolean => ip >>> 16 === 0xa9fe;

/** 224.0.0.0/4 */
export const isMulticast = (ip: number): boolean => ip >>> 28 === 0xe;

/** 240.0.0.0/4, which was never given to anybody (RFC 1112, 4), and 255.255.255.255 in it. */
export const isReserved = (ip: number): boolean => ip >>> 28 === 0xf;

/** Whether a host can be at an address, wherever that is: not loopback, multicast, reserved, broadcast, or of "this network" (0.0.0.0/8). */
export const isHostAddress = (ip: number): boolean =>
  !isLoopback(ip) && !isMulticast(ip) && !isReserved(ip) && ip >>> 24 !== 0;

/** As Go's net.IP.IsGlobalUnicast, by which flannel chooses an interface's address: private ranges count, as does all of 240.0.0.0/4 but broadcast. */
export const isGlobalUnicast = (ip: number): boolean =>
  ip !== 0 && ip !== 0xffffffff && !isLoopback(ip) && !isLinkLocal(ip) && !isMulticast(ip);
