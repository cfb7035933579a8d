/**
 * Owns the shapes of what flannel keeps in etcd, as parsed: the network config and a lease. Formats and rules:
 * docs/reference/flannel.md#keys, docs/reference/flannel.md#lease-value, docs/reference/flannel.md#network-config.
 * Parsing and writing are in network.ts, lease.ts and lease-key.ts. Addresses are canonical text; IPv6 is read and checked, not yet programmed.
 */

/** `<prefix>/config`, checked and with flannel's defaults filled in. */
export interface NetworkConfig {
  /** Masked: "10.5.0.0/16"; "0.0.0.0/0" if IPv4 is off. */
  network: string;
  subnetMin: string;
  subnetMax: string;
  subnetLen: number;
  enableIPv4: boolean;
  enableIPv6: boolean;
  enableNFTables: boolean;
  ipv6Network?: string;
  ipv6SubnetMin?: string;
  ipv6SubnetMax?: string;
  ipv6SubnetLen?: number;
  backend: BackendConfig;
}

/** Type as written ("VXLAN"); flannel matches it whatever its case. "" if the config has a Backend without a Type. */
export type BackendConfig =
  | VxlanConfig
  | { type: string; kind: 'host-gw' }
  | IpipConfig
  | UdpConfig
  /** `routeTables`: ids, undefined for the one that the host's subnet uses. */
  | { type: string; kind: 'aws-vpc'; routeTables?: string[] }
  | { type: string; kind: 'gce' }
  /** A backend that flannel knows or doesn't, and that selvage doesn't run. */
  | { type: string; kind: 'other' };

export interface VxlanConfig {
  type: string;
  kind: 'vxlan';
  vni: number;
  /** 0: the kernel's default (8472). */
  port: number;
  gbp: boolean;
  learning: boolean;
  directRouting: boolean;
  /** MTU of the underlay, if the config names one. */
  mtu?: number;
}

export interface IpipConfig {
  type: string;
  kind: 'ipip';
  directRouting: boolean;
}

export interface UdpConfig {
  type: string;
  kind: 'udp';
  /** UDP port, of every host of the network. */
  port: number;
}

/** A lease's value. */
export interface LeaseAttrs {
  /** "0.0.0.0" if absent (flannel accepts that). */
  publicIP: string;
  publicIPv6: string | null;
  /** "" for udp and alloc, which write none. Case-sensitive. */
  backendType: string;
  /** Any JSON value; undefined if absent. Opaque but for our own backend's. */
  backendData?: unknown;
  backendV6Data?: unknown;
}

/** A lease as it is in the store. */
export interface Lease {
  /** Full etcd key. */
  key: string;
  /** "10.5.34.0/24" */
  subnet: string;
  ipv6Subnet?: string;
  attrs: LeaseAttrs;
  /** The value's exact text, so that what is already right is never written again. */
  value: string;
  modRevision: number;
  createRevision: number;
  /** Store's lease id as decimal text; "0": permanent (a reservation). */
  leaseId: string;
}
