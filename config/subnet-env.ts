/**
 * Owns the text of subnet.env (docs/reference/flannel.md#subnet-file): written to the byte as flannel v0.28 does, read as it does
 * (godotenv), but for a line that can't be read: there flannel gives the whole file up, and we only that line.
 */

import { formatCidr, maskCidr, parseCidr } from './ipv4.ts';
import { formatCidr6, networkOf6, parseCidr6 } from './ipv6.ts';

interface SubnetEnv {
  /** The flannel network and the host's subnet, masked. Left out if IPv4 is off. */
  network?: string;
  subnet?: string;
  /** Left out if IPv6 is off. */
  ipv6Network?: string;
  ipv6Subnet?: string;
  /** Bytes, of the flannel device. */
  mtu: number;
  ipMasq: boolean;
}

/** The file's whole text. The host's own address, the subnet's first plus one, is what stands in FLANNEL_SUBNET. */
export function formatSubnetEnv(env: SubnetEnv): string {
  const lines: string[] = [];
  if (env.network !== undefined && env.subnet !== undefined) {
    lines.push(`FLANNEL_NETWORK=${env.network}`, `FLANNEL_SUBNET=${secondAddress(env.subnet)}`);
  }
  if (env.ipv6Network !== undefined && env.ipv6Subnet !== undefined) {
    lines.push(`FLANNEL_IPV6_NETWORK=${env.ipv6Network}`, `FLANNEL_IPV6_SUBNET=${secondAddress6(env.ipv6Subnet)}`);
  }
  lines.push(`FLANNEL_MTU=${env.mtu}`, `FLANNEL_IPMASQ=${env.ipMasq}`);
  return `${lines.join('\n')}\n`;
}

function secondAddress(subnet: string): string {
  const cidr = parseCidr(subnet);
  return cidr ? formatCidr({ ip: (cidr.ip + 1) >>> 0, length: cidr.length }) : subnet;
}

function secondAddress6(subnet: string): string {
  const cidr = parseCidr6(subnet);
  return cidr ? formatCidr6({ ip: cidr.ip + 1n, length: cidr.length }) : subnet;
}

/** What an existing file says; what it doesn't say or says unreadably is left out. Ranges are masked. Never throws. */
export function parseSubnetEnv(text: string): Partial<SubnetEnv> {
  const values = readEnvText(text);
  const env: Partial<SubnetEnv> = {};
  const set = <K extends keyof SubnetEnv>(key: K, value: SubnetEnv[K] | undefined): void => {
    if (value !== undefined) env[key] = value;
  };
  set('network', only(values.get('FLANNEL_NETWORK'), maskCidr));
  set('subnet', only(values.get('FLANNEL_SUBNET'), maskCidr));
  set('ipv6Network', only(values.get('FLANNEL_IPV6_NETWORK'), maskCidr6));
  set('ipv6Subnet', only(values.get('FLANNEL_IPV6_SUBNET'), maskCidr6));
  const mtu = values.get('FLANNEL_MTU') ?? '';
  if (/^[1-9]\d{0,8}$/.test(mtu)) env.mtu = Number(mtu);
  const ipMasq = values.get('FLANNEL_IPMASQ');
  if (ipMasq === 'true' || ipMasq === 'false') env.ipMasq = ipMasq === 'true';
  return env;
}

/** flannel reads a comma list, skips what is no range, and takes more than one for none. */
function only(list: string | undefined, mask: (text: string) => string | undefined): string | undefined {
  const ranges = (list ?? '').split(',').flatMap((text) => mask(text) ?? []);
  return ranges.length === 1 ? ranges[0] : undefined;
}

function maskCidr6(text: string): string | undefined {
  const cidr = parseCidr6(text);
  return cidr && formatCidr6({ ip: networkOf6(cidr.ip, cidr.length), length: cidr.length });
}

/** One assignment a line: "export " before the name, "=" or ":" after it, and a value in single, double or no quotes. */
const ASSIGNMENT =
  /^\s*(?:export\s+)?([A-Za-z0-9_.]+)[^\S\n]*[=:][^\S\n]*(?:"((?:\\.|[^"\\])*)"|'([^']*)'|([^\n]*?))[^\S\n]*(?:\s#.*)?$/;

/** Every assignment of an environment file, the last of a name. */
export function readEnvText(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const match = ASSIGNMENT.exec(line);
    if (match) values.set(match[1]!, match[2] ?? match[3] ?? match[4] ?? '');
  }
  return values;
}
