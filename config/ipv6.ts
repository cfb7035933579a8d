/**
 * IPv6 addresses as 128-bit BigInts, and ranges. Only for what the config check and the lease keys need; not on any hot path.
 * Reads what Go's net.ParseIP reads (no zones); writes the canonical form of RFC 5952, as Go does.
 */

import { formatIp, parseIp } from './ipv4.ts';

export interface Cidr6 {
  ip: bigint;
  /** Prefix length, 0 to 128. */
  length: number;
}

const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** "fc00::1" → 128-bit number; undefined if it isn't an IPv6 address. */
export function parseIp6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1]!, true) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  // "::" stands for at least one group.
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return groups.reduce((ip, group) => (ip << 16n) | BigInt(group), 0n);
}

/** The 16-bit groups of one side of "::"; an IPv4 address may stand for the address's last two. */
function groupsOf(text: string, atEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const embedded = atEnd && index === parts.length - 1 ? parseIp(part) : undefined;
    if (embedded === undefined) return undefined;
    groups.push(embedded >>> 16, embedded & 0xffff);
  }
  return groups;
}

/** Canonical text (RFC 5952): lower-case, the first longest run of two or more zero groups as "::", ::ffff:0:0/96 with a dotted end. */
export function formatIp6(ip: bigint): string {
  if (ip >> 32n === 0xffffn) return `::ffff:${formatIp(Number(ip & 0xffffffffn))}`;
  const groups: string[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(((ip >> shift) & 0xffffn).toString(16));
  let start = 0;
  let length = 0;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (groups[end] === '0') end++;
    if (end - i > length) [start, length] = [i, end - i];
    if (end > i) i = end;
  }
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

/** "fc00::7/48" → its address, host bits kept, and length; undefined if it isn't one. */
export function parseCidr6(text: string): Cidr6 | undefined {
  const slash = text.indexOf('/');
  const digits = text.slice(slash + 1);
  if (slash < 0 || !/^(0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > 128) return undefined;
  const ip = parseIp6(text.slice(0, slash));
  return ip === undefined ? undefined : { ip, length: Number(digits) };
}

export const formatCidr6 = (cidr: Cidr6): string => `${formatIp6(cidr.ip)}/${cidr.length}`;

/** First address of the range that `ip` is in. */
export const networkOf6 = (ip: bigint, length: number): bigint => (ip >> BigInt(128 - length)) << BigInt(128 - length);

/** Whether all of `inner` lies in `outer`. */
export const contains6 = (outer: Cidr6, inner: Cidr6): boolean =>
  inner.length >= outer.length && networkOf6(inner.ip, outer.length) === networkOf6(outer.ip, outer.length);
