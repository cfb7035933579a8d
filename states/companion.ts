/**
 * Owns the contract of a companion: what follows this host's subnet, is no resource of the kernel, and runs beside the rounds. The agent has
 * a list of them and knows none by name.
 *
 * - A round asks it to look before anything is listed, and to decide when the outcomes are known. Both only look, and conclude.
 * - What it does to the world is a file among the round's wants, or its act: beside the rounds, so that routes are repaired meanwhile.
 * - What came of an act is what is read back after it: its end is an edge like any other.
 */

import type { Outcome } from '../reconciler/contracts/driver.ts';
import type { CompanionSections, Culprit, DriftEntry, HeldEntry, Report } from '../reconciler/contracts/report.ts';
import type { CompanionName, Scope } from '../reconciler/contracts/scope.ts';
import type { Desired } from '../reconciler/desired/desired.ts';
import type { FileResource, FirewallPart, Want } from '../reconciler/kinds/index.ts';

/** What wakes it, beside its own watch. */
export interface CompanionInterest {
  /** Names of devices: an event about one or its address is one about the companion. */
  devices: readonly string[];
  /** Paths, those too that it only reads. */
  files: readonly string[];
}

/** What it concluded from a look. */
export interface Looked {
  /** They are wanted from now on, in place of those of the look before; this round writes them. */
  files: readonly FileResource[];
  /** What else is wanted from now on, in place of what it wanted before; undefined: as before. */
  wants?: readonly Want[];
  /** Or only what has changed of that; `remove`: ids. */
  change?: { add: readonly Want[]; remove: readonly string[] };
}

/** What it has to say since it looked last. */
export interface CompanionReport {
  /** Told in every report. */
  held: readonly HeldEntry[];
  sections: CompanionSections;
  /** Told in the report of the round in which it looked: what was found, and what came of an act that was read back. */
  drift: DriftEntry[];
  outcomes: Report['outcomes'];
  /** Who had changed what that round has put back, by id. */
  culprits?: ReadonlyMap<string, Culprit>;
}

/** What somebody who leaves has found, what came of it, and what could not be done. */
export interface LeftBehind {
  drift: DriftEntry[];
  outcomes: Report['outcomes'];
  held: HeldEntry[];
}

export interface Leaving {
  handBack: boolean;
  /** False: a dry run. */
  apply: boolean;
}

export interface Companion {
  readonly name: CompanionName;
  /** When time alone may change what it concludes, ms since the epoch; undefined for never. Set by `decide`. */
  readonly wakeAt: number | undefined;

  /** It is read anew at every event, so it may change. */
  interests(): CompanionInterest;

  /** Starts to watch what no driver tells; `changed` makes a round look. Returns what stops it. */
  watch?(changed: () => void): () => void;

  /**
   * Sees and concludes, if `scope` (where the round looks, peers still as subnets) concerns it: isConcerned() tells so of its devices and
   * files. It may widen `scope`. `isStoreHeard`: nothing is deleted while it isn't. @returns undefined if it did not look. A rejection fails the
   * round before anything is written.
   */
  lookFor(desired: Desired, scope: Scope, isStoreHeard: () => boolean): Promise<Looked | undefined>;

  /**
   * Settles what is held, in a round in which it looked. `outcomes`: of the round's changes; undefined for a report, which makes none.
   * @returns whether `act` is to be called once the round is over
   */
  decide(outcomes: readonly Outcome[] | undefined): boolean;

  /** Does what decide() has asked for. Resolves, and never rejects, when it can be read back; a single run waits for that, and looks once more. */
  act(): Promise<void>;

  /** False while its part of the config's path is not there: the lease doesn't tell of the path before. Left out: it has none. */
  isPathBuilt?(desired: Desired): boolean;

  /** Subnets of peers for which what this host has stays, although nobody wants it any more: because of a path that is not built yet. */
  keptSubnets?(desired: Desired): readonly string[];

  report(): CompanionReport;

  /**
   * This host leaves the network (`selvage leave`): what the companion has made goes, or stays with `handBack` in the form in which flannel
   * would have it. Nothing foreign is touched, and what is done already is not told again. Only looks unless `apply`. Left out: it leaves nothing.
   * Called before the kernel's resources go, without a look or a round before it.
   */
  leave?(how: Leaving): Promise<LeftBehind>;

  /** What flannel would have in the place of what the companion wants, for a host that is handed back. Left out: nothing. */
  handBack?(view: HandBackView): HandBackWants;

  /** The process ends. What it has begun may go on by itself. */
  close(): void;
}

/** The network that a host is handed back in, as far as it is known. */
export interface HandBackView {
  network: string;
  subnet: string;
  ipMasq: boolean;
  /** EnableNFTables of the config. */
  nftables: boolean;
}

export interface HandBackWants {
  /** In the place of all that is ours; undefined: that stays, and `held` says why. */
  wants: readonly FirewallPart[] | undefined;
  held: HeldEntry[];
}

/** Whether something in `scope` may be about the companion, as far as its name, devices and files tell. */
export function isConcerned(companion: Pick<Companion, 'name' | 'interests'>, scope: Scope): boolean {
  if (scope.all || scope.companions.has(companion.name)) return true;
  return companion.interests().files.some((path) => scope.kinds.has('file') || scope.ids.has(`file ${path}`));
}
