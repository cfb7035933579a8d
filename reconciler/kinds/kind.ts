/**
 * Owns the contract of a kind: all that is asked about one sort of resource, whoever asks (plan, rounds, reports, drivers).
 *
 * - Everything here is a pure function of the resource; `ownerOf` also of the instance, through a Judge.
 * - A new kind is a new file with such a value, and two lines in index.ts: one in the list, one in the union.
 */
import type { Cidr } from '../../config/ipv4.ts';
import type { ChangeOf, Command } from './command.ts';

export type Owner =
  | 'ours'
  /** Gives way to a Want, is never cleaned up: the kernel's own cache on a device of ours (dynamic ARP, a learned FDB entry), Docker's files. */
  | 'learned'
  | 'foreign';

/** What ownership is decided from beside the resource: the instance's identity, and whose the devices are. */
export interface Judge {
  /** The mark of this instance's devices. */
  readonly alias: string;
  readonly subnetFile: string;
  /** Whether the device of that name is there and ours. */
  ownsDevice(name: string): boolean;
  /** Whether all of a range lies in one of the instance's networks. */
  inside(range: Cidr | number | undefined): boolean;
  /** Whether desired state has that id. */
  isWanted(id: string): boolean;
  /** "10.5.34.0/32", …: of a device; undefined if it may have some that were not listed. */
  addressesOf(dev: string): readonly string[] | undefined;
}

/** What a kind needs to know of a resource: its fields are the kind's own. */
interface OfKind {
  kind: string;
}

export interface KindRules<R extends OfKind> {
  readonly kind: R['kind'];
  /** Lives under a device, and goes with it without a word from the kernel. */
  readonly isUnderLink: boolean;
  /** Whose everything else is, is decided from these: listed first. */
  readonly tellsOwner: boolean;
  /** Part of what a host has for one peer, as opposed to what it has once. */
  readonly isPeers: boolean;
  /** False if its slot says nothing about the device that it is on: then it may be anywhere. */
  readonly keyNamesDevice: boolean;
  /** The kernel drops it when the MAC of its device changes. */
  readonly goesWithMac: boolean;
  /** The kernel takes several for one slot and uses the first. */
  readonly sharesSlot: boolean;
  /** Kinds that must be looked at with it, because they are decided together. */
  readonly decidedWith: readonly string[];

  /** The kernel's own identity, unique within the kind; this is the `key` of a report. */
  key(resource: R): string;
  /** Name of the device that it lives under, or is; undefined for what has none. */
  device(resource: R): string | undefined;
  /** Names of the fields of `have` that differ from `want`, which has the same key. Empty: in sync. Protocol marks say who made it: not compared. */
  differs(want: R, have: R): readonly string[];
  /** Whether the kernel can't change one of those fields in place: then delete and create. */
  mustRecreate(fields: readonly string[]): boolean;
  ownerOf(have: R, judge: Judge): Owner;
  /** Ids of the resources that must be there before it. */
  standsOn(resource: R): string[];
  /** Id of the entry that its packets need on their way: of a route its gateway's ARP entry, of that the FDB entry. */
  goesThrough(resource: R): string | undefined;
  /** Where in a network it lies; undefined for what lies in none. */
  rangeOf(resource: R): Cidr | number | undefined;

  /** As `ip`, `bridge` or `ls` print it: "10.5.34.0/24 via 10.5.34.0 dev flannel.1". */
  text(resource: R): string;
  /** As much of that as its key tells. */
  textOfKey(key: string): string;
  /** What a sentence calls it: "FDB entry aa:… on flannel.1". */
  name(resource: R): string;
  /** What stands there, for a sentence: its name and what it is. */
  describe(resource: R): string;
  /** What a person does about somebody else's in the place of ours. */
  inTheWay(have: R): string;
  /** What is worth telling of one that is there, also if nothing is wrong. */
  remark?(want: R, have: R): { why: string; detail: string } | undefined;
  /** What a person types to make this change, in order. */
  commands(change: ChangeOf<R>): Command[];
  /** Its fields in a report; one inside another is named by its path ("ipip.local"). */
  fields(resource: R): Record<string, unknown>;
}

/** What most kinds are: named by their device, one in a slot, decided alone. */
export const USUAL = {
  tellsOwner: false,
  isPeers: true,
  keyNamesDevice: true,
  goesWithMac: false,
  sharesSlot: false,
  decidedWith: [],
} as const;

/** Words a key that is `device|what`; a device's name may have the stroke too. */
export function textUnderDevice(key: string): string {
  const at = key.lastIndexOf('|');
  return `${key.slice(at + 1)} dev ${key.slice(0, at)}`;
}

/** Everything but its kind, which a report says beside it. */
export function plainFields(resource: object): Record<string, unknown> {
  const { kind: _, ...fields } = resource as { kind: string } & Record<string, unknown>;
  return fields;
}

/** Where a kind has no better sentence. */
export const thereAlready = (what: string): string =>
  `${what} is there already, with other values, and was not made by selvage; remove it, then selvage will take over.`;
