/**
 * Owns the one exception to "no subnet overlaps a network of the host": a Network that was carved out of a network so wide that its mask says
 * "private" rather than who is there (10.1.2.3/8, Network 10.5.0.0/16; docs/decisions.md#a-network-may-be-carved-out-of-a-very-wide-one).
 */
import { type Cidr, contains, parseCidr } from '../../config/ipv4.ts';

/** The longest prefix that is so wide: 172.16.0.0/12. No link has a million neighbours. */
const WIDE = 12;

export const isWide = ({ length }: Cidr): boolean => length > 0 && length <= WIDE;

/** Whether `network` is a part, and not all, of a wide `range`. */
export function isCarvedFrom(range: Cidr | string, network: string): boolean {
  const [outer, inner] = [typeof range === 'string' ? parseCidr(range) : range, parseCidr(network)];
  return (
    outer !== undefined && inner !== undefined && isWide(outer) && inner.length > outer.length && contains(outer, inner)
  );
}
