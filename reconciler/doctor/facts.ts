/**
 * Owns the shape of all that selvage doctor judges by: what a drift report finds, and what else was read of the host. Plain values, so that a
 * check can be tried without a host. Collected by drivers/doctor/ and drivers/probe/.
 */
import type { Lease, NetworkConfig } from '../../config/model.ts';
import type { Host } from '../contracts/host.ts';
import type { Report } from '../contracts/report.ts';
import type { Ruleset } from '../firewall/ruleset.ts';
import type { InputChain } from './input.ts';
import type { Probed } from './probed.ts';

/** The look that `selvage drift` makes, with what it was made from. */
export interface Look {
  report: Report;
  config: NetworkConfig | undefined;
  /** Of all hosts, as the store has them. */
  leases: readonly Lease[];
  host: Host | undefined;
  /** Names of the devices that the config's backend has: "flannel.1". */
  devices: readonly string[];
}

export interface Device {
  name: string;
  index: number;
  /** IFLA_INFO_KIND: "vxlan", "bridge", "veth"; "" for a network card. */
  type: string;
  mac: string;
  /** Bytes. */
  mtu: number;
  up: boolean;
  /** Name of its bridge or bond; "" for none. */
  master: string;
  vxlan?: { vni: number; port: number };
  /** Frames for another MAC (rx_otherhost_dropped, from kernel 5.19); undefined: not counted. */
  otherHost?: number;
  /** addr_assign_type: 0 permanent, 1 random, 3 set by somebody; undefined: not told. */
  macOrigin?: number;
  /** Of a network card: "vmxnet3". */
  driver?: string;
  /** Whether it leaves checksums to the hardware; undefined: not told. */
  checksumOffload?: boolean;
}

/** A member of etcd, as it says of itself at /health. */
export interface Endpoint {
  url: string;
  /** Why it is not well, as a sentence; undefined: it is. */
  problem?: string;
  /** Its clock less ours, ms, to a second; undefined: not told. */
  clockAheadMs?: number;
}

/** What systemd and NetworkManager were told about devices and routes that aren't theirs. */
export interface NetworkServices {
  /** undefined: systemd-networkd doesn't run. `removes`: what of others it takes away when it starts. */
  networkd?: { removes: readonly ('routes' | 'rules' | 'nexthops')[]; manages: readonly string[] };
  /** undefined: NetworkManager doesn't run. */
  networkManager?: { manages: readonly string[] };
  /** The .link file by which udev would give a MAC of its own to a device, by its name; absent: none. */
  macPolicy: Readonly<Record<string, string>>;
}

export interface Facts {
  /** ms since the epoch. */
  now: number;
  options: {
    prefix: string;
    /** "" for none: the desired state comes from a file. */
    endpoints: readonly string[];
    forwardRules: boolean;
    subnetFile: string;
    docker: string;
  };
  /** CAP_NET_ADMIN: without it firewall and IPsec can't be seen. */
  permitted: boolean;
  /** undefined: it could not be made; `failure` says why. */
  look: Look | undefined;
  failure: { what: 'store' | 'config' | 'host'; sentence: string } | undefined;
  /** Seconds that the own lease has left; null: permanent; undefined: there is none, or it isn't known. */
  leaseLeft: number | null | undefined;
  endpoints: readonly Endpoint[];
  /** What is wrong with the private key's file. */
  keyExposed: string | undefined;
  devices: readonly Device[];
  /** By name ("net.ipv4.ip_forward"); undefined: there is none. */
  sysctl(name: string): string | undefined;
  /** Of /proc/net/snmp and netstat: "Udp.InCsumErrors". */
  counters: Readonly<Record<string, number>>;
  /** Local UDP ports that a socket of a process listens on, with its process if that is known. */
  udpPorts: ReadonlyMap<number, string>;
  neighbourTable: { entries: number; most: number; overflows: number } | undefined;
  conntrack: { entries: number; most: number } | undefined;
  /** IPsec policies, as text; undefined: they can't be seen. */
  ipsec: readonly string[] | undefined;
  /** Path MTUs that the kernel has learned, by public IP of a peer. */
  learnedMtus: ReadonlyMap<string, number>;
  /** undefined: can't be seen. */
  ruleset: Ruleset | undefined;
  input: readonly InputChain[] | undefined;
  services: NetworkServices;
  /** Who keeps this host's part of the network. `selvage`: the daemon's pid. */
  agent: { selvage: number | undefined; flanneld: boolean };
  /** "Amazon EC2", "Google": whose machine the firmware says that this is; "" for none. */
  cloud: string;
  /** What --probe found; undefined: it was not asked for. */
  probed: Probed | undefined;
}
