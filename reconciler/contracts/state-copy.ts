/**
 * Owns the contract of the last good copy: a complete desired state that is kept on this host, for when the store can't be reached.
 *
 * - It is only ever a help: a copy that is missing, broken or another network's changes nothing but what is said.
 * - Its head can be read without the rest, since with a store that answers the rest is needed only if the store is doubted (doubt.ts).
 */
import type { Source, StoreSnapshot } from './source.ts';

/** What a process leaves to the next one, which knows its host only as it is. */
export interface Past {
  /** Networks that this host was in before, and may have left something in. */
  earlierNetworks?: readonly string[];
  /** When our own lease left a path that is still kept (paths.ts), ms since epoch: so that the next process keeps it as long as this one would. */
  left?: Readonly<Record<string, number>>;
  /** The subnet that this host had, and the hardware address of its external interface: a clone of this disk has another one. */
  own?: { subnet: string; nic: string };
}

export interface CopyHead extends Past {
  /** Cleaned etcd prefix: "/coreos.com/network". */
  prefix: string;
  /** The kind of source that it came from. */
  kind: Source['kind'];
  clusterId: string;
  revision: number;
  /** When the store was last heard from, ms since epoch: until then all leases in it were alive. */
  heardAt: number;
  /** "10.5.0.0/16": what is ours is looked for there. */
  network: string;
}

export interface StateCopy {
  head: CopyHead;
  snapshot: StoreSnapshot;
}

export interface StateCache {
  /** For messages. */
  readonly path: string;
  /** undefined if there is none. Rejects with one sentence if it can't be used. */
  head(): Promise<CopyHead | undefined>;
  load(): Promise<StateCopy | undefined>;
  /** Replaces the copy at once and whole; does nothing if the one that is there says the same and is recent. */
  save(copy: StateCopy): Promise<void>;
  /** Does nothing if there is none. Rejects with the errno. */
  remove(): Promise<void>;
}
