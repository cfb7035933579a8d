/**
 * Owns the reading of `<prefix>/config`: accepts and rejects what flannel v0.28 does, and derives the same values (pkg/subnet/config.go,
 * docs/reference/flannel.md#network-config). Two configs that flannel accepts and then can't run are refused here: no stack at all, and Min
 * above Max.
 */

import { absentBackend, parseBackend } from './backend-config.ts';
import { ConfigError } from './errors.ts';
import { boolOf, decodeStruct, intOf, show, structFields } from './go-json.ts';
import { networkOf, parseCidr, parseIp } from './ipv4.ts';
import { networkOf6, parseCidr6, parseIp6 } from './ipv6.ts';
import { type JsonNode, readJson } from './json-reader.ts';
import type { NetworkConfig } from './model.ts';
import { deriveRange, IPV4, IPV6 } from './network-range.ts';

/** For sentences that tell somebody to put one. */
export const EXAMPLE_CONFIG = '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}';

/** The fields as given, read but not yet checked against each other. 0 is "not given", as in flannel. */
interface Given {
  enableIPv4: boolean;
  enableIPv6: boolean;
  enableNFTables: boolean;
  network: { ip: number; length: number } | undefined;
  subnetLen: number;
  subnetMin: number;
  subnetMax: number;
  /** "IPv4": an IPv4 range or address, which flannel reads here and can't use. */
  ipv6Network: { ip: bigint; length: number } | 'IPv4' | undefined;
  ipv6SubnetLen: number;
  ipv6SubnetMin: bigint | 'IPv4';
  ipv6SubnetMax: bigint | 'IPv4';
  backend: JsonNode | undefined;
}

const FIELDS = structFields<Given>({
  EnableIPv4: (to, node) => {
    to.enableIPv4 = boolOf(node, 'EnableIPv4', to.enableIPv4);
  },
  EnableIPv6: (to, node) => {
    to.enableIPv6 = boolOf(node, 'EnableIPv6', to.enableIPv6);
  },
  EnableNFTables: (to, node) => {
    to.enableNFTables = boolOf(node, 'EnableNFTables', to.enableNFTables);
  },
  Network: (to, node) => {
    to.network = readRange(node, 'Network');
  },
  SubnetLen: (to, node) => {
    to.subnetLen = intOf(node, 'SubnetLen', to.subnetLen, { min: 0, max: 2 ** 64, right: 'a number up to 30' });
  },
  SubnetMin: (to, node) => {
    to.subnetMin = readAddress(node, 'SubnetMin');
  },
  SubnetMax: (to, node) => {
    to.subnetMax = readAddress(node, 'SubnetMax');
  },
  IPv6Network: (to, node) => {
    to.ipv6Network = readRange6(node, 'IPv6Network');
  },
  IPv6SubnetLen: (to, node) => {
    to.ipv6SubnetLen = intOf(node, 'IPv6SubnetLen', to.ipv6SubnetLen, {
      min: 0,
      max: 2 ** 64,
      right: 'a number up to 126',
    });
  },
  IPv6SubnetMin: (to, node) => {
    to.ipv6SubnetMin = readAddress6(node, 'IPv6SubnetMin');
  },
  IPv6SubnetMax: (to, node) => {
    to.ipv6SubnetMax = readAddress6(node, 'IPv6SubnetMax');
  },
  Backend: (to, node) => {
    to.backend = node;
  },
});

/** Reads and checks a network config. @throws ConfigError */
export function parseNetworkConfig(text: string): NetworkConfig {
  const given = decodeStruct<Given>(
    readJson(text),
    {
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      network: undefined,
      subnetLen: 0,
      subnetMin: 0,
      subnetMax: 0,
      ipv6Network: undefined,
      ipv6SubnetLen: 0,
      ipv6SubnetMin: 0n,
      ipv6SubnetMax: 0n,
      backend: undefined,
    },
    FIELDS,
    '',
  );
  const { enableIPv4, enableIPv6, enableNFTables } = given;
  const backend = given.backend ? parseBackend(given.backend) : absentBackend;
  if (!enableIPv4 && !enableIPv6) {
    throw new ConfigError(
      'EnableIPv4',
      'EnableIPv4 is false and EnableIPv6 is not true, but a network needs one of them: leave EnableIPv4 out or set EnableIPv6.',
    );
  }
  return { ...ipv4Part(given), enableIPv4, enableIPv6, enableNFTables, ...ipv6Part(given), backend };
}

