/**
 * Owns the shape of what must be known of a host to know what it should have. Facts, not resources: nothing here is ever changed by us.
 * drivers/ read them; uplink.ts chooses the external interface from them.
 */

/** A network interface with its IPv4 addresses, in the kernel's order. */
export interface Interface {
  name: string;
  index: number;
  mac: string;
  mtu: number;
  up: boolean;
  loopback: boolean;
  /** IFLA_IFALIAS; "" or absent for none. */
  alias?: string;
  /** IFLA_INFO_KIND: "bridge", "veth", "vlan"; "" or absent for a network card. */
  type?: string;
  /** Name of the bridge or bond that it is a port of; "" or absent for none. */
  master?: string;
  /** Something is at the other end of the line. Absent: not known, taken as true. */
  carrier?: boolean;
  /** It is an end of a veth pair whose other end is in this namespace too. */
  looped?: boolean;
  /** "192.168.64.3/24" with rtnetlink's scope ("global", "link", "host") and whether it is permanent and deprecated. */
  addresses: { address: string; scope: string; permanent: boolean; deprecated: boolean }[];
}

export interface DefaultRoute {
  dev: string;
  /** "" for none. */
  gateway: string;
  metric: number;
}

/** A route without a gateway (of table main): what it leads to is on the link of its device. */
export interface LinkRoute {
  dev: string;
  /** "192.168.64.0/24" */
  dst: string;
  /** Absent: 0. */
  metric?: number;
}

export interface HostFacts {
  interfaces: Interface[];
  linkRoutes: LinkRoute[];
  /** IPv4 default routes of table main, lowest metric first. */
  defaultRoutes: DefaultRoute[];
  /** Addresses of the store's endpoints, and of the host's name servers. Absent: not known. */
  store?: readonly string[];
  nameServers?: readonly string[];
}

/** What no subnet may cover, or this host is cut off from it (desired/guards.ts). */
export interface Guard {
  /** "192.168.64.0/24"; an address is a /32. */
  range: string;
  /** For a sentence: "the gateway 192.168.64.1". */
  what: string;
  /** The interface that it is a network or an address of; "" for what is elsewhere. */
  dev: string;
  /** `containers`: a network or an address that may be of containers, and so inside this host's own subnet. */
  of: 'uplink' | 'elsewhere' | 'host' | 'containers';
  /** It has a route in the kernel with the very key that a peer's route on the same range has: there the plan says so. */
  routed?: boolean;
}

/** The host as the backends see it. */
export interface Host {
  hostname: string;
  /** The external interface. `networks`: CIDRs of what is on its link, so that it is reached without a gateway. */
  uplink: { name: string; mtu: number; address: string; networks: readonly string[] };
  /** Where the other hosts reach this one: --public-ip, else the external interface's address. */
  publicIP: string;
  /** Nexthop objects (kernel ≥ 5.3). */
  nexthopObjects: boolean;
  /** Absent: nothing is known of it. */
  guards?: readonly Guard[];
  /** All IPv4 addresses of this host but those of flannel's devices, sorted. Absent: the uplink's is all that is known. */
  addresses?: readonly string[];
}

/** What this host has of the network, for those who follow it: what subnet.env says of IPv4. */
export interface HostSubnet {
  /** CIDRs: the flannel Network, and this host's part of it. */
  network: string;
  subnet: string;
  /** Bytes, of what goes through the overlay. */
  mtu: number;
  /** FLANNEL_IPMASQ: whether flannel masquerades. */
  ipMasq: boolean;
}

/** Who this instance is among the instances and the foreigners on a host: all that ownership is decided from, beside the resource itself. */
export interface Instance {
  /** Cleaned etcd prefix: "/coreos.com/network". */
  prefix: string;
  /** The flannel Network of the config in force and those that our own subnet.env or last good copy name: CIDRs. */
  networks: string[];
  subnetFile: string;
}

/** The mark (IFLA_IFALIAS) that this instance puts on its devices. */
export const aliasOf = (instance: { prefix: string }): string => `${ALIAS_PREFIX}${instance.prefix}`;

/** Of every instance's. */
export const ALIAS_PREFIX = 'selvage:';
