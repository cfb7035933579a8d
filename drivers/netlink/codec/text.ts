/**
 * Addresses between text and wire, at 65,000 messages a pass: straight loops, no regular expressions, no intermediate arrays.
 * An IPv4 address as a number is in network order read as big-endian: 10.5.34.0 is 0x0a052200.
 */

const OCTET = Array.from({ length: 256 }, (_, n) => String(n));
const HEX = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, '0'));

/** Four bytes at `at` as "10.5.34.0". */
export function ipv4At(bytes: Uint8Array, at: number): string {
  return `${OCTET[bytes[at]!]}.${OCTET[bytes[at + 1]!]}.${OCTET[bytes[at + 2]!]}.${OCTET[bytes[at + 3]!]}`;
}

export function ipv4Text(address: number): string {
  return `${OCTET[address >>> 24]}.${OCTET[(address >>> 16) & 255]}.${OCTET[(address >>> 8) & 255]}.${OCTET[address & 255]}`;
}

/** The number of the dotted quad that starts at `from` and ends at the end or before a "/"; throws a TypeError for anything else. */
export function ipv4Number(text: string, from = 0): number {
  let address = 0;
  let octet = -1;
  let dots = 0;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57) {
      octet = (octet < 0 ? 0 : octet * 10) + code - 48;
      if (octet > 255) throw notIPv4(text);
    } else if (code === 46 && octet >= 0 && dots < 3) {
      address = (address << 8) | octet;
      octet = -1;
      dots++;
    } else if (code === 47) {
      break;
    } else {
      throw notIPv4(text);
    }
  }
  if (dots !== 3 || octet < 0) throw notIPv4(text);
  return ((address << 8) | octet) >>> 0;
}

/** "10.5.34.0/24" → 24; 32 without a slash. Throws a TypeError for a length above 32. */
export function prefixLength(text: string): number {
  const slash = text.indexOf('/');
  if (slash < 0) return 32;
  const length = Number(text.slice(slash + 1));
  if (!Number.isInteger(length) || length < 0 || length > 32 || slash === text.length - 1) throw notIPv4(text);
  return length;
}

const notIPv4 = (text: string) => new TypeError(`"${text}" is not an IPv4 address`);

/** Six bytes at `at` as "aa:bb:cc:dd:ee:ff". */
export function macAt(bytes: Uint8Array, at: number): string {
  return `${HEX[bytes[at]!]}:${HEX[bytes[at + 1]!]}:${HEX[bytes[at + 2]!]}:${HEX[bytes[at + 3]!]}:${HEX[bytes[at + 4]!]}:${HEX[bytes[at + 5]!]}`;
}

/** Writes "aa:bb:cc:dd:ee:ff" as six bytes at `at`; throws a TypeError for anything else. */
export function putMac(bytes: Uint8Array, at: number, text: string): void {
  if (text.length !== 17) throw new TypeError(`"${text}" is not a MAC address`);
  for (let i = 0; i < 6; i++) {
    const high = hexDigit(text.charCodeAt(3 * i));
    const low = hexDigit(text.charCodeAt(3 * i + 1));
    if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] !== ':'))
      throw new TypeError(`"${text}" is not a MAC address`);
    bytes[at + i] = (high << 4) | low;
  }
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  return code >= 65 && code <= 70 ? code - 55 : -1;
}
