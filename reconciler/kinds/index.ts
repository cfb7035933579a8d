/**
 * Owns the list of kinds: what a host can have, in the order in which it is built (taken down in reverse: plan/order.ts), and the
 * questions that are asked of any resource. Every other list of kinds follows from this one.
 *
 * - Keys of different kinds may read alike, so inside a run a resource is found by its id: `kind key`.
 * - Addresses are canonical text ("10.5.34.0/24", "aa:bb:cc:dd:ee:ff"), so that equality is string equality.
 */
import type { Cidr } from '../../config/ipv4.ts';
import { type Address, addressKind } from './address.ts';
import type { ChangeOf, Command } from './command.ts';
import { type Fdb, fdbKind } from './fdb.ts';
import { type FileResource, fileKind } from './file.ts';
import { type FirewallPart, firewallKind } from './firewall.ts';
import type { KindRules, Owner } from './kind.ts';
import { type Link, linkKind } from './link.ts';
import { type Neighbour, neighbourKind } from './neighbour.ts';
import { type Nexthop, nexthopKind } from './nexthop.ts';
import { type Route, type RouteJudge, routeKind } from './route.ts';
import { type UdpPeer, udpPeerKind } from './udp-peer.ts';

export type { Address } from './address.ts';
export type { Fdb } from './fdb.ts';
export { identical } from './fields.ts';
export type { FileEdit, FileResource } from './file.ts';
export type { FirewallPart } from './firewall.ts';
export type { Owner } from './kind.ts';
export type { Link } from './link.ts';
export { BOOT_PROTOCOL, SELVAGE_PROTOCOL } from './marks.ts';
export type { Neighbour } from './neighbour.ts';
export type { Nexthop } from './nexthop.ts';
export { MAIN_TABLE, type Route, type RouteJudge } from './route.ts';
export type { UdpPeer } from './udp-peer.ts';

export type Resource = Link | Address | Neighbour | Fdb | UdpPeer | Nexthop | Route | FirewallPart | FileResource;
/** A resource as desired. */
export type Want = Resource;
/** A resource as observed. Whose it is, is decided from nothing but this and the instance's identity. */
export type Have = Resource;

/** What runs beside the rounds (states/companion.ts) is no Resource, so that no plan can have one. */
export type Kind = Resource['kind'];

/** The rules of all kinds, in build order. */
const RULES = [
  linkKind,
  addressKind,
  neighbourKind,
  fdbKind,
  udpPeerKind,
  nexthopKind,
  routeKind,
  firewallKind,
  fileKind,
] as const;

const byName = Object.fromEntries(RULES.map((rules) => [rules.kind, rules])) as unknown as Record<
  Kind,
  KindRules<Resource>
>;

/** The names of the kinds in build order, those of which `test` is true. */
export const kindsThat = (test: (rules: KindRules<Resource>) => boolean): Kind[] =>
  RULES.map(({ kind }) => kind).filter((kind) => test(byName[kind]));

export const BUILD_ORDER: readonly Kind[] = kindsThat(() => true);

export const rulesOf = (kind: Kind): KindRules<Resource> => byName[kind];

/** Whether a report's kind is one of a resource: a lease is none. */
export const isResourceKind = (kind: string): kind is Kind => Object.hasOwn(byName, kind);

/** The kernel's own identity of a resource, unique within its kind; this is the `key` of a report. */
export const keyOf = (resource: Resource): string => byName[resource.kind].key(resource);

/** Unique across kinds: what maps and scopes inside a run are indexed by. */
export const idOf = (resource: Resource): string => `${resource.kind} ${byName[resource.kind].key(resource)}`;

/** Kind and key of an id. */
export function splitId(id: string): { kind: Kind; key: string } {
  const space = id.indexOf(' ');
  return { kind: id.slice(0, space) as Kind, key: id.slice(space + 1) };
}

/** The device that a resource is, or lives under; undefined for what has none. */
export const linkOf = (resource: Resource): string | undefined => byName[resource.kind].device(resource);

/** The device with which the kernel takes it away; undefined for what lives under none. */
export function parentOf(resource: Resource): string | undefined {
  const rules = byName[resource.kind];
  return rules.isUnderLink ? rules.device(resource) : undefined;
}

/** Names of the fields of `have` that differ from `want`; both must have the same id. Empty: in sync. */
export function compare(want: Want, have: Have): readonly string[] {
  return have.kind === want.kind ? byName[want.kind].differs(want, have) : OTHER_KIND;
}

const OTHER_KIND: readonly string[] = ['kind'];

export const mustRecreate = (kind: Kind, fields: readonly string[]): boolean => byName[kind].mustRecreate(fields);

export const ownerOf = (have: Have, judge: RouteJudge): Owner => byName[have.kind].ownerOf(have, judge);

/** Ids of the resources that must be there for this one. */
export const standsOn = (resource: Resource): string[] => byName[resource.kind].standsOn(resource);

/** Id of the entry that its packets need on their way; undefined for what needs none. */
export const goesThrough = (resource: Resource): string | undefined => byName[resource.kind].goesThrough(resource);

/** Where in a network it lies; undefined for what lies in none, or goes with what does. */
export const rangeOf = (resource: Resource): Cidr | number | undefined => byName[resource.kind].rangeOf(resource);

/** As `ip` prints it. */
export const textOf = (resource: Resource): string => byName[resource.kind].text(resource);

/** What a person types to make this change. */
export function commandsOf(change: ChangeOf<Resource>): Command[] {
  return byName[(change.op === 'delete' ? change.have : change.want).kind].commands(change);
}

/** What a sentence calls it. */
export const nameOf = (resource: Resource): string => byName[resource.kind].name(resource);

/** What stands there, for a sentence. */
export const describe = (resource: Resource): string => byName[resource.kind].describe(resource);
