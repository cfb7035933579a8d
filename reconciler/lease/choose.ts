/**
 * Owns which subnet this host takes: the decision of flannel's tryAcquireLease (docs/reference/flannel.md#acquiring-a-lease), without
 * its mistakes.
 *
 * - No block is taken that any lease inside the Network touches, whatever their lengths; nor one that an unreadable key names. What is
 *   not inside it counts for nothing, as in the mirror: one key of "0.0.0.0-0" (flannel with IPv6 only makes it) would leave no room for anybody.
 * - Nobody else's lease is ever touched: a previous subnet is taken only if it is free (v0.11 stole it: issue 1289).
 * - The choice is among all free blocks alike, so that hosts that start together seldom meet.
 */

import { type Cidr, contains, formatCidr, maskCidr, overlaps, parseCidr, parseIp } from '../../config/ipv4.ts';
import type { Lease, NetworkConfig } from '../../config/model.ts';
import { isPermanent } from '../contracts/source.ts';
import type { Guards } from '../desired/guards.ts';
import { COVERS, coversAll } from '../desired/refusals.ts';
import { byAge } from './age.ts';
import { capacity, type Pool, pickFree } from './free.ts';

export interface ChooseInput {
  config: NetworkConfig;
  /** Every lease that can be read, in force or not. */
  leases: Iterable<Lease>;
  /** Subnets ("10.5.34.7/24") of keys that can't be read as a lease: somebody may live there. */
  occupied: Iterable<string>;
  /** Keys of those leases that the store has lost (doubt.ts). Our own among them is to be put back. */
  lingering?: ReadonlySet<string>;
  publicIP: string;
  /** Whether a lease under this host's public IP names what no other host can have (BackendType.identityOf). Absent: none does. */
  isProvedOurs?(lease: Lease): boolean;
  /** What this host had, from its subnet.env: "10.5.34.0/24" or "10.5.34.1/24". */
  previousSubnet?: string;
  /** What this host must not cover (desired/guards.ts); absent: nothing. */
  guards?: Guards;
  /** A number in [0, 1). */
  random: () => number;
}

export type LeaseChoice = (
  | { action: 'reuse'; lease: Lease }
  | { action: 'create'; subnet: string }
  /** One sentence for a person. `covered`: the lease that this host has, and may not use. */
  | { action: 'outOfSubnets'; why: string; detail: string; covered?: Lease }
) & {
  /**
   * Leases of this host that don't fit the config, overlap an elder one, or are second ones that would have all others take this host's VTEP
   * for theirs: to be released. Never reservations (permanent leases).
   */
  release: Lease[];
  /** Further leases under this host's public IP, which may be another host's behind the same address: reported, and left to expire. */
  others: Lease[];
};

interface Candidate {
  lease: Lease;
  block: Cidr;
}

