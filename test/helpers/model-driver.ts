/**
 * Owns a Driver over the kernel in memory: what drivers/netlink and drivers/files do over the real one, for all kinds at once.
 *
 * - Made to be disturbed: listings that lack something, changes that fail or lie, events that are lost, doubled or late.
 * - The one contract suite (test/lab/contract/driver-contract.ts) runs against it and against the real driver.
 */
import { contains, parseCidr } from '../../config/ipv4.ts';
import type { Care, Change, Driver, Interest, Listing, Outcome } from '../../reconciler/contracts/driver.ts';
import type { Failure, FailureKind } from '../../reconciler/contracts/failure.ts';
import type { Scope } from '../../reconciler/contracts/scope.ts';
import {
  BUILD_ORDER,
  compare,
  type Have,
  idOf,
  type Link,
  linkOf,
  type Resource,
  SELVAGE_PROTOCOL,
  type Want,
} from '../../reconciler/kinds/index.ts';
import { isPlainAndRight } from '../../reconciler/plan/route-form.ts';
import { Errno, type Flags, type LinkChange, type ModelKernel } from './model-kernel.ts';
import { vxlanIn } from './tunnels.ts';

const KINDS_OF_FAILURE: Record<string, FailureKind> = {
  ENODEV: 'vanished',
  ENETDOWN: 'vanished',
  EEXIST: 'conflict',
  EPERM: 'denied',
  EINVAL: 'invalid',
  // Of a device's type: the module may still come.
  EOPNOTSUPP: 'transient',
};
const GONE = new Set(['ENOENT', 'ESRCH', 'ENODEV', 'EADDRNOTAVAIL']);

export type Delivery = 'faithful' | 'lost' | 'doubled' | 'reversed';

export class ModelDriver implements Driver {
  readonly kinds = BUILD_ORDER;
  readonly kernel: ModelKernel;
  /** What listings leave out; they then say that they are incomplete. */
  hides: ((have: Have) => boolean) | undefined;
  /** What quick listings leave out. */
  overlooks: ((have: Have) => boolean) | undefined;
  /** By id: how the next change fails; "lie" says done and does nothing. */
  faults = new Map<string, Failure | 'lie'>();
  delivery: Delivery = 'faithful';
  #emit: ((scope: Scope) => void) | undefined;
  #pending: Scope[] = [];

  constructor(kernel: ModelKernel) {
    this.kernel = kernel;
    kernel.emit = (scope) => this.#pending.push(scope);
  }

  async list(scope: Scope, interest: Interest, care?: Care): Promise<Listing> {
    const { links } = this.kernel.view;
    const isOfConcern = (have: Have): boolean => concerns(have, interest, links);
    const isNarrow = !scope.all && scope.kinds.size === 0 && scope.links.size === 0;
    const haves = isNarrow
      ? [...scope.ids].flatMap((id) => this.kernel.find(id)).filter(isOfConcern)
      : this.kernel.select((have) => inScope(scope, have) && isOfConcern(have));
    const { hides, overlooks } = this;
    if (care === 'quick' && overlooks) return { haves: haves.filter((have) => !overlooks(have)), complete: true };
    if (!hides) return { haves, complete: true };
    return { haves: haves.filter((have) => !hides(have)), complete: false, problem: 'The dump was interrupted.' };
  }

  async apply(changes: Change[]): Promise<Outcome[]> {
    return changes.map((change): Outcome => {
      const fault = this.faults.get(change.id);
      this.faults.delete(change.id);
      if (fault === 'lie') return { change, result: 'done' };
      if (fault) return { change, result: 'failed', failure: fault };
      try {
        return { change, result: this.#make(change) };
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        return this.#refused(change, error);
      }
    });
  }

  async watch(emit: (scope: Scope) => void, interest?: () => Interest): Promise<() => Promise<void>> {
    this.#emit = (scope) => emit(withCompanions(scope, interest?.().ofCompanions ?? new Map()));
    this.#pending = [];
    return async () => {
      this.#emit = undefined;
    };
  }

  async close(): Promise<void> {
    this.#emit = undefined;
  }

  /** Delivers what the kernel has announced since the last time, in the manner that `delivery` says. */
  deliver(): void {
    const scopes = this.#pending.splice(0);
    const { delivery } = this;
    if (delivery === 'lost') return;
    if (delivery === 'reversed') scopes.reverse();
    for (const scope of scopes) {
      this.#emit?.(scope);
      if (delivery === 'doubled') this.#emit?.(scope);
    }
  }

  #make(change: Change): 'done' {
    switch (change.op) {
      case 'create':
        return this.#create(change.want, 'create');
      case 'update':
        if (change.want.kind === 'link' && !change.recreate) return this.#updateLink(change.want);
        if (!change.recreate) return this.#create(change.want, 'replace');
        this.#delete(change.have);
        return this.#create(change.want, 'create');
      case 'delete':
        this.#delete(change.have);
        return 'done';
    }
  }

