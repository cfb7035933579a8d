/**
 * Owns what the question "whose is it?" is answered from: what the kernel says and the instance's identity alone, never memory, so that a
 * process that was just restarted knows its own. Each kind answers for itself (kinds/); this is the Judge that it asks.
 *
 * - Everything but a device is ours only on a device of ours or with our protocol mark, and only inside our networks.
 * - What equals a Want exactly is adopted whoever made it; that is the plan's business, not asked here.
 * - Two instances share nothing: their aliases differ, and their networks do.
 */
import { type Cidr, contains, parseCidr } from '../../config/ipv4.ts';
import { aliasOf, type Instance } from '../contracts/host.ts';
import {
  type Address,
  type Have,
  type Link,
  type Owner,
  ownerOf,
  type Route,
  type RouteJudge,
  type Want,
} from '../kinds/index.ts';

export interface OwnershipContext {
  instance: Instance;
  /** Observed links by name: at least ours, the wanted ones' namesakes, and every device that may stand in their way. */
  links: ReadonlyMap<string, Link>;
  /** Observed addresses by device: all of those links. */
  addresses: ReadonlyMap<string, readonly Address[]>;
  /** False if those devices may have addresses that were not listed: then one that seems to have none is nobody's. */
  addressesComplete: boolean;
  /** All that should be, by id. */
  desired: ReadonlyMap<string, Want>;
  /** Whether an unmarked route is what flannel itself makes of a lease that is there (host-gw, DirectRouting). */
  isFlannels?: (route: Route) => boolean;
}

/** Answers for one round; remembers the devices it has already judged. */
export class Ownership implements RouteJudge {
  readonly alias: string;
  readonly subnetFile: string;
  readonly #context: OwnershipContext;
  readonly #networks: Cidr[];
  readonly #devices = new Map<string, boolean>();

  constructor(context: OwnershipContext) {
    this.#context = context;
    this.alias = aliasOf(context.instance);
    this.subnetFile = context.instance.subnetFile;
    // 0.0.0.0/0 is what a network without IPv4 reads as: it names nothing, and everything would be ours.
    this.#networks = context.instance.networks
      .map(parseCidr)
      .filter((network) => network !== undefined && network.length > 0) as Cidr[];
  }

  ownerOf(have: Have): Owner {
    return ownerOf(have, this);
  }

  /** Whether the device of that name is there and ours. */
  ownsDevice(name: string): boolean {
    let owned = this.#devices.get(name);
    if (owned === undefined) {
      const link = this.#context.links.get(name);
      owned = link !== undefined && this.ownerOf(link) === 'ours';
      this.#devices.set(name, owned);
    }
    return owned;
  }

  /** Whether all of a range lies in one of the instance's networks. */
  inside(range: Cidr | number | undefined): boolean {
    return range !== undefined && this.#networks.some((network) => contains(network, range));
  }

  isWanted(id: string): boolean {
    return this.#context.desired.has(id);
  }

  addressesOf(dev: string): readonly string[] | undefined {
    const { addresses, addressesComplete } = this.#context;
    const known = addresses.get(dev);
    if (known === undefined) return addressesComplete ? [] : undefined;
    return known.map(({ address }) => address);
  }

  isFlannels(route: Route): boolean {
    return this.#context.isFlannels?.(route) ?? false;
  }
}

/** Names of the devices that a listing has to look under: those wanted and those that are ours to clean up. */
export function ownDevices(context: OwnershipContext): string[] {
  const ownership = new Ownership(context);
  const names = [...context.links.keys()].filter((name) => ownership.ownsDevice(name));
  for (const want of context.desired.values()) if (want.kind === 'link') names.push(want.name);
  return [...new Set(names)];
}

/**
 * Links and addresses of a listing, as ownership is decided from them. `addressesComplete`: the listing was of the whole kind `address`,
 * not of single ids, and it was complete.
 */
export function contextOf(
  haves: Iterable<Have>,
  addressesComplete: boolean,
): Pick<OwnershipContext, 'links' | 'addresses' | 'addressesComplete'> {
  const links = new Map<string, Link>();
  const addresses = new Map<string, Address[]>();
  for (const have of haves) {
    if (have.kind === 'link') links.set(have.name, have);
    if (have.kind !== 'address') continue;
    const same = addresses.get(have.dev);
    if (same) same.push(have);
    else addresses.set(have.dev, [have]);
  }
  return { links, addresses, addressesComplete };
}
