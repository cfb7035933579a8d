/**
 * Which subnet flannel 0.28.9 reads out of a key under <prefix>/subnets/; null: that is no lease key. It takes keys with host bits set
 * and with junk before the address; selvage may hold those as malformed, but never lets one disturb the others.
 */
export const LEASE_KEYS: readonly { key: string; subnet: string | null; ipv6Subnet: string | null }[] = [
  { key: '/coreos.com/network/subnets/10.5.34.0-24', subnet: '10.5.34.0/24', ipv6Subnet: null },
  { key: '/x/subnets/10.5.34.7-24', subnet: '10.5.34.7/24', ipv6Subnet: null },
  { key: '/x/subnets/10.5.34.0-32', subnet: null, ipv6Subnet: null },
  { key: '/x/subnets/10.5.34.0-31', subnet: '10.5.34.0/31', ipv6Subnet: null },
  { key: '/x/subnets/junk10.5.34.0-24', subnet: '10.5.34.0/24', ipv6Subnet: null },
  { key: '/x/subnets/10.5.34.0-24&fc00::-64', subnet: '10.5.34.0/24', ipv6Subnet: 'fc00::/64' },
  { key: '/x/subnets/10.5.34.0-24&fc00::-128', subnet: null, ipv6Subnet: null },
  { key: '/x/subnets/10.5.34.0-24&FC00::-64', subnet: null, ipv6Subnet: null },
  { key: '/x/subnets/10.5.34.0-24hi', subnet: null, ipv6Subnet: null },
  { key: '/x/10.9.0.0-24/subnets/10.5.34.0-24', subnet: '10.5.34.0/24', ipv6Subnet: null },
  { key: '/x/subnets/010.5.34.0-24', subnet: null, ipv6Subnet: null },
  { key: '/x/subnets/10.5x34.0-24', subnet: null, ipv6Subnet: null },
];