export function chooseLease(input: ChooseInput): LeaseChoice {
  const { config, publicIP, guards } = input;
  const pool = poolOf(config);
  const all = [...input.leases].map((lease) => ({ lease, block: parseCidr(lease.subnet)! }));
  const isLingering = ({ lease }: Candidate): boolean => input.lingering?.has(lease.key) ?? false;
  const isMine = ({ lease }: Candidate): boolean => lease.attrs.publicIP === publicIP;

  const inStore = all.filter((one) => !isLingering(one));
  const mine = inStore.filter(isMine);
  const network = parseCidr(config.network)!;
  const isInside = (block: Cidr): boolean => contains(network, block);
  const rivals = inStore.filter(({ block }) => isInside(block));
  const isCovering = ({ lease }: Candidate): boolean => guards?.ofOwn(lease.subnet) !== undefined;
  const fitting = mine.filter(
    (one) => fits(pool, one.block) && fitsIPv6(config, one.lease) && !isYounger(one, rivals) && !isCovering(one),
  );
  const unfit = mine.filter((one) => !fitting.includes(one)).map(({ lease }) => lease);
  const release = unfit.filter((lease) => !isPermanent(lease));
  const kept = unfit.filter(isPermanent);

  const previous = input.previousSubnet === undefined ? undefined : maskCidr(input.previousSubnet);
  const isPrevious = ({ lease }: Candidate): number => Number(lease.subnet === previous);
  const [first, ...rest] = fitting
    .sort((a, b) => isPrevious(b) - isPrevious(a) || byAge(a.lease, b.lease))
    .map(({ lease }) => lease);
  // A store restored from a backup may have one that this host has left: as the elder it would have our MAC.
  const isLeft = (lease: Lease): boolean => !isPermanent(lease) && (input.isProvedOurs?.(lease) ?? false);
  release.push(...rest.filter(isLeft));
  const others = [...rest.filter((lease) => !isLeft(lease)), ...kept];
  if (first) return { action: 'reuse', lease: first, release, others };

  // What the store has lost of ours is no obstacle: it is the place to go back to.
  const mineLost = all.filter((one) => isMine(one) && isLingering(one)).sort((a, b) => isPrevious(b) - isPrevious(a));
  const taken = all.filter((one) => isInside(one.block) && !mineLost.includes(one)).map(({ block }) => block);
  for (const subnet of input.occupied) {
    const block = parseCidr(subnet);
    if (block && isInside(block)) taken.push(block);
  }

  for (const subnet of [...mineLost.map(({ lease }) => lease.subnet), previous]) {
    const block = subnet === undefined ? undefined : parseCidr(subnet);
    if (!subnet || !block || !fits(pool, block) || guards?.ofOwn(subnet)) continue;
    if (!taken.some((other) => overlaps(block, other))) return { action: 'create', subnet, release, others };
  }

  const free = freeBlock(pool, taken, input);
  if (free) return { action: 'create', subnet: formatCidr(free), release, others };
  const covering = mine.filter(isCovering);
  const forbidden = covering[0]?.block ?? (guards && pickFree(pool, taken, input.random));
  if (forbidden) {
    const detail = coversAll(guards?.ofOwn(formatCidr(forbidden)), config);
    const covered = covering.find((one) => fits(pool, one.block))?.lease;
    // Nothing better came of it: what there is stays where it is, unused.
    return { action: 'outOfSubnets', why: COVERS, detail, release: [], others, ...(covered && { covered }) };
  }
  const detail = `All ${capacity(pool)} subnets of length /${pool.length} from ${config.subnetMin} to ${config.subnetMax} are taken; remove leases of hosts that are gone, or widen SubnetMin and SubnetMax in the config.`;
  return { action: 'outOfSubnets', why: 'out of subnets', detail, release, others };
}

/** First where nothing of this host is, then where at most containers are: their bridge may have its network from a lease that we had. */
function freeBlock(pool: Pool, taken: readonly Cidr[], { guards, random }: ChooseInput): Cidr | undefined {
  if (!guards || guards.empty) return pickFree(pool, taken, random);
  return pickFree(pool, [...taken, ...guards.ranges], random) ?? pickFree(pool, [...taken, ...guards.hard], random);
}

function poolOf(config: NetworkConfig): Pool {
  return { min: parseIp(config.subnetMin)!, max: parseIp(config.subnetMax)!, length: config.subnetLen };
}

/** Whether a subnet may be leased under this config: then a lease of it is kept. */
export function fitsConfig(config: NetworkConfig, subnet: string): boolean {
  const block = parseCidr(subnet);
  return block !== undefined && fits(poolOf(config), block);
}

/** Why a lease of this host is given back, for a sentence. */
export const whyReleased = (config: NetworkConfig, { subnet }: Lease): string =>
  fitsConfig(config, subnet) ? 'this host uses another' : 'does not fit the config';

const fits = (pool: Pool, block: Cidr): boolean =>
  block.length === pool.length && pool.min <= block.ip && block.ip <= pool.max;

/** As flannel: a lease with an IPv6 half has no place in a network without IPv6. */
const fitsIPv6 = (config: NetworkConfig, lease: Lease): boolean => config.enableIPv6 || lease.ipv6Subnet === undefined;

/** Overlaps an elder lease of another key: then the mirrors of all hosts have that one in force, and this one is good for nothing. */
function isYounger(one: Candidate, all: readonly Candidate[]): boolean {
  return all.some((other) => overlaps(one.block, other.block) && byAge(other.lease, one.lease) < 0);
}
