/**
 * Owns the names of flannel's keys (docs/reference/flannel.md#keys). A lease's key is its only carrier of the subnet. Keys are read as
 * flannel v0.28 reads them, junk before the address and host bits included; what to do with such a lease is the reader's business.
 */

import { posix } from 'node:path';
import { formatCidr, parseIp } from './ipv4.ts';
import { formatIp6, parseIp6 } from './ipv6.ts';

interface LeaseKey {
  /** "10.5.34.0/24", host bits as in the key. */
  subnet: string;
  /** "fc00:0:0:1::/64", canonical. */
  ipv6Subnet?: string;
}

/** flannel's own expression, with its loose dots; what they let through fails as an address. */
const SUBNET_KEY = /(\d+\.\d+.\d+.\d+)-(\d+)(?:&([a-f\d:]+)-(\d+))?$/;

/** No name of two addresses is longer; of a longer one, flannel's expression would take time in its third power. */
const LONGEST_NAME = 128;

/** The subnet that a key names, or undefined if it is no lease key. An IPv4 prefix of /32 and an IPv6 one of /128 are refused, as by flannel. */
export function parseLeaseKey(key: string): LeaseKey | undefined {
  const match = SUBNET_KEY.exec(key.slice(Math.max(lastPart(key), key.length - LONGEST_NAME)));
  if (!match) return undefined;
  const ip = parseIp(match[1]!);
  const length = Number(match[2]);
  if (ip === undefined || length > 31) return undefined;
  const subnet = formatCidr({ ip, length });
  if (match[3] === undefined) return { subnet };
  const ip6 = parseIp6(match[3]);
  const length6 = Number(match[4]);
  if (ip6 === undefined || length6 > 127) return undefined;
  return { subnet, ipv6Subnet: `${formatIp6(ip6)}/${length6}` };
}

/** Where to look: an address can't span a "/". So what is before it is not searched. */
const lastPart = (key: string): number => key.lastIndexOf('/') + 1;

/**
 * Go's path.Join: slashes doubled or at the end go, "." and ".." are resolved, empty parts don't count, and no leading slash is added
 * (in etcd's v3 API "coreos.com/network" and "/coreos.com/network" are different keys).
 */
function join(...parts: string[]): string {
  const path = posix.join(...parts);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** An etcd prefix as flannel makes keys of it; "" stays "". */
export function cleanPrefix(prefix: string): string {
  const clean = join(prefix);
  return clean === '.' ? '' : clean;
}

/** "/coreos.com/network/config" */
export const configKey = (prefix: string): string => join(prefix, 'config');

/** "/coreos.com/network/subnets", without a slash at the end: flannel lists and watches by this very string. */
export const subnetsPrefix = (prefix: string): string => join(prefix, 'subnets');

/** "/coreos.com/network/selvage": under it hosts say of themselves how they are. flannel looks nowhere else than at config and subnets. */
export const summariesPrefix = (prefix: string): string => join(prefix, 'selvage');

/** "/coreos.com/network/selvage/10.5.34.0-24" */
export const summaryKey = (prefix: string, subnet: string): string =>
  join(summariesPrefix(prefix), subnet.replace('/', '-'));

/** "10.5.34.0/24" → "/coreos.com/network/subnets/10.5.34.0-24", and with an IPv6 subnet "…&fc00:0:0:1::-64". */
export function leaseKey(prefix: string, subnet: string, ipv6Subnet?: string): string {
  const name = subnet.replace('/', '-') + (ipv6Subnet === undefined ? '' : `&${ipv6Subnet.replace('/', '-')}`);
  return join(prefix, 'subnets', name);
}
