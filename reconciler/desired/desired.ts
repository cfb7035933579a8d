/**
 * Owns what this host should have: every Want, by id, kept up to date lease by lease.
 *
 * - The same leases give the same wants, whether they came at once or one by one.
 * - One lease that changes costs one lease, however many there are.
 * - `complete` is false until all leases are known; then nothing may be deleted for want of a Want.
 */
import { type Cidr, formatCidr } from '../../config/ipv4.ts';
import { configKey } from '../../config/lease-key.ts';
import type { Lease } from '../../config/model.ts';
import { formatSubnetEnv } from '../../config/subnet-env.ts';
import type { Backend, BackendContext, PeerWants } from '../backends/backend.ts';
import { backendFor, pathOf, unsupportedBackend } from '../backends/index.ts';
import { prefersPlain } from '../backends/routes.ts';
import type { CloudWant } from '../cloud/model.ts';
import type { Interest } from '../contracts/driver.ts';
import type { HostSubnet } from '../contracts/host.ts';
import type { HeldEntry } from '../contracts/report.ts';
import { type CompanionName, emptyScope, mergeScope, type Scope } from '../contracts/scope.ts';
import { BOOT_PROTOCOL, type FileResource, idOf, linkOf, type Route, type Want } from '../kinds/index.ts';
import { portListenedOn } from '../tunnels/index.ts';
import { notMoved, Peers } from './peers.ts';
import { Refusals } from './refusals.ts';

/** What Desired needs of the mirror. */
export interface LeaseSource {
  /** Leases by subnet. */
  leases: ReadonlyMap<string, Lease>;
  /** Subnets of leases that are there and can't be read. */
  readonly unreadableSubnets?: readonly string[];
  complete: boolean;
}

export class Desired {
  readonly context: BackendContext;
  /** Undefined if we don't run the config's backend, or may not use our lease: then there are no wants, and that is held. */
  readonly backend: Backend | undefined;
  /** Those of earlier configs, on which this host still receives and reaches the hosts that haven't moved. */
  readonly earlier: readonly Backend[];
  /** What all peers stand on: the devices with their addresses. */
  readonly deviceWants: readonly Want[];
  /** All wants, by id. */
  readonly wants: ReadonlyMap<string, Want>;
  complete = false;
  /** What it is made of: read anew each time, it changes. */
  #source: LeaseSource = { leases: new Map(), complete: false };

  /** We run the config's backend: what is not wanted is so for certain. */
  readonly #isKnown: boolean;
  readonly #wants = new Map<string, Want>();
  /** The config's first. */
  readonly #paths: readonly Backend[];
  readonly #peers: Peers;
  /** Paths of companions' files among the wants. */
  readonly #filesOf = new Map<CompanionName, readonly string[]>();
  /** Ids of what else companions want. */
  readonly #wantsOf = new Map<CompanionName, Set<string>>();
  readonly #notices: readonly HeldEntry[];
  readonly #refusals: Refusals;
  /** Ids that leases have said something of since the round in hand began. */
  #news: Set<string> | 'all' = new Set();

  constructor(context: BackendContext, earlier: readonly Backend[] = []) {
    this.context = context;
    this.wants = this.#wants;
    const backend = backendFor(context.config);
    this.#refusals = new Refusals(context.config, context.host);
    const impossible = backend?.impossible?.(context);
    const refused = this.#refusals.ofOwn(context.own) ?? impossible;
    this.#isKnown = backend !== undefined && impossible === undefined;
    this.backend = refused ? undefined : backend;
    this.earlier = this.backend ? earlier : [];
    this.#paths = this.backend ? [this.backend, ...earlier] : [];
    this.deviceWants = this.#paths.flatMap((path) => path.device(context));
    if (!backend || refused) {
      this.#notices = [refused ?? unsupportedBackend(context.config, configKey(context.instance.prefix))];
      this.#peers = new Peers(this.#wants, (lease) => this.#unlessRefused({ wants: [] }, lease));
      return;
    }
    this.#notices = [...this.#refusals.notices, ...backend.notices(context)];
    this.#peers = new Peers(this.#wants, (lease) => this.#peerOn(backend, lease));
    const file = subnetFile(context, backend.mtu(context));
    for (const want of [...this.deviceWants, file]) this.#wants.set(idOf(want), want);
  }

  /** On the path that the lease names. Another VNI than we have is no hindrance, on an earlier path either: as in flannel, which doesn't look at it. */
  #peerOn(backend: Backend, lease: Lease): PeerWants {
    const named = pathOf(lease.attrs, this.#paths);
    if (named === backend.path) return this.#unlessRefused(backend.peer(this.context, lease), lease);
    const { backendType } = lease.attrs;
    const path =
      this.#paths.find((one) => one.path === named) ?? this.#paths.find(({ type }) => type === backendType) ?? backend;
    const result = this.#unlessRefused(path.peer(this.context, lease), lease);
    return result.wants ? { ...result, note: notMoved(lease, named, path.path, backend.path) } : result;
  }

