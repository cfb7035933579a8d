/**
 * Owns what a failed change holds up while a plan is carried out: "a failed parent blocks its children and nothing else" (DESIGN 3).
 *
 * - Up: what stands on a device or a nexthop object that could not be made waits.
 * - Down: what something still goes through stays: if a route could not be moved or removed, the device and the nexthop object that it
 *   uses now are not taken away; nor are the ARP and FDB entries of its gateway if it could not be moved. What would otherwise be a failed change would be a lost route.
 */
import type { Change, Outcome } from '../contracts/driver.ts';
import { type Neighbour, type Resource, type Route, splitId } from '../contracts/resource.ts';

export class Blockage {
  /** Ids of parents that could not be made. */
  readonly #missing = new Set<string>();
  /** Ids of what something still uses. */
  readonly #inUse = new Set<string>();
  /** FDB entries of the ARP entries that the plan deletes, by the latter's id: they go first. */
  readonly #fdbOf = new Map<string, string>();

  /** `changes`: all that the plan will do. */
  constructor(changes: Iterable<Change> = []) {
    for (const change of changes)
      if (change.op === 'delete' && change.have.kind === 'neighbour') this.#fdbOf.set(change.id, fdbOf(change.have));
  }

  /** Takes in an outcome; only failures and what they blocked matter. */
  note({ change, result }: Outcome): void {
    if (result !== 'failed' && result !== 'blocked') return;
    const { kind } = splitId(change.id);
    if (change.op !== 'delete' && (kind === 'link' || kind === 'nexthop')) this.#missing.add(change.id);
    if (change.op === 'create') return;
    for (const id of standsOn(change.have)) this.#inUse.add(id);
    const neighbour = change.op === 'update' ? neighbourOf(change.have) : undefined;
    if (neighbour === undefined) return;
    this.#inUse.add(neighbour);
    const fdb = this.#fdbOf.get(neighbour);
    if (fdb !== undefined) this.#inUse.add(fdb);
  }

  /** Id of what a change has to wait for; undefined if nothing is in its way. */
  by(change: Change): string | undefined {
    if (change.op === 'delete') return this.#inUse.has(change.id) ? change.id : undefined;
    if (this.#missing.size === 0) return undefined;
    return standsOn(change.want).find((id) => this.#missing.has(id));
  }
}

/** Ids of the resources that must be there for this one: its device, and a route's nexthop object. */
export function standsOn(resource: Resource): string[] {
  if (resource.kind === 'link' || resource.kind === 'file') return [];
  const ids = resource.dev === '' ? [] : [`link ${resource.dev}`];
  if (resource.kind === 'route' && resource.nexthopId !== 0) ids.push(nexthopOf(resource));
  return ids;
}

/** Id of the ARP entry through which a route or nexthop object reaches its gateway. */
export function neighbourOf(resource: Resource): string | undefined {
  const isHop = resource.kind === 'route' || resource.kind === 'nexthop';
  return isHop && resource.gateway !== '' ? `neighbour ${resource.dev}|${resource.gateway}` : undefined;
}

/** Id of the FDB entry that an ARP entry on a tunnel needs. */
export const fdbOf = ({ dev, mac }: Neighbour): string => `fdb ${dev}|${mac}`;

const nexthopOf = (route: Route): string => `nexthop ${route.nexthopId}`;
