/**
 * Owns what becomes of Haves that nobody wants: deleted if they are ours and nothing needs them for now.
 *
 * - A device takes what is under it along, and a new MAC its ARP entries: they are not deleted one by one.
 * - What a thing that could not be moved still goes through stays, and so does all that this path is made of.
 */
import { parseCidr } from '../../config/ipv4.ts';
import type { Change } from '../contracts/driver.ts';
import type { HeldEntry } from '../contracts/report.ts';
import {
  type Address,
  goesThrough,
  type Have,
  idOf,
  type Link,
  parentOf,
  type Route,
  rulesOf,
} from '../kinds/index.ts';
import { isForm, tunnelRulesNamed } from '../tunnels/index.ts';
import * as conflict from './conflict.ts';
import type { Observed } from './match.ts';
import type { Ownership } from './ownership.ts';
import type { PlanInput } from './plan-input.ts';

export interface StaleInput {
  input: PlanInput;
  ownership: Ownership;
  observed: Observed;
  mayDelete: boolean;
  /** Ids of nexthop objects that are wanted by name, but that their routes do without. */
  unneeded: ReadonlySet<number>;
  /** `entries`: ids of ARP and FDB entries. */
  inUse: { devices: ReadonlySet<string>; nexthops: ReadonlySet<number>; entries: ReadonlySet<string> };
  /** Whether a device is made anew, and what is under it gone with it. */
  isVoid(dev: string): boolean;
  /** Whether a change of a device takes it along. */
  isGone(have: Have): boolean;
  offer(change: Change): boolean;
  hold(entry: HeldEntry): void;
}

export function planStale(state: StaleInput): void {
  const { observed, ownership, inUse } = state;
  const links = observed.stale.filter((have): have is Link => have.kind === 'link');
  for (const link of links) reportStrange(link, state);
  for (const have of observed.stale) if (isOnOurs(have, state)) state.hold(conflict.addressOnOurs(have));
  if (!state.mayDelete) {
    for (const have of observed.stale) if (mustGo(have, state)) offerDelete(have, state);
    return;
  }

  const others = observed.stale.filter((have) => have.kind !== 'link');
  for (const id of state.unneeded) {
    const nexthop = observed.nexthops.get(id);
    if (nexthop) others.push(nexthop);
  }
  if (links.length === 0 && others.length === 0) return;

  /** Devices whose children are not to be looked at: they go with them, or stay with them. */
  const settled = new Set<string>();
  for (const link of links) {
    // One of ours that was renamed is made anew under its own name.
    if (state.isVoid(link.name) || !isRemovable(link, state) || state.input.keepStale?.(link)) continue;
    if (inUse.devices.has(link.name)) state.hold(conflict.deviceInUse(link));
    else if (!remove(link, state)) continue;
    settled.add(link.name);
  }

  const foreignUsers = findForeignUsers(state, others);
  const used = findUsedEntries(state);
  for (const have of others) {
    // A nexthop object may move to another device, and its routes with it: they don't go with the device that they are on now.
    const dev = have.kind === 'route' && have.nexthopId !== 0 ? '' : (parentOf(have) ?? '');
    if (settled.has(dev) || state.isVoid(dev) || ownership.ownerOf(have) !== 'ours') continue;
    // The device's new MAC takes it along: a script that deleted it after that would fail.
    if (rulesOf(have.kind).goesWithMac && state.isGone(have)) continue;
    if (mustGo(have, state)) {
      offerDelete(have, state);
      continue;
    }
    if (state.input.keepStale?.(have) || (used.size && used.has(idOf(have)))) continue;
    // It is the source of what goes out there, and may be all that tells that the device is ours.
    if (have.kind === 'address' && inUse.devices.has(have.dev) && !state.input.desired.has(`link ${have.dev}`))
      continue;
    if (have.kind === 'nexthop') {
      if (inUse.nexthops.has(have.id)) continue;
      const user = foreignUsers.get(have.id);
      if (user) {
        state.hold(conflict.nexthopInUse(have, user));
        continue;
      }
    }
    remove(have, state);
  }
}

/** No store can want it, so no store needs to be heard: docs/design.md#a-host-is-never-cut-off. */
function mustGo(have: Have, { input, ownership }: StaleInput): boolean {
  if (!input.cutsOff || (have.kind !== 'route' && have.kind !== 'address')) return false;
  const range = parseCidr(have.kind === 'route' ? have.dst : have.address);
  return range !== undefined && input.cutsOff(range) && ownership.ownerOf(have) === 'ours';
}

