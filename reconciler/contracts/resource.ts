/**
 * Owns the vocabulary: the things a host should have (resources), what identifies one and what makes two equal.
 *
 * - A key is the kernel's own identity, never one of ours: a route is table|dst|tos|metric, an FDB entry dev|mac.
 * - Keys of different kinds may read alike, so inside a run a resource is found by its id: `kind key`.
 * - Addresses are canonical text ("10.5.34.0/24", "aa:bb:cc:dd:ee:ff"), so that equality is string equality.
 */

/**
 * In the order in which they are built; taken down in reverse (DESIGN 3, "Order lives in one file": order.ts). `docker` is for scopes and
 * reports: it is no Resource, so that no plan can have one, and followed on its own (docker/).
 */
export type Kind = 'link' | 'address' | 'neighbour' | 'fdb' | 'nexthop' | 'route' | 'file' | 'docker';

/** A network device. Observed ones may be of any type; wanted ones are always vxlan so far. */
export interface Link {
  kind: 'link';
  name: string;
  /** rtnetlink's IFLA_INFO_KIND: "vxlan", "bridge", …; "" for a device without one. */
  type: string;
  up: boolean;
  mac: string;
  mtu: number;
  /** IFLA_IFALIAS; ours reads `selvage:<etcd prefix>` and names the instance that owns the device. */
  alias: string;
  /** Name of the bridge or bond it is enslaved to, "" for none (only ever observed). */
  master: string;
  /** net.ipv4.conf.<name>.rp_filter of a vxlan device: 2 is loose. Undefined: not known, or not wanted in particular. */
  rpFilter?: number;
  vxlan?: VxlanAttributes;
}

/** What makes a vxlan device; only `local`, `parent` and `learning` can be changed in place (kernel: vxlan_changelink). */
export interface VxlanAttributes {
  vni: number;
  /** UDP port, host byte order. */
  port: number;
  /** Source address of the tunnel, "" if none is set. */
  local: string;
  /** Name of the underlay device, "" if none is set. */
  parent: string;
  learning: boolean;
  gbp: boolean;
}

export interface Address {
  kind: 'address';
  dev: string;
  /** "10.5.34.0/32" */
  address: string;
}

/** A permanent ARP entry: the peer's subnet address → its VTEP's MAC. */
export interface Neighbour {
  kind: 'neighbour';
  dev: string;
  ip: string;
  mac: string;
  permanent: boolean;
  /** NDA_PROTOCOL, 0 if unmarked. Says who once made it; not compared. */
  protocol: number;
}

/** An FDB entry of a vxlan device (AF_BRIDGE, NTF_SELF): VTEP MAC → underlay address. */
export interface Fdb {
  kind: 'fdb';
  dev: string;
  mac: string;
  /** Underlay address of the VTEP; "" for an entry without one. */
  dst: string;
  permanent: boolean;
  /** True if it is nothing but mac, dst, self, permanent: no port, VNI, nexthop, learned or extern flag. */
  plain: boolean;
}

/** A nexthop object (RTM_NEWNEXTHOP, kernel ≥ 5.3). */
export interface Nexthop {
  kind: 'nexthop';
  /** u32 that its creator chooses; ours is the IPv4 address of the peer's subnet as a number. */
  id: number;
  dev: string;
  gateway: string;
  onlink: boolean;
  protocol: number;
  /** False for what we would never make: groups, blackholes, encapsulations, an IPv6 gateway. */
  plain: boolean;
}

export interface Route {
  kind: 'route';
  table: number;
  dst: string;
  tos: number;
  metric: number;
  /** "" for none (a connected route has only a device; some types have neither). */
  dev: string;
  gateway: string;
  onlink: boolean;
  /** Id of the nexthop object it uses; 0 for a plain gateway. A Want names the one it prefers. */
  nexthopId: number;
  protocol: number;
  /** rtm_type as iproute2 names it: "unicast", "blackhole", … */
  type: string;
  /** False for what we would never make: multipath, encapsulation, a source address, metrics such as an MTU. */
  plain: boolean;
}

/** A file whose whole content is ours (`subnet.env`), or somebody else's with a few values of ours in it (`edit`). */
export interface FileResource {
  kind: 'file';
  path: string;
  content: string;
  /** Permission bits, e.g. 0o644. An existing file keeps its own (as flannel does), so not compared. */
  mode: number;
  /** The flag that names it, for sentences; default --subnet-file. */
  flag?: string;
  edit?: FileEdit;
}

/** Of somebody else's file (daemon.json). */
export interface FileEdit {
  /** The text that `content` was made from, undefined: there was no file. If it is another by now, nothing is written. */
  of: string | undefined;
  /** What a report shows instead of the text, which may have secrets: the values that change, undefined for one that is not there. */
  want: Record<string, unknown>;
  have: Record<string, unknown>;
}

export type Resource = Link | Address | Neighbour | Fdb | Nexthop | Route | FileResource;
/** A resource as desired. */
export type Want = Resource;
/** A resource as observed. Who owns it is decided by ownership.ts from nothing but this and the instance's identity. */
export type Have = Resource;

/** Protocol mark of our routes, nexthop objects and neighbours: 's'. Free in iproute2's rt_protos and in FRR, BIRD and Calico. */
export const SELVAGE_PROTOCOL = 115;
/** RT_TABLE_MAIN, where flannel's routes go. */
export const MAIN_TABLE = 254;

/** The kernel's own identity of a resource, unique within its kind; this is the `key` of a report. */
export function keyOf(resource: Resource): string {
  switch (resource.kind) {
    case 'link':
      return resource.name;
    case 'address':
      return `${resource.dev}|${resource.address}`;
    case 'neighbour':
      return `${resource.dev}|${resource.ip}`;
    case 'fdb':
      return `${resource.dev}|${resource.mac}`;
    case 'nexthop':
      return String(resource.id);
    case 'route':
      return `${resource.table}|${resource.dst}|${resource.tos}|${resource.metric}`;
    case 'file':
      return resource.path;
  }
}

/** Unique across kinds: what maps and scopes inside a run are indexed by. */
export function idOf(resource: Resource): string {
  return `${resource.kind} ${keyOf(resource)}`;
}

/** Kind and key of an id. */
export function splitId(id: string): { kind: Kind; key: string } {
  const space = id.indexOf(' ');
  return { kind: id.slice(0, space) as Kind, key: id.slice(space + 1) };
}

/** The device that a resource lives under, and with which the kernel takes it away; undefined for a file. */
export function linkOf(resource: Resource): string | undefined {
  if (resource.kind === 'file') return undefined;
  return resource.kind === 'link' ? resource.name : resource.dev;
}