  #unlessRefused(result: PeerWants, lease: Lease): PeerWants {
    const own = this.backend && this.context.own.subnet;
    const held = (result.wants || result.held.unmet) && this.#refusals.ofPeer(lease, own);
    return held ? { held, unreadable: false } : result;
  }

  /** Whether a thing of ours in that range cuts this host off: it goes whatever the store says, or doesn't. */
  cutsOff(range: Cidr): boolean {
    const { guards } = this.#refusals;
    return !guards.empty && guards.ofPeer(formatCidr(range), this.backend && this.context.own.subnet) !== undefined;
  }

  /** What is held, in the order of a report. */
  get held(): HeldEntry[] {
    return [...this.#notices, ...this.#peers.held];
  }

  /** Subnets of peers whose lease doesn't say what it must: what the host has for them stays. */
  get unreadableSubnets(): string[] {
    return this.#peers.unreadableSubnets;
  }

  /** Subnets of peers whose lease names a way that this host doesn't have: what it has for them stays. */
  get subnetsElsewhere(): string[] {
    return this.#peers.subnetsElsewhere;
  }

  setAll(source: LeaseSource): void {
    this.#news = 'all';
    this.#follow(source);
    const own = this.context.own.subnet;
    this.#peers.setAll([...source.leases.values()].filter(({ subnet }) => subnet !== own));
  }

  /** Takes over what the source now says of `subnets`. @returns ids of all that this touches: those of before and those of after */
  update(subnets: Iterable<string>, source: LeaseSource): Set<string> {
    this.#follow(source);
    const changes: [string, Lease | undefined][] = [];
    for (const subnet of subnets) {
      if (subnet !== this.context.own.subnet) changes.push([subnet, source.leases.get(subnet)]);
    }
    const ids = this.#peers.update(changes);
    if (this.#news !== 'all') for (const id of ids) this.#news.add(id);
    return ids;
  }

  /** A round looks at what is here now: what leases say from now on is news to it. */
  beginRound(): void {
    this.#news = new Set();
  }

  /** Whether a lease has said something of that id since the round began: then its scope may not have all of that peer. */
  isNews(id: string): boolean {
    return this.#news === 'all' || this.#news.has(id);
  }

  get hasNews(): boolean {
    return this.#news === 'all' || this.#news.size > 0;
  }

  /** What this host wants of a cloud: on the config's path, else on an earlier one. */
  cloudWant(): CloudWant | undefined {
    for (const path of this.#paths) if (path.cloud) return path.cloud(this.context);
    return undefined;
  }

  /** Subnets of all leases that are there, readable or not, as of now. */
  leasedSubnets(): Set<string> {
    const { leases, unreadableSubnets = [] } = this.#source;
    return new Set([...leases.keys(), ...unreadableSubnets, this.context.own.subnet]);
  }

  /** Subnets of peers whose lease names `backendType`. */
  subnetsOfType(backendType: string): string[] {
    return [...this.#source.leases.values()].flatMap(({ subnet, attrs }) =>
      attrs.backendType === backendType ? subnet : [],
    );
  }

  /** Of all hosts but this one, readable ones. */
  peerLeases(): Lease[] {
    return [...this.#source.leases.values()].filter(({ subnet }) => subnet !== this.context.own.subnet);
  }

  leaseOf(subnet: string): Lease | undefined {
    return this.#source.leases.get(subnet);
  }

  /** What companions follow; undefined where there is no IPv4 subnet to follow. */
  hostSubnet(): HostSubnet | undefined {
    const { config, own, ipMasq } = this.context;
    if (!this.backend || !config.enableIPv4) return undefined;
    return { network: config.network, subnet: own.subnet, mtu: this.backend.mtu(this.context), ipMasq };
  }

  /** A companion's files, in place of its earlier ones. They depend on what it sees, and so come from the round. */
  setFilesOf(companion: CompanionName, files: readonly FileResource[]): void {
    for (const path of this.#filesOf.get(companion) ?? []) this.#wants.delete(`file ${path}`);
    const others = files.filter(({ path }) => path !== this.context.instance.subnetFile);
    for (const file of others) this.#wants.set(idOf(file), file);
    this.#filesOf.set(
      companion,
      others.map(({ path }) => path),
    );
  }

  #follow(source: LeaseSource): void {
    this.#source = source;
    this.complete = source.complete && this.#isKnown;
  }

  idsOfPeer(subnet: string): readonly string[] {
    return this.#peers.idsOf(subnet);
  }

  /** Subnet of the peer that wants `id`; undefined for the device's, the file's, and what nobody wants. */
  peerOfId(id: string): string | undefined {
    return this.#peers.subnetOf(id);
  }

  /** A route that flannel's host-gw or DirectRouting has made for a peer's lease as it is: unmarked, but nobody else's. */
  isFlannels(route: Route): boolean {
    return isFlannels(route, this.context.host.uplink.name, this.#peers.leaseOf(route.dst)?.attrs.publicIP);
  }

  /** Whether a route that has to be made is to have a plain gateway (plan/route-form.ts). */
  prefersPlain({ dev }: Route): boolean {
    return prefersPlain(this.context.host, this.#peers.count, dev);
  }

  /** The same scope without peers: they, and single ids of theirs, become all ids of that peer. Ids that nobody wants stay. */
  expandScope(scope: Scope): Scope {
    const ids = new Set<string>();
    const addPeer = (subnet: string): void => {
      for (const id of this.idsOfPeer(subnet)) ids.add(id);
    };
    for (const subnet of scope.peers) {
      addPeer(subnet);
      for (const path of this.#paths) for (const id of path.idsOfSubnet(this.context, subnet)) ids.add(id);
    }
    for (const id of scope.ids) {
      ids.add(id);
      const subnet = this.peerOfId(id);
      if (subnet !== undefined) addPeer(subnet);
    }
    return mergeScope(emptyScope(), { ...scope, ids, peers: new Set() });
  }

  /** The wants inside a scope. Costs what the scope has for ids and peers; a walk over all for links and kinds. */
  restrict(scope: Scope): ReadonlyMap<string, Want> {
    if (scope.all) return this.wants;
    if (scope.peers.size) return this.restrict(this.expandScope(scope));
    const inside = new Map<string, Want>();
    for (const id of scope.ids) {
      const want = this.#wants.get(id);
      if (want) inside.set(id, want);
    }
    if (!scope.kinds.size && !scope.links.size) return inside;
    for (const [id, want] of this.#wants) {
      const link = linkOf(want);
      if (scope.kinds.has(want.kind) || (link !== undefined && scope.links.has(link))) inside.set(id, want);
    }
    return inside;
  }

  /** What else a companion wants, in place of what it wanted before. @returns the ids of both */
  setWantsOf(companion: CompanionName, wants: readonly Want[]): string[] {
    const before = this.#wantsOf.get(companion) ?? new Set();
    this.#wantsOf.set(companion, new Set());
    return [
      ...this.changeWantsOf(companion, { add: [], remove: [...before] }),
      ...this.changeWantsOf(companion, { add: wants, remove: [] }),
    ];
  }

  /** What changes in what a companion wants; `remove` are ids. @returns all ids that this is about */
  changeWantsOf(
    companion: CompanionName,
    { add, remove }: { add: readonly Want[]; remove: readonly string[] },
  ): string[] {
    const own = this.#wantsOf.get(companion) ?? new Set<string>();
    this.#wantsOf.set(companion, own);
    for (const id of remove) {
      own.delete(id);
      this.#wants.delete(id);
    }
    const ids = add.map(idOf);
    for (const [i, id] of ids.entries()) {
      own.add(id);
      this.#wants.set(id, add[i]!);
    }
    return [...remove, ...ids];
  }

  /** What listings and watches are to be about. Devices that are to be cleaned up come from the listing, not from here. */
  interest(): Interest {
    const { config, instance, host } = this.context;
    const devices = this.#paths.flatMap((path) => path.deviceNames(this.context));
    const listens = new Map(
      this.deviceWants.flatMap((want) => {
        const at = want.kind === 'link' && portListenedOn(want);
        return at ? [[want.name, at] as const] : [];
      }),
    );
    return {
      networks: [...new Set([config.network, ...instance.networks])],
      devices,
      listens,
      uplink: host.uplink.name,
      files: [instance.subnetFile, ...[...this.#filesOf.values()].flat()],
    };
  }
}

/** `gateway`: the PublicIP of the lease of the route's subnet; undefined if there is none. */
export function isFlannels(route: Route, uplink: string, gateway: string | undefined): boolean {
  const { dev, metric, protocol, type, plain } = route;
  if (protocol !== BOOT_PROTOCOL || dev !== uplink || metric !== 0) return false;
  return plain && type === 'unicast' && route.gateway === gateway;
}

function subnetFile({ config, own, instance, ipMasq, besideFlanneld }: BackendContext, mtu: number): Want {
  const textFor = (masq: boolean): string =>
    formatSubnetEnv({ network: config.network, subnet: own.subnet, mtu, ipMasq: masq });
  // Whether flannel masquerades is its --ip-masq's to say, where it runs.
  const orElse = besideFlanneld ? { orElse: [textFor(!ipMasq)] } : {};
  return { kind: 'file', path: instance.subnetFile, content: textFor(ipMasq), mode: 0o644, shared: true, ...orElse };
}
