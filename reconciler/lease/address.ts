/**
 * Owns the question whether a lease's PublicIP can be another host's at all. Asked of the config and the lease alone, and of this host
 * where there is one to ask: `selvage leases` runs anywhere.
 */
import {
  type Cidr,
  contains,
  formatIp,
  isLoopback,
  isMulticast,
  isReserved,
  lastOf,
  networkOf,
  parseCidr,
  parseIp,
} from '../../config/ipv4.ts';
import type { Lease, NetworkConfig } from '../../config/model.ts';
import type { Host } from '../contracts/host.ts';
import { isCarvedFrom } from '../desired/carved.ts';
import { sizeOf } from './blocks.ts';

/** What is asked of the host. */
export interface Here {
  networks: readonly { cidr: Cidr; dev: string }[];
  /** What is reached without a gateway. */
  onLink: readonly Cidr[];
  /** All of this host's. */
  addresses: ReadonlySet<string>;
  /** The one that this host's own lease names. */
  publicIP: string;
}

export function hereOf(host: Host): Here {
  const networks = (host.guards ?? []).flatMap(({ range, dev, of }) => {
    const cidr = parseCidr(range);
    return cidr && cidr.length < 31 && dev && of !== 'containers' ? [{ cidr, dev }] : [];
  });
  const addresses = new Set([host.uplink.address, ...(host.addresses ?? [])]);
  const onLink = host.uplink.networks.flatMap((network) => parseCidr(network) ?? []);
  return { networks, onLink, addresses, publicIP: host.publicIP };
}

/** The end of a sentence about a PublicIP ("is …"); undefined if a host may be there. `here`: absent where no host is asked. */
export function impossibleAddress(
  config: NetworkConfig | undefined,
  { subnet, attrs: { publicIP } }: Lease,
  here?: Here,
): string | undefined {
  const ip = parseIp(publicIP);
  if (ip === undefined || ip === 0) return undefined; // said elsewhere: it names no address
  if (isLoopback(ip)) return 'is a loopback address, which every host has';
  if (isMulticast(ip)) return "is a multicast address, which is no host's";
  if (isReserved(ip)) return "is in 240.0.0.0/4, which is no host's";
  if (ip >>> 24 === 0) return 'is not the address of a host';
  if (contains(subnet, ip)) return 'is inside the subnet that it leads to';
  const broadcast = here?.networks.find(({ cidr }) => isEdge(cidr, ip));
  if (broadcast) return `is the broadcast address of ${broadcast.dev}'s network`;
  if (here && publicIP !== here.publicIP && here.addresses.has(publicIP)) return "is an address of this host's own";
  const isCarved = (network: Cidr): boolean => config !== undefined && isCarvedFrom(network, config.network);
  const isOnLink = here?.onLink.some((network) => contains(network, ip) && !isCarved(network)) ?? false;
  if (config && !isOnLink && isContainers(config, ip))
    return `is inside the Network ${config.network}, where containers are`;
  return undefined;
}

/** The first and the last address of a network are no host's. */
const isEdge = ({ ip, length }: Cidr, address: number): boolean =>
  address === lastOf(ip, length) || address === networkOf(ip, length);

/**
 * Whether containers may be at an address: it is inside the Network. Of a Network whose subnets come from a part of it (SubnetMin, SubnetMax),
 * the rest may have hosts: 10.0.0.0/8 with subnets from 10.10.0.0 is in flannel's README.
 */
export function isContainers(config: NetworkConfig, address: number | string): boolean {
  const ip = typeof address === 'string' ? parseIp(address) : address;
  const network = parseCidr(config.network);
  if (ip === undefined || !network || network.length === 0 || !contains(network, ip)) return false;
  const size = sizeOf(config.subnetLen);
  const min = parseIp(config.subnetMin) ?? 0;
  const max = (parseIp(config.subnetMax) ?? 0) + size - 1;
  const first = networkOf(network.ip, network.length);
  const last = lastOf(network.ip, network.length);
  // By default the first block is left out.
  return (ip >= min || min <= first + size) && (ip <= max || max >= last - size);
}

export const impossiblePeer = (lease: Lease, problem: string): string =>
  `${lease.subnet} is not served: its PublicIP ${lease.attrs.publicIP} ${problem}; correct ${lease.key}, or restart the agent on its host with --iface or --public-ip.`;

/** 0.0.0.0: as flannel reads a lease without PublicIP. */
export const NOWHERE = formatIp(0);
