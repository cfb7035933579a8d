/**
 * Owns what flannel derives from a Network and its limits, once for both families: the subnet length, the first and the last subnet
 * (CheckNetworkConfig in flannel's pkg/subnet/config.go). Checks run in flannel's order: length, Min, Max, then their alignment.
 */

import { ConfigError } from './errors.ts';
import { formatIp } from './ipv4.ts';
import { formatIp6 } from './ipv6.ts';

/** What differs between the families. */
interface Family {
  bits: 32 | 128;
  /** What the names of its fields begin with. */
  prefix: '' | 'IPv6';
  /** A host's subnet, where the network has room for four of them. */
  usualLen: 24 | 64;
  example: string;
  format(ip: bigint): string;
}

export const IPV4: Family = {
  bits: 32,
  prefix: '',
  usualLen: 24,
  example: '10.5.0.0/16',
  format: (ip) => formatIp(Number(ip)),
};

export const IPV6: Family = { bits: 128, prefix: 'IPv6', usualLen: 64, example: 'fc00::/48', format: formatIp6 };

/** As in the config; 0 is "not given". The network is masked. */
interface GivenRange {
  network: { ip: bigint; length: number } | undefined;
  len: number;
  min: bigint;
  max: bigint;
}

interface DerivedRange {
  network: string;
  subnetMin: string;
  subnetMax: string;
  subnetLen: number;
}

/** Checks one family's range and fills in flannel's defaults. @throws ConfigError */
export function deriveRange(family: Family, given: GivenRange): DerivedRange {
  const { bits, format } = family;
  const network = requireNetwork(family, given.network);
  const networkText = `${format(network.ip)}/${network.length}`;
  const len = subnetLen(family, given.len, network.length, networkText);

  const block = 1n << BigInt(bits - len);
  const first = network.ip;
  const last = network.ip + (1n << BigInt(bits - network.length)) - block;
  const bounds = { first, end: last + block, networkText, right: `${format(first)} to ${format(last)}` };
  // The first subnet is left out by default: its first address would be the network's own.
  const min = given.min === 0n ? first + block : inside(family, 'SubnetMin', given.min, bounds);
  const max = given.max === 0n ? last : inside(family, 'SubnetMax', given.max, bounds);
  for (const [name, ip] of [
    ['SubnetMin', min],
    ['SubnetMax', max],
  ] as const) {
    if (ip % block === 0n) continue;
    const field = family.prefix + name;
    const right = format(ip - (ip % block));
    throw new ConfigError(
      field,
      `${field} is ${format(ip)}, but must be the first address of a /${len} subnet: use ${right}.`,
    );
  }
  if (min > max) {
    const field = `${family.prefix}SubnetMin`;
    throw new ConfigError(
      field,
      `${field} is ${format(min)}, which is above ${family.prefix}SubnetMax ${format(max)} and leaves no subnet: use ${format(max)} or less.`,
    );
  }
  return { network: networkText, subnetMin: format(min), subnetMax: format(max), subnetLen: len };
}

function requireNetwork(family: Family, network: GivenRange['network']): { ip: bigint; length: number } {
  if (network && (network.ip !== 0n || network.length !== 0)) return network;
  const field = `${family.prefix}Network`;
  const what = network ? `${family.format(0n)}/0, the whole address space` : 'missing';
  throw new ConfigError(
    field,
    `${field} is ${what}, but must name the range that all hosts share, such as "${family.example}".`,
  );
}

function subnetLen(family: Family, given: number, networkLength: number, networkText: string): number {
  const { bits, prefix, usualLen } = family;
  // A host's subnet holds four addresses at least, and a network four subnets.
  const longest = bits - 2;
  const shortest = networkLength + 2;
  if (shortest > longest) {
    throw new ConfigError(
      `${prefix}Network`,
      `${prefix}Network ${networkText} is too small to hold four subnets of four addresses: use a /${longest - 2} or a larger range.`,
    );
  }
  if (given === 0) return Math.max(usualLen, shortest);
  const field = `${prefix}SubnetLen`;
  if (given > longest) {
    throw new ConfigError(
      field,
      `${field} is ${given}, but a host's subnet needs at least four addresses: use ${shortest} to ${longest}.`,
    );
  }
  if (given < shortest) {
    throw new ConfigError(
      field,
      `${field} is ${given}, but ${prefix}Network ${networkText} must hold at least four subnets: use ${shortest} to ${longest}.`,
    );
  }
  return given;
}

function inside(
  family: Family,
  name: 'SubnetMin' | 'SubnetMax',
  ip: bigint,
  bounds: { first: bigint; end: bigint; networkText: string; right: string },
): bigint {
  if (ip >= bounds.first && ip < bounds.end) return ip;
  const field = family.prefix + name;
  throw new ConfigError(
    field,
    `${field} is ${family.format(ip)}, but must lie in ${family.prefix}Network ${bounds.networkText}: use ${bounds.right}.`,
  );
}
