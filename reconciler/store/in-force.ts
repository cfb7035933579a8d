/**
 * Owns which of the known leases are in force: those inside the Network that overlap no better one.
 *
 * - Leases in force never overlap. What the store has comes before what it has lost, then the elder comes first; who loses is held and
 *   takes its place as soon as the other goes.
 * - A lease that isn't inside the Network takes part in nothing: one key of "0.0.0.0-0" would overlap them all.
 * - A step looks at the leases that it touches and at their rivals, nobody else.
 */
import { type Cidr, contains, formatCidr, parseCidr } from '../../config/ipv4.ts';
import type { Lease } from '../../config/model.ts';
import type { HeldList } from '../contracts/held-list.ts';
import type { HeldEntry } from '../contracts/report.ts';
import { byAge } from '../lease/age.ts';
import { BlockIndex } from '../lease/blocks.ts';
import { compareLeases, type LeaseChanges } from './mirror-change.ts';
import { settle } from './rivals.ts';

export interface Claimant {
  readonly key: string;
  readonly subnet: string;
  readonly block: Cidr;
  /** Undefined while it has never been readable. */
  lease?: Lease;
}

export class InForce {
  /** Leases by subnet. */
  readonly leases: ReadonlyMap<string, Lease>;

  readonly #leases = new Map<string, Lease>();
  /** All that take part. */
  readonly #index = new BlockIndex<Claimant>();
  readonly #held: HeldList;
  readonly #isLost: (key: string) => boolean;
  #network: Cidr | undefined;
  // Of the step in hand:
  #touched = new Set<Claimant>();
  #before = new Map<string, Lease | undefined>();

  /** `isLost`: whether the store doesn't have that key any more. */
  constructor(held: HeldList, isLost: (key: string) => boolean) {
    this.leases = this.#leases;
    this.#held = held;
    this.#isLost = isLost;
  }

  begin(): void {
    this.#touched = new Set();
    this.#before = new Map();
  }

  /** Of the config in force; undefined: there is none, and all take part. Every claimant has to be placed again. */
  setNetwork(network: string | undefined): void {
    this.#network = network === undefined ? undefined : parseCidr(network);
  }

  /** To be called whenever a claimant's lease, or whether the store has it, has changed. */
  place(claimant: Claimant): void {
    if (!claimant.lease) return;
    if (this.#network && !contains(this.#network, claimant.block)) {
      this.#remove(claimant);
      this.#held.set('outside', claimant.key, outsideHold(claimant.lease, this.#network));
      return;
    }
    this.#held.set('outside', claimant.key, undefined);
    this.#index.add(claimant);
    this.#touched.add(claimant);
  }

  withdraw(claimant: Claimant): void {
    this.#held.set('outside', claimant.key, undefined);
    this.#remove(claimant);
  }

  #remove(claimant: Claimant): void {
    const { key, subnet, block } = claimant;
    this.#index.delete(claimant);
    this.#touched.delete(claimant);
    this.#held.set('overlap', key, undefined);
    if (this.#leases.get(subnet)?.key === key) this.#set(subnet, undefined);
    for (const rival of this.#index.overlapping(block)) this.#touched.add(rival);
  }

  /** Ends the step: decides, and tells what it changed. */
  settle(): LeaseChanges {
    const contested: Claimant[] = [];
    for (const claimant of this.#touched) {
      if (this.#index.overlapping(claimant.block).length > 1) contested.push(claimant);
      else {
        this.#held.set('overlap', claimant.key, undefined);
        this.#set(claimant.subnet, claimant.lease);
      }
    }
    if (contested.length) this.#decide(contested);
    return this.#changes();
  }

  #decide(contested: Claimant[]): void {
    const verdicts = settle(contested, (claimant) => this.#index.overlapping(claimant.block), this.#order);
    for (const [{ key, subnet }, winner] of verdicts) {
      this.#held.set('overlap', key, winner && overlapHold(key, subnet, winner));
      if (winner && this.#leases.get(subnet)?.key === key) this.#set(subnet, undefined);
    }
    // After the losers: two keys may have one subnet.
    for (const [{ subnet, lease }, winner] of verdicts) if (!winner) this.#set(subnet, lease);
  }

  readonly #order = (a: Claimant, b: Claimant): number =>
    Number(this.#isLost(a.key)) - Number(this.#isLost(b.key)) || byAge(a.lease!, b.lease!);

  #set(subnet: string, lease: Lease | undefined): void {
    if (!this.#before.has(subnet)) this.#before.set(subnet, this.#leases.get(subnet));
    if (lease) this.#leases.set(subnet, lease);
    else this.#leases.delete(subnet);
  }

  #changes(): LeaseChanges {
    const changes: LeaseChanges = { subnets: new Set(), removed: new Set(), renewed: new Set() };
    for (const [subnet, before] of this.#before) {
      const after = this.#leases.get(subnet);
      const what = compareLeases(before, after);
      if (what === 'renewed') changes.renewed.add(subnet);
      if (what === 'changed') changes.subnets.add(subnet);
      if (what === 'changed' && !after) changes.removed.add(subnet);
    }
    return changes;
  }
}

function overlapHold(key: string, subnet: string, winner: Claimant): HeldEntry {
  const detail = `${subnet} overlaps ${winner.subnet}, which another lease had before (${winner.key}); its owner has to take another subnet.`;
  return { kind: 'lease', key, why: 'overlapping lease', detail, unmet: false };
}

function outsideHold({ key, subnet, attrs }: Lease, network: Cidr): HeldEntry {
  const detail = `${subnet} of ${attrs.publicIP} is outside the network ${formatCidr(network)}; if its host has not followed a change of the config, restart the agent there.`;
  return { kind: 'lease', key, why: 'outside the network', detail, unmet: false };
}