const offerDelete = (have: Have, state: StaleInput): boolean =>
  state.offer({
    op: 'delete',
    id: idOf(have),
    reason: 'not wanted',
    have,
    ...(isPeersNow(have, state) && { first: true }),
  });

/** Our earlier subnet is another host's, and the kernel takes no gateway that is an address of the device itself. */
const isPeersNow = (have: Have, { input }: StaleInput): boolean =>
  have.kind === 'address' && input.desired.has(`neighbour ${have.dev}|${have.address.split('/')[0]}`);

function remove(have: Have, state: StaleInput): boolean {
  const { input, hold } = state;
  if (!input.reportStale) return offerDelete(have, state);
  hold(conflict.keptStale(have));
  return true;
}

/** Removing a device takes everything on it along, so nothing on it may be somebody else's. */
function isRemovable(link: Link, state: StaleInput): boolean {
  const isOurs = state.ownership.ownerOf(link) === 'ours';
  if (!isOurs && tunnelRulesNamed(link.name)?.knownByRoute) return isLeftover(link, state);
  if (!isOurs) return false;
  const foreign = addressesOf(link, state).filter((address) => state.ownership.ownerOf(address) !== 'ours');
  if (foreign.length > 0) state.hold(conflict.foreignAddress(link, foreign));
  return foreign.length === 0;
}

/** Of a device that isn't wanted any more all addresses are named together. */
const isOnOurs = (have: Have, { input, ownership }: StaleInput): have is Address =>
  have.kind === 'address' &&
  input.desired.has(`link ${have.dev}`) &&
  ownership.ownsDevice(have.dev) &&
  ownership.ownerOf(have) === 'foreign';

const addressesOf = (link: Link, { input }: StaleInput): readonly Address[] => input.addresses.get(link.name) ?? [];

/** Certainly flannel's, of a backend whose device bears no other trace: its only address is one of our networks' own, alone (/32), and the way to that network leads there. */
function isLeftover(link: Link, state: StaleInput): boolean {
  const { input, ownership } = state;
  const [address, ...more] = addressesOf(link, state);
  if (link.type !== tunnelRulesNamed(link.name)?.type || link.master !== '') return false;
  if (!input.addressesComplete || !address || more.length > 0) return false;
  const own = parseCidr(address.address);
  if (own?.length !== 32 || !ownership.inside(own)) return false;
  return input.haves.some(
    (have) => have.kind === 'route' && have.dev === link.name && input.instance.networks.includes(have.dst),
  );
}

/** What is named as flannel names its devices, and isn't certainly ours, is left alone, but somebody should know. */
function reportStrange(link: Link, state: StaleInput): void {
  const { ownership, hold } = state;
  const rules = tunnelRulesNamed(link.name);
  if (rules?.knownByRoute) {
    const isOurs = ownership.ownerOf(link) === 'ours';
    if (link.type === rules.type && !isOurs && !isLeftover(link, state))
      hold(conflict.unsureTunnel(link, rules.backend));
    return;
  }
  if (!rules || ownership.ownerOf(link) !== 'foreign') return;
  const isPlain = link.master === '' && isForm(link);
  if (isPlain && !link.alias) hold(conflict.unmarkedDevice(link));
  // Another instance's is its own business.
  else if (!isPlain || !link.alias?.startsWith('selvage:')) hold(conflict.strangeDevice(link));
}

/** Ids of the ARP and FDB entries that something goes through which stays as it is for now. */
function findUsedEntries({ input, inUse, isGone }: StaleInput): Set<string> {
  const used = new Set(inUse.entries);
  if (used.size === 0) return used;
  for (const have of input.haves) {
    const id = idOf(have);
    if (!inUse.entries.has(id) || isGone(have)) continue;
    // An entry that is changed in this plan leads elsewhere by the time anything is deleted; one that can't be is in use as it is.
    const through = goesThrough(input.desired.get(id) ?? have);
    if (through !== undefined) used.add(through);
  }
  return used;
}

/** Deleting a nexthop object deletes the routes on it, whoever made them: foreign ones by the nexthop that they use. */
function findForeignUsers({ ownership, input }: StaleInput, others: readonly Have[]): Map<number, Route> {
  const users = new Map<number, Route>();
  if (!others.some((have) => have.kind === 'nexthop')) return users;
  for (const have of input.haves)
    if (have.kind === 'route' && have.nexthopId !== 0 && ownership.ownerOf(have) === 'foreign')
      users.set(have.nexthopId, have);
  return users;
}
