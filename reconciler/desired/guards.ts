/**
 * Owns what no subnet may cover: the networks and addresses of this host, and what it must go on reaching. A route to a peer's subnet, or
 * a bridge on our own one, would be more specific, and so cut the host off (docs/design.md#a-host-is-never-cut-off).
 *
 * - Decided from the host alone, never from the store: so what covers it is taken back also while the store can't be heard.
 * - A Network that is a small part of a very wide one (carved.ts) may be used, as long as this host isn't inside it: of that network only
 *   single addresses stay guarded then, and it is said.
 * - What lies inside this host's own subnet is its containers' business, and no hindrance to a peer: that has another subnet.
 */
import {
  type Cidr,
  contains,
  isLoopback,
  lastOf,
  maskCidr,
  networkOf,
  overlaps,
  parseCidr,
  parseIp,
} from '../../config/ipv4.ts';
import type { NetworkConfig } from '../../config/model.ts';
import type { Guard, HostFacts, Interface } from '../contracts/host.ts';
import { sizeOf } from '../lease/blocks.ts';
import { isCarvedFrom, isWide } from './carved.ts';
import { bare, isFlannels } from './interfaces.ts';
import type { Uplink } from './uplink.ts';

/** Sorted, so that the same host gives the same ones. */
export function guardsOf(facts: HostFacts, uplink: Pick<Uplink, 'name' | 'networks'>): Guard[] {
  const guards = new Map<string, Guard>();
  const add = (guard: Guard): void => {
    const key = `${guard.range} ${guard.dev}`;
    if (!guards.has(key)) guards.set(key, guard);
  };
  for (const link of facts.interfaces) if (!isFlannels(link)) addInterface(link, facts, uplink.name, add);
  for (const { dev, dst, metric } of facts.linkRoutes) {
    if (dev !== uplink.name) continue;
    const guard: Guard = { range: dst, what: `${dst} on the link of ${dev}`, dev, of: 'uplink' };
    add(metric ? guard : { ...guard, routed: true });
  }
  const elsewhere = (address: string, what: string): void => {
    const ip = parseIp(address);
    if (ip && !isLoopback(ip)) add({ range: `${address}/32`, what: `${what} ${address}`, dev: '', of: 'elsewhere' });
  };
  for (const { gateway, dev } of facts.defaultRoutes) if (gateway) elsewhere(gateway, `${dev}'s gateway`);
  for (const address of facts.store ?? []) elsewhere(address, 'the store at');
  for (const address of facts.nameServers ?? []) elsewhere(address, 'the name server');
  return [...guards.values()].sort((a, b) => (a.range + a.what < b.range + b.what ? -1 : 1));
}

/** Docker's bridges and the host's ends of CNI's veth pairs: what has an address inside the host's own subnet. */
const isContainers = ({ type }: Interface, length: number | undefined): boolean =>
  type === 'bridge' || (type === 'veth' && length === 32);

function addInterface(link: Interface, { linkRoutes }: HostFacts, uplink: string, add: (guard: Guard) => void): void {
  const { name } = link;
  for (const { address } of link.addresses) {
    const cidr = parseCidr(address);
    const network = maskCidr(address);
    if (!cidr || !network || isLoopback(cidr.ip)) continue;
    const of = name === uplink ? 'uplink' : isContainers(link, cidr.length) ? 'containers' : 'host';
    const what = cidr.length === 32 ? `${name}'s address ${bare(address)}` : `${name}'s network ${network}`;
    if (isWide(cidr)) add({ range: `${bare(address)}/32`, what: `${name}'s address ${bare(address)}`, dev: name, of });
    const routed = of !== 'uplink' && linkRoutes.some((one) => one.dev === name && one.dst === network && !one.metric);
    add({ range: network, what, dev: name, of, ...(routed ? { routed } : {}) });
  }
}

interface Parsed {
  range: Cidr;
  guard: Guard;
}

/** Answers for one host. */
export class Guards {
  readonly #guards: readonly Parsed[];
  /** Out of which the Network was carved: they count for nothing, but are told of. */
  readonly carved: readonly Guard[];

  /** `network`: the config's, outside of which nothing is asked. */
  constructor(guards: readonly Guard[] = [], network = '0.0.0.0/0') {
    const all = guards.flatMap((guard) => {
      const range = parseCidr(guard.range);
      return range && range.length > 0 && overlaps(range, network) ? [{ range, guard }] : [];
    });
    const isInside = all.some(({ range, guard }) => guard.of === 'uplink' && range.length === 32);
    const isCarved = ({ range, guard: { of } }: Parsed): boolean =>
      !isInside && (of === 'uplink' || of === 'host') && isCarvedFrom(range, network);
    this.carved = all.filter(isCarved).map(({ guard }) => guard);
    this.#guards = all.filter((one) => !isCarved(one));
  }

  get empty(): boolean {
    return this.#guards.length === 0;
  }

  /** What subnets of a config may overlap. Containers may have theirs from it already. */
  inPool({ subnetMin, subnetMax, subnetLen }: NetworkConfig): Guard[] {
    const first = parseIp(subnetMin) ?? 0;
    const last = (parseIp(subnetMax) ?? 0) + sizeOf(subnetLen) - 1;
    return this.#guards
      .filter(({ range, guard }) => {
        const from = networkOf(range.ip, range.length);
        return guard.of !== 'containers' && from <= last && lastOf(range.ip, range.length) >= first;
      })
      .map(({ guard }) => guard);
  }

  get ranges(): Cidr[] {
    return this.#guards.map(({ range }) => range);
  }

  /** Ranges in which no lease may be at all. */
  get hard(): Cidr[] {
    return this.#guards.filter(({ guard }) => guard.of !== 'containers').map(({ range }) => range);
  }

  /** What a peer's subnet may not be served for. `own`: this host's subnet. */
  ofPeer(subnet: string, own?: string): Guard | undefined {
    const block = parseCidr(subnet);
    if (!block) return undefined;
    return this.#guards.find(
      ({ range, guard }) =>
        overlaps(range, block) &&
        !(guard.routed && range.length === block.length) &&
        !(own !== undefined && contains(own, range)),
    )?.guard;
  }

  /** What a lease that this host has, or had, may not be kept for: containers are where they belong then. */
  ofOwn(subnet: string): Guard | undefined {
    return this.#guards.find(({ range, guard }) => guard.of !== 'containers' && overlaps(range, subnet))?.guard;
  }
}