function ipv4Part(given: Given): Pick<NetworkConfig, 'network' | 'subnetMin' | 'subnetMax' | 'subnetLen'> {
  if (!given.enableIPv4) return { network: '0.0.0.0/0', subnetMin: '0.0.0.0', subnetMax: '0.0.0.0', subnetLen: 0 };
  return deriveRange(IPV4, {
    network: given.network && { ip: BigInt(given.network.ip), length: given.network.length },
    len: given.subnetLen,
    min: BigInt(given.subnetMin),
    max: BigInt(given.subnetMax),
  });
}

function ipv6Part(given: Given): Partial<NetworkConfig> {
  if (!given.enableIPv6) return {};
  const { network, subnetMin, subnetMax, subnetLen } = deriveRange(IPV6, {
    network: ipv6Only('IPv6Network', given.ipv6Network, 'an IPv6 range, such as "fc00::/48"'),
    len: given.ipv6SubnetLen,
    min: ipv6Only('IPv6SubnetMin', given.ipv6SubnetMin, 'the first address of an IPv6 subnet'),
    max: ipv6Only('IPv6SubnetMax', given.ipv6SubnetMax, 'the first address of an IPv6 subnet'),
  });
  return { ipv6Network: network, ipv6SubnetMin: subnetMin, ipv6SubnetMax: subnetMax, ipv6SubnetLen: subnetLen };
}

function ipv6Only<T>(field: string, value: T | 'IPv4', right: string): T {
  if (value === 'IPv4') throw new ConfigError(field, `${field} is IPv4, but EnableIPv6 is true: use ${right}.`);
  return value;
}

/** flannel reads addresses from the source text with its quotes trimmed: escapes aren't undone, and null is no address. */
const bare = (node: JsonNode): string => node.raw.replace(/^"+|"+$/g, '');

function readRange(node: JsonNode, field: string): { ip: number; length: number } {
  const cidr = parseCidr(bare(node));
  if (cidr) return { ip: networkOf(cidr.ip, cidr.length), length: cidr.length };
  if (parseCidr6(bare(node))) {
    throw new ConfigError(
      field,
      `${field} is ${show(node)}, but must be IPv4: an IPv6 range goes into IPv6Network, with EnableIPv6.`,
    );
  }
  throw new ConfigError(
    field,
    `${field} is ${show(node)}, but must be an IPv4 range in quotes, such as "10.5.0.0/16".`,
  );
}

/** Also reads what Go takes for an IPv4 address: "::ffff:10.5.1.0". */
function readAddress(node: JsonNode, field: string): number {
  const ip = parseIp(bare(node)) ?? mapped(parseIp6(bare(node)));
  if (ip !== undefined) return ip;
  throw new ConfigError(
    field,
    `${field} is ${show(node)}, but must be an IPv4 address in quotes, such as "10.5.1.0", or left out.`,
  );
}

const mapped = (ip: bigint | undefined): number | undefined =>
  ip !== undefined && ip >> 32n === 0xffffn ? Number(ip & 0xffffffffn) : undefined;

function readRange6(node: JsonNode, field: string): Given['ipv6Network'] {
  const cidr = parseCidr6(bare(node));
  if (cidr) return { ip: networkOf6(cidr.ip, cidr.length), length: cidr.length };
  if (parseCidr(bare(node))) return 'IPv4';
  throw new ConfigError(field, `${field} is ${show(node)}, but must be an IPv6 range in quotes, such as "fc00::/48".`);
}

/** null is "not given" here, unlike elsewhere: these two fields are pointers in flannel, and Go sets a pointer to nil for null. */
function readAddress6(node: JsonNode, field: string): bigint | 'IPv4' {
  if (node.kind === 'null') return 0n;
  const ip = parseIp6(bare(node));
  if (ip !== undefined) return ip;
  if (parseIp(bare(node)) !== undefined) return 'IPv4';
  throw new ConfigError(
    field,
    `${field} is ${show(node)}, but must be an IPv6 address in quotes, such as "fc00:0:0:1::", or left out.`,
  );
}
