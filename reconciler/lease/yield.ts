/**
 * Owns who gives way when two hosts have taken subnets that overlap. The store guards one key, not a range
 * (docs/reference/flannel.md#acquiring-a-lease), so two hosts with different lengths, or a hand and a host, may both succeed: then the
 * younger lease goes, as the elder's is in force everywhere.
 */
import { contains, overlaps } from '../../config/ipv4.ts';
import { parseLeaseKey } from '../../config/lease-key.ts';
import { type Aged, byAge } from './age.ts';

/**
 * The elder key that our new one overlaps, so that ours is to be released and another chosen; undefined if ours may stay.
 * Keys that are not inside `network` (of the config) count for nothing, as in the choice: else we would yield to them for ever.
 */
export function mustYieldTo(own: Aged, neighbours: Iterable<Aged>, network = '0.0.0.0/0'): Aged | undefined {
  const subnet = parseLeaseKey(own.key)?.subnet;
  if (subnet === undefined) return undefined;
  for (const other of neighbours) {
    if (other.key === own.key || byAge(other, own) > 0) continue;
    const taken = parseLeaseKey(other.key)?.subnet;
    if (taken !== undefined && contains(network, taken) && overlaps(subnet, taken)) return other;
  }
  return undefined;
}