  #create(want: Want, flags: Flags): 'done' {
    const { kernel } = this;
    if (want.kind === 'link') {
      kernel.addLink(want);
      if (want.alias !== '') kernel.setLink(want.name, { alias: want.alias });
    } else if (want.kind === 'address') kernel.addAddress(want);
    else if (want.kind === 'neighbour') kernel.setNeighbour(want, flags);
    else if (want.kind === 'fdb') kernel.setFdb(want, flags);
    else if (want.kind === 'udp-peer') kernel.setUdpPeer(want);
    else if (want.kind === 'nexthop') kernel.setNexthop(want, flags);
    else if (want.kind === 'route') kernel.setRoute(want, flags);
    else if (want.kind === 'file') kernel.writeFile(want);
    return 'done';
  }

  #updateLink(want: Link): 'done' {
    const have = this.kernel.link(want.name);
    if (!have) throw new Errno('ENODEV');
    const change: LinkChange = { up: want.up, mac: want.mac || have.mac, mtu: want.mtu, alias: want.alias };
    const vxlan = vxlanIn(want);
    if (!vxlan) this.kernel.setLink(want.name, change);
    else {
      const { local, parent, learning } = vxlan;
      this.kernel.setLink(want.name, { ...change, vxlan: { local, parent, learning } });
    }
    return 'done';
  }

  #delete(have: Have): void {
    const { kernel } = this;
    if (have.kind === 'link') kernel.deleteLink(have.name);
    else if (have.kind === 'address') kernel.deleteAddress(have);
    else if (have.kind === 'neighbour') kernel.deleteNeighbour(have);
    else if (have.kind === 'fdb') kernel.deleteFdb(have);
    else if (have.kind === 'udp-peer') kernel.deleteUdpPeer(have);
    else if (have.kind === 'nexthop') kernel.deleteNexthop(have.id);
    else if (have.kind === 'route') kernel.deleteRoute(have);
    else if (have.kind === 'file') kernel.deleteFile(have.path);
  }

  /** As the netlink driver: gone already is what a delete wanted, and what exists is looked into. */
  #refused(change: Change, error: Errno): Outcome {
    if (change.op === 'delete' && GONE.has(error.code)) return { change, result: 'noop' };
    const { code } = error;
    if (code === 'EEXIST' && change.op !== 'delete') {
      const there = this.kernel.all().find((have) => idOf(have) === change.id);
      if (there && serves(there, change.want)) return { change, result: 'noop' };
      const isCache = there?.kind === 'neighbour' || (there?.kind === 'fdb' && there.plain);
      if (isCache && !there.permanent) return { change, result: this.#create(change.want, 'replace') };
    }
    const kind = /does not exist|invalid gateway/.test(error.message)
      ? 'transient'
      : (KINDS_OF_FAILURE[code] ?? 'transient');
    return {
      change,
      result: 'failed',
      failure: { kind, code, message: `${change.id} was refused: ${error.message}.` },
    };
  }
}

/** An event about a companion's device or its address is one about the companion. */
function withCompanions(scope: Scope, ofCompanions: NonNullable<Interest['ofCompanions']>): Scope {
  for (const [dev, names] of ofCompanions) {
    const isAbout = (id: string): boolean => id.startsWith(`address ${dev}|`) || id === `link ${dev}`;
    if (!scope.links.has(dev) && ![...scope.ids].some(isAbout)) continue;
    for (const name of names) scope.companions.add(name);
  }
  return scope;
}

function serves(have: Have, want: Want): boolean {
  if (compare(want, have).length === 0) return true;
  return have.kind === 'route' && want.kind === 'route' && isPlainAndRight(want, have);
}

function inScope(scope: Scope, have: Have): boolean {
  if (scope.all || scope.kinds.has(have.kind) || scope.ids.has(idOf(have))) return true;
  return scope.links.has(linkOf(have) ?? '');
}

const isTunnel = (link: Readonly<Link> | undefined): boolean =>
  link?.type === 'vxlan' || link?.name.startsWith('flannel.') === true;

/** What drivers/netlink/relevance.ts lets through. */
function concerns(have: Have, interest: Interest, links: ReadonlyMap<string, Readonly<Link>>): boolean {
  const inNetworks = (resource: string | number): boolean =>
    interest.networks.some((network) => contains(network, resource));
  const { devices } = interest;
  switch (have.kind) {
    case 'link':
      if (devices.includes(have.name) || interest.ofCompanions?.has(have.name)) return true;
      return have.name === interest.uplink || isTunnel(have);
    case 'address':
      if (devices.includes(have.dev) || interest.ofCompanions?.has(have.dev)) return true;
      return isTunnel(links.get(have.dev)) && have.dev !== interest.uplink;
    case 'neighbour':
    case 'fdb':
    case 'udp-peer':
      return devices.includes(have.dev);
    case 'nexthop':
      return have.protocol === SELVAGE_PROTOCOL || inNetworks(have.id) || devices.includes(have.dev);
    case 'route':
      return devices.includes(have.dev) || (parseCidr(have.dst) !== undefined && inNetworks(have.dst));
    case 'file':
      return interest.files.includes(have.path);
    case 'firewall':
      return false;
  }
}

/** Puts resources into a kernel as their makers would have: what the kernel would refuse is left out. Routes of one slot are appended. */
export function populate(kernel: ModelKernel, resources: Iterable<Resource>): void {
  const sorted = [...resources].sort((a, b) => BUILD_ORDER.indexOf(a.kind) - BUILD_ORDER.indexOf(b.kind));
  for (const resource of sorted) {
    try {
      put(kernel, resource);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
    }
  }
}

function put(kernel: ModelKernel, resource: Resource): void {
  if (resource.kind === 'link') {
    kernel.addLink(resource);
    kernel.setLink(resource.name, { alias: resource.alias, master: resource.master });
  } else if (resource.kind === 'address') kernel.addAddress(resource);
  else if (resource.kind === 'neighbour') kernel.setNeighbour(resource, 'create');
  else if (resource.kind === 'fdb') kernel.setFdb(resource, 'create');
  else if (resource.kind === 'udp-peer') kernel.setUdpPeer(resource);
  else if (resource.kind === 'nexthop') kernel.setNexthop(resource, 'create');
  else if (resource.kind === 'route') kernel.setRoute(resource, 'append');
  else if (resource.kind === 'file') kernel.writeFile(resource);
}
