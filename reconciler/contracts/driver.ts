/**
 * Owns the contract between the reconciler and the hands that touch the world. drivers/ implement it, nothing here does I/O.
 *
 * - `list` returns what is there, never what should be; an incomplete listing says so and nothing is deleted on its word.
 * - `apply` takes a whole step's batch and returns exactly one outcome per change, in the order of the changes; it never throws for a
 *   change that failed. It does not decide: `replace` and the protocol to qualify a delete with are in the change.
 * - `watch` emits scopes, never contents, and on any doubt (overflow, reopened socket) the scope of everything it covers.
 */

import type { Have, Kind, Resource, Want } from '../kinds/index.ts';
import type { Failure } from './failure.ts';
import type { CompanionName, Scope } from './scope.ts';

export type Change =
  | { op: 'create'; id: string; reason: string; want: Want }
  /** `fields` are the names that differ; `recreate` if the kernel can't change one of them in place (delete, then create). */
  | { op: 'update'; id: string; reason: string; want: Want; have: Have; fields: string[]; recreate: boolean }
  /** `first`: it holds what a wanted thing needs, so it goes before that is made (docs/decisions.md#what-holds-what-a-wanted-thing-needs-goes-early). */
  | { op: 'delete'; id: string; reason: string; have: Have; first?: true };

/** What a change is about: as it should be, or as it is where nobody wants it. */
export const resourceOf = (change: Change): Resource => (change.op === 'delete' ? change.have : change.want);

export interface Outcome {
  change: Change;
  /** noop: it was already so (a delete of what is gone, a create of what another has just made alike). */
  result: 'done' | 'noop' | 'failed' | 'blocked';
  failure?: Failure;
}

/** Whether what the change is for is so now. */
export const isMade = ({ result }: Pick<Outcome, 'result'>): boolean => result === 'done' || result === 'noop';

/** What a listing is about: a driver leaves out what can't concern this instance (a full BGP table, other bridges' FDBs). */
export interface Interest {
  /** CIDRs: routes and nexthops inside are listed whoever made them. */
  networks: string[];
  /** Our own devices, those wanted and those to be cleaned up: everything under them is listed. */
  devices: string[];
  /** The external interface; its link and addresses are watched. "" while there is none: any link may become it. */
  uplink: string;
  /** Others' devices that something in a slot of ours is on, which the kernel takes away with them without a word: watched, not listed. */
  inTheWay?: string[];
  files: string[];
  /** UDP ports that wanted devices will receive on, by the device's name. `address`: "" for all of the host's. */
  listens?: ReadonlyMap<string, { port: number; address: string }>;
  /** Devices that companions look at, each with their names: an event about one or its address is about them, and its addresses are listed. */
  ofCompanions?: ReadonlyMap<string, readonly CompanionName[]>;
}

/** Why a single thing could not be read, or must not be believed: a few words, and a sentence with the cure. */
export interface Unread {
  why: string;
  detail: string;
}

export interface Listing {
  haves: Have[];
  /** False when something could not be read: then nothing may be deleted on the word of this listing. */
  complete: boolean;
  /** Why it is incomplete, as a sentence. */
  problem?: string;
  /** Ids of single things of which not even that they are there could be read, and why: what is wanted in their place waits. */
  unread?: ReadonlyMap<string, Unread>;
}

/**
 * How a listing is made. `steady` (the default): all that is there. `quick`: while others write at the same time an entry may be left out or
 * told twice; enough to find again what was made, at half the price.
 */
export type Care = 'steady' | 'quick';

export interface Driver {
  readonly kinds: readonly Kind[];
  /** Every resource of this driver's kinds inside `scope` (its peers already turned into ids) that is of interest. */
  list(scope: Scope, interest: Interest, care?: Care): Promise<Listing>;
  apply(changes: Change[]): Promise<Outcome[]>;
  /**
   * Starts emitting; the returned function stops it. `interest` is read anew at every event, so it may change. Rejects if it can't be begun:
   * whoever wants it asks again. One that stands and goes deaf tells `trouble` why, as a sentence, tries again by itself, and tells it
   * undefined when it hears again.
   */
  watch(
    emit: (scope: Scope) => void,
    interest: () => Interest,
    trouble?: (problem: string | undefined) => void,
  ): Promise<() => Promise<void>>;
  /** How often the queue of events overflowed since the start, for metrics. Left out: it has none. */
  overruns?(): number;
  close(): Promise<void>;
}
