/**
 * Owns a kernel in memory that behaves as docs/reference/kernel.md says, its silent losses and quiet successes included.
 * ModelDriver (model-driver.ts) makes a Driver of it; foreigners and tests call it directly, as `ip` and `bridge` would.
 *
 * - Every call is one message to the kernel: it is counted, and `crashAfter` ends the process between two of them.
 * - A refused message throws an Errno. What is silent in the kernel is silent here: `emit` is called for what it announces, nothing else.
 */

import { type Scope, scopeOf } from '../../reconciler/contracts/scope.ts';
import type { Address, Fdb, FileResource, Neighbour, Nexthop, Route, UdpPeer } from '../../reconciler/kinds/index.ts';
import { type Have, idOf, keyOf, type Link, type Resource, splitId } from '../../reconciler/kinds/index.ts';
import type { VxlanTunnel } from '../../reconciler/tunnels/vxlan.ts';
import { Errno } from './errno.ts';
import { assertOpens, forgetParent, madeTunnel } from './model-tunnels.ts';

export { Errno };

/** The process died between two messages. */
export class Crash extends Error {}

export type Flags = 'create' | 'replace' | 'append';
export interface LinkChange extends Partial<Pick<Link, 'up' | 'mac' | 'mtu' | 'alias' | 'master'>> {
  vxlan?: Partial<Pick<VxlanTunnel, 'local' | 'parent' | 'learning'>>;
}

export interface KernelView {
  links: ReadonlyMap<string, Readonly<Link>>;
  addresses: ReadonlyMap<string, Readonly<Address>>;
  neighbours: ReadonlyMap<string, Readonly<Neighbour>>;
  fdb: ReadonlyMap<string, Readonly<Fdb>>;
  nexthops: ReadonlyMap<number, Readonly<Nexthop>>;
  /** All of a slot, the one in use first. */
  routes: ReadonlyMap<string, readonly Readonly<Route>[]>;
  files: ReadonlyMap<string, Readonly<FileResource>>;
}

export class ModelKernel {
  /** Called for each announcement, after the change. */
  emit: (scope: Scope) => void = () => {};
  /** Messages so far that asked for a change. */
  writes = 0;
  /** Types of devices for which it has no module. */
  readonly lacks = new Set<string>();
  /** The process dies before the message after these many. */
  crashAfter = Infinity;

  readonly #links = new Map<string, Link>();
  readonly #addresses = new Map<string, Address>();
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #fdb = new Map<string, Fdb>();
  /** Tables of udp engines, which go with their devices. */
  readonly #udpPeers = new Map<string, UdpPeer>();
  readonly #nexthops = new Map<number, Nexthop>();
  readonly #routes = new Map<string, Route[]>();
  readonly #files = new Map<string, FileResource>();
  #drawn = 0;

  /** All there is, as a listing shows it; copies. */
  all(): Have[] {
    return this.select(() => true);
  }

