/**
 * Owns the question whether something on the host can concern this instance (reconciler/contracts/driver.ts, Interest), asked of names and numbers.
 * A host may carry a full BGP table, hundreds of bridges and a busy ARP table: those are left out as early as can be.
 */
import type { Interest } from '../../reconciler/contracts/driver.ts';
import { ALIAS_PREFIX } from '../../reconciler/contracts/host.ts';
import type { CompanionName } from '../../reconciler/contracts/scope.ts';
import { type Link, type Nexthop, type Route, SELVAGE_PROTOCOL } from '../../reconciler/kinds/index.ts';
import { isOfInterest } from '../../reconciler/tunnels/index.ts';
import { ipv4Number, prefixLength } from './codec/text.ts';

/** It may be ours under another name. */
const isMarked = ({ alias = '' }: Link): boolean => alias.startsWith(ALIAS_PREFIX);

export class Relevance {
  readonly devices: ReadonlySet<string>;
  readonly uplink: string;
  readonly #inTheWay: readonly string[];
  readonly #ofCompanions: NonNullable<Interest['ofCompanions']>;
  readonly #networks: { base: number; mask: number; length: number }[];

  constructor(interest: Interest) {
    this.devices = new Set(interest.devices);
    this.uplink = interest.uplink;
    this.#ofCompanions = interest.ofCompanions ?? new Map();
    this.#inTheWay = interest.inTheWay ?? [];
    this.#networks = interest.networks
      .map((cidr) => {
        const length = prefixLength(cidr);
        const mask = (-1 << (32 - length)) >>> 0;
        return { base: (ipv4Number(cidr) & mask) >>> 0, mask, length };
      })
      .filter(({ length }) => length > 0); // 0.0.0.0/0 is how a network without IPv4 reads: everything would be inside
  }

  /** Is the prefix (32 for an address) inside one of the networks? */
  inNetworks(address: number, length = 32): boolean {
    for (const { base, mask, length: shortest } of this.#networks) {
      if (length >= shortest && (address & mask) >>> 0 === base) return true;
    }
    return false;
  }

  /** Ours, wanted, the uplink, or what a flannel may have left behind. */
  link(link: Link): boolean {
    return this.devices.has(link.name) || link.name === this.uplink || isOfInterest(link) || isMarked(link);
  }

  /** Whether a change of the link may mean something: beside those that are listed, the ones that stand in the way, and while none is the uplink all. */
  linkEvent(link: Link): boolean {
    return this.link(link) || this.uplink === '' || this.#inTheWay.includes(link.name);
  }

  /** Whether packets of the network may come in there. */
  forwards(device: string): boolean {
    return this.devices.has(device) || device === this.uplink || this.#inTheWay.includes(device);
  }

  /** A companion may follow the subnet by its device's address. A tunnel's addresses tell whose it is, so they are looked at even where nothing else under it is. */
  addressesOf(link: Link): boolean {
    const { name } = link;
    return this.devices.has(name) || this.#ofCompanions.has(name) || (isOfInterest(link) && name !== this.uplink);
  }

  /** Names of those that have to look if something is so about the device. */
  companionsOf(device: string): readonly CompanionName[] {
    return this.#ofCompanions.get(device) ?? [];
  }

  route(route: Route): boolean {
    return this.devices.has(route.dev) || this.inNetworks(ipv4Number(route.dst), prefixLength(route.dst));
  }

  nexthop(nexthop: Nexthop): boolean {
    return nexthop.protocol === SELVAGE_PROTOCOL || this.inNetworks(nexthop.id) || this.devices.has(nexthop.dev);
  }
}
