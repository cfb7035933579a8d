/**
 * Owns how a record under `<prefix>/subnets/` becomes a lease, or why it doesn't. "Unreadable is not absent": what can't be read is held
 * with its reason, and the addresses that its key names count as taken.
 */
import { foreign } from '../../config/foreign-text.ts';
import { type Cidr, networkOf, parseCidr } from '../../config/ipv4.ts';
import { parseLeaseAttrs } from '../../config/lease.ts';
import { parseLeaseKey } from '../../config/lease-key.ts';
import type { Lease } from '../../config/model.ts';
import type { HeldEntry } from '../contracts/report.ts';
import type { StoreRecord } from '../contracts/source.ts';
import { readWrittenForm } from './written-form.ts';

/** What a key or a value may have at most, in bytes. flannel's have less than 300. */
export const MOST_BYTES = 16_384;
const LONG = MOST_BYTES.toLocaleString('en');
/** As a report names it; every real key is shorter. */
const MOST_KEY = 300;

/** Whether it has more bytes than any key or value of a lease may have. */
export const isTooLong = (text: string): boolean =>
  text.length > MOST_BYTES || (3 * text.length > MOST_BYTES && Buffer.byteLength(text) > MOST_BYTES);

/** What a key says, whatever its value. */
export type KeyReading =
  | { subnet: string; ipv6Subnet?: string; block: Cidr; problem?: undefined }
  /** `occupies`: the range that flannel would read in it, host bits kept. */
  | { problem: HeldEntry; occupies?: string };

/**
 * flannel accepts host bits and junk before the address; held here, because such a lease's routes would not be the ones its key names.
 * `subnets`: what every lease key of the prefix begins with, "/coreos.com/network/subnets/".
 */
export function readLeaseKey(subnets: string, key: string): KeyReading {
  const name = key.slice(subnets.length);
  // Nearly all keys are "10.5.34.0-24" to the letter; only the others need flannel's expression.
  const subnet = name.replace('-', '/');
  const block = parseCidr(subnet);
  const isPlain = block && block.length < 32 && networkOf(block.ip, block.length) === block.ip && !name.includes('/');
  return isPlain ? { subnet, block } : readUnusualKey(subnets, key);
}

function readUnusualKey(subnets: string, key: string): KeyReading {
  const parsed = isTooLong(key) ? undefined : parseLeaseKey(key);
  const shown = foreign(key, MOST_KEY);
  const held = (detail: string): HeldEntry => ({
    kind: 'lease',
    key: shown,
    why: 'malformed key',
    detail,
    unmet: false,
  });
  if (!parsed) {
    const detail = `${shown} is not a lease key such as ${subnets}10.5.34.0-24, and flannel does not read it either; delete it if nobody needs it.`;
    return { problem: held(detail) };
  }
  const { subnet, ipv6Subnet } = parsed;
  const block = parseCidr(subnet)!;
  const name = (ipv6Subnet === undefined ? subnet : `${subnet}&${ipv6Subnet}`).replaceAll('/', '-');
  if (key === subnets + name && networkOf(block.ip, block.length) === block.ip) return { ...parsed, block };
  const detail = `${shown} stands for ${subnet}, which is no subnet in its own form (host bits set, or something before the address); its owner has to take the lease again under the right key.`;
  return { problem: held(detail), occupies: subnet };
}

/** The lease in a record with a good key, or the hold on it. */
export function readLease(
  { subnet, ipv6Subnet }: { subnet: string; ipv6Subnet?: string },
  record: StoreRecord,
): Lease | HeldEntry {
  const { key, value, modRevision, createRevision, leaseId } = record;
  if (isTooLong(value)) {
    const detail = `The lease at ${key} is longer than ${LONG} bytes, which no lease is, and what this host has for it stays as it is; see who wrote it, and delete it if nobody needs it.`;
    return { kind: 'lease', key, why: 'malformed lease', detail, unmet: false };
  }
  try {
    const attrs = readWrittenForm(value) ?? parseLeaseAttrs(value);
    return { key, subnet, ipv6Subnet, attrs, value, modRevision, createRevision, leaseId };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const detail = `The lease at ${key} can't be read, and what this host has for it stays as it is: ${why}`;
    return { kind: 'lease', key, why: 'malformed lease', detail, unmet: false };
  }
}