  /** Of all there is, what `isMeant` says yes to; copies. */
  select(isMeant: (have: Have) => boolean): Have[] {
    const routes = [...this.#routes.values()].flat().map((route) => this.#shown(route));
    const others = [
      this.#links,
      this.#addresses,
      this.#neighbours,
      this.#fdb,
      this.#udpPeers,
      this.#nexthops,
      this.#files,
    ];
    return [...others.flatMap((map): Have[] => [...map.values()]), ...routes].filter(isMeant).map(copy);
  }

  /** What has that id, copies: none, one, or all routes of a slot. */
  find(id: string): Have[] {
    const { kind, key } = splitId(id);
    if (kind === 'route') return (this.#routes.get(key) ?? []).map((route) => copy(this.#shown(route)));
    if (kind === 'firewall') return [];
    const maps = {
      link: this.#links,
      address: this.#addresses,
      neighbour: this.#neighbours,
      fdb: this.#fdb,
      'udp-peer': this.#udpPeers,
      file: this.#files,
    };
    const have: Have | undefined = kind === 'nexthop' ? this.#nexthops.get(Number(key)) : maps[kind].get(key);
    return have ? [copy(have)] : [];
  }

  /** What there is, itself: to be read at once, by who follows a packet through it at every step. By the kinds' own keys. */
  get view(): KernelView {
    return {
      links: this.#links,
      addresses: this.#addresses,
      neighbours: this.#neighbours,
      fdb: this.#fdb,
      nexthops: this.#nexthops,
      routes: this.#routes,
      files: this.#files,
    };
  }

  link(name: string): Link | undefined {
    return structuredClone(this.#links.get(name));
  }

  // Links ------------------------------------------------------------------------------------------------------------------------

  /** RTM_NEWLINK, exclusive. Takes no alias and no master, as the kernel. */
  addLink(link: Link): void {
    this.#write();
    if (this.#links.has(link.name)) throw new Errno('EEXIST');
    const made: Link = { ...structuredClone(link), alias: '', master: '' };
    if (this.lacks.has(made.type)) throw new Errno('EOPNOTSUPP', 'Unknown device type');
    if (made.tunnel) made.tunnel = madeTunnel(made.tunnel, this.#links);
    if (made.up) assertOpens(made, this.#links);
    this.#drawn++;
    // An ipip device has an address of four bytes, which is no MAC.
    if (made.type !== 'ipip')
      made.mac ||= `06:00:00:00:${(this.#drawn >> 8).toString(16).padStart(2, '0')}:${(this.#drawn & 255).toString(16).padStart(2, '0')}`;
    this.#links.set(made.name, made);
    this.#announceLink(made.name);
  }

  setLink(name: string, change: LinkChange): void {
    this.#write();
    const link = this.#links.get(name);
    if (!link) throw new Errno('ENODEV');
    const { vxlan, ...plain } = change;
    const before = JSON.stringify(link);
    const newMac = plain.mac !== undefined && plain.mac !== link.mac;
    const goesDown = plain.up === false && link.up;
    if (plain.up && !link.up) assertOpens(link, this.#links);
    Object.assign(link, plain);
    if (vxlan && link.tunnel?.type === 'vxlan') Object.assign(link.tunnel, vxlan);
    if (newMac || goesDown) this.#flushNeighbours(name);
    if (goesDown) this.#dropRoutesAndNexthops(name);
    if (JSON.stringify(link) !== before) this.#announceLink(name);
  }

  deleteLink(name: string): void {
    this.#write();
    if (!this.#links.has(name)) throw new Errno('ENODEV');
    this.#flushNeighbours(name);
    for (const [key, { dev }] of this.#fdb) if (dev === name) this.#announce(this.#fdb, key);
    for (const [key, { dev }] of this.#udpPeers) if (dev === name) this.#announce(this.#udpPeers, key);
    for (const [key, { dev }] of this.#addresses) if (dev === name) this.#announce(this.#addresses, key);
    this.#dropRoutesAndNexthops(name);
    this.#links.delete(name);
    for (const link of this.#links.values()) {
      if (link.master === name) link.master = '';
      forgetParent(link, name);
    }
    this.#announceLink(name);
  }

  // What is under them -------------------------------------------------------------------------------------------------------------

  addAddress(address: Address): void {
    this.#write();
    this.#device(address.dev);
    if (this.#addresses.has(keyOf(address))) throw new Errno('EEXIST');
    this.#put(this.#addresses, address);
  }

  deleteAddress(address: Address): void {
    this.#write();
    this.#device(address.dev);
    this.#remove(this.#addresses, address, 'EADDRNOTAVAIL');
  }

  setNeighbour(neighbour: Neighbour, flags: Flags): void {
    this.#write();
    this.#device(neighbour.dev);
    const old = this.#neighbours.get(keyOf(neighbour));
    if (old && flags === 'create') throw new Errno('EEXIST');
    // A replace without NDA_PROTOCOL leaves the old mark standing.
    this.#put(this.#neighbours, { ...neighbour, protocol: neighbour.protocol || (old?.protocol ?? 0) });
  }

  deleteNeighbour(neighbour: Neighbour): void {
    this.#write();
    this.#device(neighbour.dev);
    this.#remove(this.#neighbours, neighbour, 'ENOENT');
  }

  setUdpPeer(peer: UdpPeer): void {
    this.#write();
    this.#device(peer.dev);
    this.#put(this.#udpPeers, peer);
  }

  deleteUdpPeer(peer: UdpPeer): void {
    this.#write();
    this.#device(peer.dev);
    this.#remove(this.#udpPeers, peer, 'ENOENT');
  }

  setFdb(fdb: Fdb, flags: Flags): void {
    this.#write();
    this.#device(fdb.dev);
    const old = this.#fdb.get(keyOf(fdb));
    if (old && flags === 'create') throw new Errno('EEXIST');
    // Of a second destination for a unicast MAC the kernel takes no notice, and says 0.
    if (!old || flags === 'replace') this.#put(this.#fdb, fdb);
  }

  deleteFdb(fdb: Fdb): void {
    this.#write();
    this.#device(fdb.dev);
    const old = this.#fdb.get(keyOf(fdb));
    // With a wrong destination the kernel deletes nothing, and says 0.
    if (old && fdb.dst !== '' && old.dst !== fdb.dst) return;
    this.#remove(this.#fdb, fdb, 'ENOENT');
  }

  setNexthop(nexthop: Nexthop, flags: Flags): void {
    this.#write();
    if (!this.#device(nexthop.dev).up) throw new Errno('ENETDOWN');
    this.#refuseOwn(nexthop);
    const old = this.#nexthops.get(nexthop.id);
    if (old && flags !== 'replace') throw new Errno('EEXIST');
    if (old && old.plain !== nexthop.plain) throw new Errno('EINVAL', 'Can not replace a nexthop group with a nexthop');
    this.#nexthops.set(nexthop.id, structuredClone(nexthop));
    // Also if nothing changed: a no-op nexthop write is not free.
    const users = [...this.#routes.values()].flat().filter((route) => route.nexthopId === nexthop.id);
    for (const resource of [nexthop, ...users]) this.emit(scopeOf({ ids: [idOf(resource)] }));
  }

  deleteNexthop(id: number): void {
    this.#write();
    const nexthop = this.#nexthops.get(id);
    if (!nexthop) throw new Errno('ENOENT');
    this.#nexthops.delete(id);
    this.#dropRoutes((route) => route.nexthopId === id);
    this.emit(scopeOf({ ids: [idOf(nexthop)] }));
  }

  setRoute(route: Route, flags: Flags): void {
    this.#write();
    if (route.nexthopId !== 0) {
      if (!this.#nexthops.has(route.nexthopId)) throw new Errno('EINVAL', 'Nexthop id does not exist');
    } else if (route.dev !== '') {
      if (!this.#device(route.dev).up) throw new Errno('ENETDOWN');
      this.#refuseOwn(route);
    }
    const slot = this.#routes.get(keyOf(route)) ?? [];
    const twin = slot.findIndex((other) => isTwin(other, route));
    if (flags === 'create' ? slot.length > 0 : flags === 'append' ? twin >= 0 : twin > 0) throw new Errno('EEXIST');
    if (flags === 'replace' && twin === 0) return;
    if (flags === 'replace') slot.shift();
    if (flags === 'append') slot.push(structuredClone(route));
    else slot.unshift(structuredClone(route));
    this.#routes.set(keyOf(route), slot);
    this.emit(scopeOf({ ids: [idOf(route)] }));
  }

  /** Qualified by protocol, type and way, as the driver does it. */
  deleteRoute(route: Route): void {
    this.#write();
    const slot = this.#routes.get(keyOf(route)) ?? [];
    const at = slot.findIndex((other) => isMeant(other, route));
    if (at < 0) throw new Errno('ESRCH');
    slot.splice(at, 1);
    if (slot.length === 0) this.#routes.delete(keyOf(route));
    this.emit(scopeOf({ ids: [idOf(route)] }));
  }

  writeFile(file: FileResource): void {
    this.#write();
    const old = this.#files.get(file.path);
    this.#put(this.#files, { ...file, mode: old?.mode ?? file.mode });
  }

  deleteFile(path: string): void {
    this.#write();
    const file = this.#files.get(path);
    if (!file) throw new Errno('ENOENT');
    this.#remove(this.#files, file, 'ENOENT');
  }

  // --------------------------------------------------------------------------------------------------------------------------------

  #write(): void {
    if (this.writes >= this.crashAfter) throw new Crash('the process was killed');
    this.writes++;
  }

  #device(name: string): Link {
    const link = this.#links.get(name);
    if (!link) throw new Errno('ENODEV');
    return link;
  }

  /** A gateway that is an address of the device itself (fib_semantics.c: fib_check_nh_onlink). */
  #refuseOwn({ dev, gateway }: Pick<Nexthop, 'dev' | 'gateway'>): void {
    for (const { dev: own, address } of this.#addresses.values())
      if (own === dev && address.split('/')[0] === gateway) throw new Errno('EINVAL', 'Nexthop has invalid gateway');
  }

  #put<T extends Resource>(map: Map<string, T>, resource: T): void {
    const old = map.get(keyOf(resource));
    if (old && JSON.stringify(old) === JSON.stringify(resource)) return; // no event for the identical
    map.set(keyOf(resource), structuredClone(resource));
    this.emit(scopeOf({ ids: [idOf(resource)] }));
  }

  #remove<T extends Resource>(map: Map<string, T>, resource: T, missing: string): void {
    if (!map.has(keyOf(resource))) throw new Errno(missing);
    this.#announce(map, keyOf(resource));
  }

  #announce(map: Map<string, Resource>, key: string): void {
    const resource = map.get(key);
    map.delete(key);
    if (resource) this.emit(scopeOf({ ids: [idOf(resource)] }));
  }

  #announceLink(name: string): void {
    this.emit(scopeOf({ links: [name] }));
  }

  #flushNeighbours(dev: string): void {
    for (const [key, neighbour] of this.#neighbours) if (neighbour.dev === dev) this.#announce(this.#neighbours, key);
  }

  /** Without a word. */
  #dropRoutesAndNexthops(dev: string): void {
    this.#dropRoutes((route) => this.#shown(route).dev === dev);
    for (const [id, nexthop] of this.#nexthops) if (nexthop.dev === dev) this.#nexthops.delete(id);
  }

  #dropRoutes(isGone: (route: Route) => boolean): void {
    for (const [key, slot] of this.#routes) {
      const left = slot.filter((route) => !isGone(route));
      if (left.length > 0) this.#routes.set(key, left);
      else this.#routes.delete(key);
    }
  }

  /** With nexthop_compat_mode, the default, a route shows its nexthop object's device and gateway. */
  #shown(route: Route): Route {
    const nexthop = route.nexthopId === 0 ? undefined : this.#nexthops.get(route.nexthopId);
    return nexthop ? { ...route, dev: nexthop.dev, gateway: nexthop.gateway, onlink: nexthop.onlink } : route;
  }
}

/** Resources are flat but for a tunnel: a general deep copy costs ten times as much. */
function copy<T extends Have>(have: T): T {
  return 'tunnel' in have && have.tunnel ? { ...have, tunnel: { ...have.tunnel } } : { ...have };
}

/** The same fib_info: what the kernel takes for one and the same route. */
function isTwin(a: Route, b: Route): boolean {
  return isMeant(a, b) && a.plain === b.plain && (a.nexthopId !== 0 || a.onlink === b.onlink);
}

function isMeant(route: Route, by: Route): boolean {
  if (route.protocol !== by.protocol || route.type !== by.type || route.nexthopId !== by.nexthopId) return false;
  return route.nexthopId !== 0 || (route.dev === by.dev && route.gateway === by.gateway);
}
