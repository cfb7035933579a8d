/**
 * Owns who gives way when two hosts have taken subnets that overlap. The store guards one key, not a range (flannel.md 1.4, 5), so two
 * hosts with different lengths, or a hand and a host, may both succeed: then the younger lease goes, as the elder's is in force everywhere.
 */
import { overlaps } from '../../config/ipv4.ts';
import { parseLeaseKey } from '../../config/lease-key.ts';
import { type Aged, byAge } from './age.ts';

/** The elder key that our new one overlaps, so that ours is to be released and another chosen; undefined if ours may stay. */
export function mustYieldTo(own: Aged, neighbours: Iterable<Aged>): Aged | undefined {
  const subnet = parseLeaseKey(own.key)?.subnet;
  if (subnet === undefined) return undefined;
  for (const other of neighbours) {
    if (other.key === own.key || byAge(other, own) > 0) continue;
    const taken = parseLeaseKey(other.key)?.subnet;
    if (taken !== undefined && overlaps(subnet, taken)) return other;
  }
  return undefined;
}
