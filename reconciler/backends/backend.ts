/**
 * Owns the contract of a backend as a config asks for it: how a lease becomes things on this host. Pure functions of what they are given.
 * What can be said whatever the config is, of its leases and devices, is in backend-type.ts.
 *
 * - Together they are the one function (network, own lease, peers, host) → Want[]. They are two, so that one lease that changes costs
 *   one lease: what the host needs once (`device`), and what it needs for one peer (`peer`), which knows nothing of other peers.
 * - What a peer can't be given is held with a sentence; a peer never gets a part of its wants.
 */
import type { Lease, NetworkConfig } from '../../config/model.ts';
import type { CloudWant } from '../cloud/model.ts';
import type { Host, Instance } from '../contracts/host.ts';
import type { HeldEntry } from '../contracts/report.ts';
import type { Want } from '../kinds/index.ts';

/** What can be known before there is a lease. */
export interface NetworkContext {
  config: NetworkConfig;
  host: Host;
}

export interface BackendContext extends NetworkContext {
  own: Lease;
  /** MAC of this host's VTEP (mac.ts). Backends without one ignore it. */
  mac: string;
  instance: Instance;
  ipMasq: boolean;
  /** flanneld has this host's lease, and runs beside us (--lease adopt): its devices are right without our marks. Default false. */
  besideFlanneld?: boolean;
}

export type PeerWants =
  /** `note`: in force, but worth telling. */
  | { wants: Want[]; note?: HeldEntry; held?: undefined }
  /**
   * What the host has for its subnet stays (gates.ts, keepSubnets) where the lease doesn't say what it must (`unreadable`), or names a way that
   * this host doesn't have (`elsewhere`, default false).
   */
  | { wants?: undefined; held: HeldEntry; unreadable: boolean; elsewhere?: boolean };

export interface Backend {
  /** BackendType of its leases, to the letter (as BackendType.type). */
  readonly type: string;
  /** What a lease may name in its place, though flannel's name nothing: the config's own word. */
  readonly alsoNamed?: string;
  /** The way on which its hosts listen, as BackendType.pathOf reads it in their leases. */
  readonly path: string;
  /** What tells its device from the others of this host where a MAC is derived (mac.ts): a VNI. Left out: 0. */
  readonly macSeed?: number;
  /** Names of the devices that it makes. */
  deviceNames(context: NetworkContext): string[];
  /** MTU of what goes through it, in bytes. */
  mtu(context: NetworkContext): number;
  /** BackendData of the own lease; undefined for none. */
  backendData(context: NetworkContext, mac: string): unknown;
  /** What the host needs whatever peers there are. */
  device(context: BackendContext): Want[];
  peer(context: BackendContext, lease: Lease): PeerWants;
  /** Ids of a peer's resources that its subnet alone tells: where to look for what a lease has left that nobody remembers. */
  idsOfSubnet(context: BackendContext, subnet: string): string[];
  /** What it wants of a cloud, beside what it wants of the host. Left out: nothing. */
  cloud?(context: BackendContext): CloudWant;
  /** Why this host can't run it at all: then nothing is made for it, and nothing taken away. Left out: never. */
  impossible?(context: NetworkContext): HeldEntry | undefined;
  /** What the config asks for and this backend doesn't do. */
  notices(context: NetworkContext): HeldEntry[];
}
