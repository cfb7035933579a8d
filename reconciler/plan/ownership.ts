/**
 * Owns the question "whose is it?", answered from what the kernel says and the instance's identity alone, never from memory: a process
 * that was just restarted knows its own. What equals a Want exactly is adopted whoever made it; that is the plan's business, not asked here.
 *
 * - A device is ours if it is an unenslaved vxlan named `flannel.<its VNI>` that carries our alias; without any alias, if it has an
 *   address inside our networks, or none at all and we want it by name (made by us, died before marking it).
 * - Everything else is ours only on a device of ours or with our protocol mark, and only inside our networks. What the kernel made by
 *   itself (a connected route) never is.
 * - Two instances share nothing: their aliases differ, and their networks do.
 */
import { type Cidr, contains, parseCidr, parseIp } from '../../config/ipv4.ts';
import { aliasOf, type Instance } from '../contracts/host.ts';
import type { Address, Fdb, Have, Link, Neighbour, Nexthop, Route, Want } from '../contracts/resource.ts';
import { MAIN_TABLE, SELVAGE_PROTOCOL } from '../contracts/resource.ts';

export type Owner =
  | 'ours'
  /** Gives way to a Want, is never cleaned up: the kernel's own cache on a device of ours (dynamic ARP, a learned FDB entry), Docker's files. */
  | 'learned'
  | 'foreign';

export interface OwnershipContext {
  instance: Instance;
  /** Observed links by name: at least ours, the wanted ones' namesakes and every vxlan device. */
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

/** RTPROT_KERNEL (linux/rtnetlink.h): connected routes. */
export const KERNEL_PROTOCOL = 2;
const LOCALLY_ADMINISTERED = 2;
const MULTICAST = 1;

/** Answers for one round; remembers the devices it has already judged. */
export class Ownership {
  readonly #context: OwnershipContext;
  readonly #networks: Cidr[];
  readonly #devices = new Map<string, boolean>();

  constructor(context: OwnershipContext) {
    this.#context = context;
    // 0.0.0.0/0 is what a network without IPv4 reads as: it names nothing, and everything would be ours.
    this.#networks = context.instance.networks
      .map(parseCidr)
      .filter((network) => network !== undefined && network.length > 0) as Cidr[];
  }

  ownerOf(have: Have): Owner {
    switch (have.kind) {
      case 'link':
        return this.#ownsLink(have) ? 'ours' : 'foreign';
      case 'address':
        return this.ownsDevice(have.dev) && this.inside(parseCidr(have.address)) ? 'ours' : 'foreign';
      case 'neighbour':
        return this.#neighbour(have);
      case 'fdb':
        return this.#fdb(have);
      case 'nexthop':
        return this.#nexthop(have);
      case 'route':
        return this.#route(have);
      case 'file':
        if (have.path === this.#context.instance.subnetFile) return 'ours';
        // Docker's files: written where that is wanted, never cleaned up.
        return this.#context.desired.has(`file ${have.path}`) ? 'learned' : 'foreign';
    }
  }

  /** Whether the device of that name is there and ours. */
  ownsDevice(name: string): boolean {
    let owned = this.#devices.get(name);
    if (owned === undefined) {
      const link = this.#context.links.get(name);
      owned = link !== undefined && this.#ownsLink(link);
      this.#devices.set(name, owned);
    }
    return owned;
  }

  /** Whether all of a range lies in one of the instance's networks. */
  inside(range: Cidr | number | undefined): boolean {
    return range !== undefined && this.#networks.some((network) => contains(network, range));
  }

  #ownsLink(link: Link): boolean {
    if (link.type !== 'vxlan' || link.master !== '' || link.name !== `flannel.${link.vxlan?.vni}`) return false;
    if (link.alias !== '') return link.alias === aliasOf(this.#context.instance);
    const { addresses, addressesComplete, desired } = this.#context;
    const on = addresses.get(link.name) ?? [];
    if (on.length === 0) return addressesComplete && desired.has(`link ${link.name}`);
    return on.some(({ address }) => this.inside(parseCidr(address)));
  }

  #neighbour(have: Neighbour): Owner {
    if (!this.ownsDevice(have.dev)) return 'foreign';
    if (!have.permanent) return 'learned';
    // Our mark may outlive our value (a replace without a protocol leaves it standing), so it alone is enough: we once made this one.
    return have.protocol === SELVAGE_PROTOCOL || this.inside(parseIp(have.ip)) ? 'ours' : 'foreign';
  }

  /**
   * FDB entries can't carry a mark. flannel's VTEPs have a locally administered unicast MAC (vxlan_linux.go: `(b0 & 0xfe) | 0x02`) and an
   * underlay address; a default entry (00:…:00), a multicast one or one with a vendor's MAC was put there by somebody else, unless it is
   * the very MAC that a lease names.
   */
  #fdb(have: Fdb): Owner {
    if (!this.ownsDevice(have.dev)) return 'foreign';
    if (!have.permanent && have.plain) return 'learned';
    if (!have.permanent || !have.plain || have.dst === '') return 'foreign';
    const first = Number.parseInt(have.mac.slice(0, 2), 16);
    if (first & MULTICAST) return 'foreign';
    if (first & LOCALLY_ADMINISTERED) return 'ours';
    return this.#context.desired.has(`fdb ${have.dev}|${have.mac}`) ? 'ours' : 'foreign';
  }

  #nexthop(have: Nexthop): Owner {
    return have.protocol === SELVAGE_PROTOCOL && this.inside(have.id) ? 'ours' : 'foreign';
  }

  #route(have: Route): Owner {
    if (have.table !== MAIN_TABLE || have.protocol === KERNEL_PROTOCOL) return 'foreign';
    const { isFlannels } = this.#context;
    if (have.protocol !== SELVAGE_PROTOCOL && !this.ownsDevice(have.dev) && !isFlannels?.(have)) return 'foreign';
    return this.inside(parseCidr(have.dst)) ? 'ours' : 'foreign';
  }
}

/** Whose `have` is. For many, keep one Ownership: it judges each device once. */
export const ownerOf = (have: Have, context: OwnershipContext): Owner => new Ownership(context).ownerOf(have);

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
