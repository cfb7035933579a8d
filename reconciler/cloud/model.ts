/**
 * Owns the vocabulary of the cloud backends (aws-vpc, gce): the route that leads a host's subnet to it, and what a cloud says of its routes.
 *
 * - Only the own subnet's route is ever wanted: each host writes its own (docs/reference/cloud.md#what-both-have-in-common), and peers need nothing of ours.
 * - A cloud sends no events: what is here was read at some moment, and may be one write behind.
 */
import type { CloudFailure } from './failure.ts';

export type CloudName = 'aws-vpc' | 'gce';

/** What this host wants of its cloud. */
export interface CloudWant {
  cloud: CloudName;
  /** flannel's Network, inside of which the subnet is. */
  network: string;
  /** Networks of earlier configs in which this host may have left a route. Outside of all of them nothing is ever touched. */
  earlier?: readonly string[];
  /** The own lease's subnet; undefined once the host has left this backend. */
  subnet: string | undefined;
  /** The subnet whose route is to go although our lease names it: the host has left this backend, and is reached on another path. */
  left?: string;
  /** Address of the external interface, by which the cloud's own interface (ENI, NIC) is found. */
  address: string;
  /** aws-vpc: ids of route tables; undefined: the one that the host's subnet uses. */
  tables?: readonly string[];
}

/** Where this host is, as the cloud names it. */
export interface CloudSelf {
  /** What a route to this host names: the id of an ENI ("eni-1"), or the path of an instance ("projects/p/zones/z/instances/i"). */
  target: string;
  /** For people: "eni-1 of i-0123". */
  name: string;
  vpc: string;
  /** The VPC's own ranges, as far as they were seen: CIDRs. */
  ranges: readonly string[];
  /**
   * Whether the cloud lets packets through that are not of the host's own address: source/dest check off (AWS), canIpForward (GCE).
   * Undefined: it could not be read.
   */
  forwards: boolean | undefined;
}

/** A route as the cloud has it. */
export interface CloudRoute {
  kind: 'cloud-route';
  /** Id of its route table, or the name of the VPC network that it is in. */
  table: string;
  /** GCE: the route's own name; "" on AWS, where it has none. */
  name: string;
  dst: string;
  /** As in CloudSelf; for other next hops (a gateway, a peering) whatever names them, "" for none. */
  target: string;
  /** Its next hop is a host: an ENI or an instance. Only such routes can be flannel's. */
  toHost: boolean;
  /** False: its next hop is gone (a black hole). */
  live: boolean;
  /** Made by a call such as ours, not by the cloud itself (local, propagated) and with nothing on it that we would not put there. */
  plain: boolean;
}

/** The switch that lets a host forward, where it can be set (AWS). */
export interface SourceDestCheck {
  kind: 'source-dest-check';
  /** Id of the ENI. */
  target: string;
  on: boolean;
}

export type CloudResource = CloudRoute | SourceDestCheck;

export interface CloudObserved {
  self: CloudSelf;
  /** Tables in which the own route is wanted. */
  tables: readonly string[];
  /** All routes of those tables with an IPv4 destination. */
  routes: readonly CloudRoute[];
  /** What could not be read, and is not needed for the rest. */
  problems: readonly CloudFailure[];
}

export type CloudChange =
  | { op: 'create'; key: string; reason: string; want: CloudRoute }
  | { op: 'update'; key: string; reason: string; want: CloudRoute; have: CloudRoute; fields: string[] }
  | { op: 'update'; key: string; reason: string; want: SourceDestCheck; have: SourceDestCheck; fields: string[] }
  | { op: 'delete'; key: string; reason: string; have: CloudRoute };

export interface CloudOutcome {
  change: CloudChange;
  /** noop: it was already so. */
  result: 'done' | 'noop' | 'failed';
  failure?: CloudFailure;
}

/** The hands: one for each cloud. Both reject with a CloudError, and with nothing else. */
export interface CloudDriver {
  look(want: CloudWant, signal?: AbortSignal): Promise<CloudObserved>;
  /** One outcome a change, in their order; a change that failed doesn't make it reject. */
  apply(changes: readonly CloudChange[], signal?: AbortSignal): Promise<CloudOutcome[]>;
}

/** The `key` of a report, unique in its kind: `rtb-1|10.20.3.0/24`, or the name that a route has of its own. */
export const routeKey = ({ table, name, dst }: Pick<CloudRoute, 'table' | 'name' | 'dst'>): string =>
  name === '' ? `${table}|${dst}` : name;

/** As a person reads it: "10.20.3.0/24 to eni-1 in rtb-1". */
export const cloudText = (resource: CloudResource): string =>
  resource.kind === 'source-dest-check'
    ? `source/dest check of ${resource.target}`
    : `${resource.dst} to ${resource.target || 'nothing'} in ${resource.table}`;

/** Name of the route of a subnet on GCE (flannel backend/gce): "flannel-10-40-1-0-24". */
export const gceRouteName = (subnet: string): string => `flannel-${subnet.replace(/[./]/g, '-')}`;

export const kindOf = (change: CloudChange): CloudResource['kind'] =>
  change.op === 'delete' ? 'cloud-route' : change.want.kind;
