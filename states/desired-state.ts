/**
 * Owns what this agent knows of the desired state: the mirror of the store, our lease, the host, and the Wants made of them.
 *
 * - Wants are made anew only when something that all of them depend on changes (config, own lease, host); a peer's lease costs that peer.
 * - An unusable config changes nothing: the Wants of the last good one stay in force.
 */
import { configKey } from '../config/lease-key.ts';
import type { Lease, LeaseAttrs, NetworkConfig } from '../config/model.ts';
import { parseSubnetEnv } from '../config/subnet-env.ts';
import type { Backend } from '../reconciler/backends/backend.ts';
import { BACKEND_TYPES, backendFor, ipv4Only, pathOf, unsupportedBackend } from '../reconciler/backends/index.ts';
import type { Driver, Interest } from '../reconciler/contracts/driver.ts';
import type { Host, Instance } from '../reconciler/contracts/host.ts';
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import { everything, type Scope, scopeOf } from '../reconciler/contracts/scope.ts';
import type { CopyHead, Past } from '../reconciler/contracts/state-copy.ts';
import { Desired } from '../reconciler/desired/desired.ts';
import { Guards } from '../reconciler/desired/guards.ts';
import { EarlierPaths, pathTimes } from '../reconciler/desired/paths.ts';
import { Refusals } from '../reconciler/desired/refusals.ts';
import { fitsConfig } from '../reconciler/lease/choose.ts';
import { tooLittleMemory } from '../reconciler/lease/memory.ts';
import { Mirror } from '../reconciler/store/mirror.ts';
import type { MirrorChange } from '../reconciler/store/mirror-change.ts';
import type { AgentDeps } from './deps.ts';
import type { Dirty } from './dirty.ts';
import { HostView } from './host-view.ts';
import { KnownNetworks } from './known-networks.ts';
import type { LeaseContext } from './lease-context.ts';
import { obstaclesOf } from './obstacles.ts';
import { OwnLease } from './own-lease.ts';
import { OwnValue } from './own-value.ts';
import { lookForPaths, type PathsSeen } from './paths-seen.ts';
import { putConfig } from './put-config.ts';
import type { Round } from './round.ts';

interface UsableConfig {
  config: NetworkConfig;
  backend: Backend;
}

/** A lease of this host. `published`: what it says in the store, which the others go by. */
export interface PublishedLease {
  own: Lease;
  published: LeaseAttrs;
}

export class DesiredState {
  readonly mirror: Mirror;
  readonly lease: OwnLease;
  readonly host: HostView;
  desired: Desired | undefined;
  /** The mirror holds the last good copy, because the store has not been listed yet: our lease is the one that the copy has. */
  isFromCopy = false;
  readonly #deps: AgentDeps;
  readonly #dirty: Dirty;
  readonly #prefix: string;
  readonly #networks = new KnownNetworks();
  /** What the Wants were made from, as text. */
  #signature = '';
  readonly #earlier: EarlierPaths<Backend>;
  /** What this host was reached by before this process; undefined until it could be listed as a whole. */
  #seen: PathsSeen | undefined;
  /** The look that the earlier paths were last taken from. */
  #takenUp: PathsSeen | undefined;
  /** When our lease left each path, as the process before this one has told it (path: ms since the epoch). */
  #leftBefore: Readonly<Record<string, number>> = {};
  /** The path that our lease is leaving in this moment, and when it began to. */
  #leaving: Readonly<Record<string, number>> = {};
  /** What leases of this host said as it started: in a store that lost its memory the next one may name another path at once. */
  #saidBefore: readonly LeaseAttrs[] = [];
  /** What the last good copy says of this host's lease. */
  #remembered: Past['own'];
  readonly #value: OwnValue;
  /** The Wants whose devices were last found right. */
  #built: Desired | undefined;
  /** The lease that a drift report goes by instead of ours. */
  #supposed: PublishedLease | undefined;

  constructor(deps: AgentDeps, dirty: Dirty) {
    this.#dirty = dirty;
    const { options } = deps;
    this.#earlier = new EarlierPaths(pathTimes(options.migrationGraceMs));
    const previous = parseSubnetEnv(deps.previousSubnetEnv);
    this.#deps = deps;
    this.#prefix = options.etcd.prefix;
    this.mirror = new Mirror(this.#prefix, { ttlSeconds: options.leaseTtlSeconds });
    this.lease = new OwnLease(deps, this.#prefix, previous.subnet);
    this.#value = new OwnValue(this.mirror, deps.source);
    this.host = new HostView(deps, () => this.mirror.config);
    this.#networks.add(previous.network);
  }

  /** The config in force and its backend; undefined where there is none that can be run. */
  get usable(): UsableConfig | undefined {
    const { config } = this.mirror;
    const backend = config && backendFor(config);
    return config && backend && { config, backend };
  }

  get instance(): Instance {
    return { prefix: this.#prefix, networks: this.#networks.all, subnetFile: this.#deps.options.subnetFile };
  }

  get interest(): Interest {
    const files = [this.#deps.options.subnetFile];
    const uplink = this.host.current?.uplink.name ?? '';
    return this.desired?.interest() ?? { networks: this.#networks.all, devices: [], uplink, files };
  }

  /** Takes over what the last good copy knows of this host's past. */
  recall(head: CopyHead | undefined): void {
    this.#networks.add(head?.network, ...(head?.earlierNetworks ?? []));
    this.#leftBefore = head?.left ?? {};
    this.#remembered = head?.own;
  }

  /** What the next process has to know of this one's past. */
  get past(): Past {
    const earlierNetworks = this.#networks.earlierThan(this.mirror.config?.network);
    const { subnet } = this.lease.current ?? {};
    const own = subnet === undefined ? this.#remembered : { subnet, nic: this.host.nic };
    return { earlierNetworks, left: { ...this.#leaving, ...this.#earlier.left }, ...(own && { own }) };
  }

  /** Our lease, which says `attrs`, is about to name another way; undefined: it is over. */
  leaves(attrs: LeaseAttrs | undefined): void {
    this.#leaving = attrs ? { [pathOf(attrs, this.#standing)]: this.#deps.clock.now() } : {};
  }

  /** Forgets the earlier networks in which that round has left nothing; true if there are any. */
  forgetNetworks(round: Pick<Round, 'desired' | 'left'>): boolean {
    // It was for an earlier config: the network that is this host's now it knows nothing of.
    if (round.desired !== this.desired) return false;
    const current = round.desired.context.config.network;
    return this.#networks.keepOnly(round.left(this.#networks.earlierThan(current)), current);
  }

  /** The mirror doesn't know which store it is a mirror of, nor how one writes there. */
  #withCure(entry: HeldEntry): HeldEntry {
    if (entry.kind !== 'config' || entry.why !== 'no config' || this.mirror.config) return entry;
    const { source } = this.#deps;
    const detail = `Waiting for a network config in ${source.where} (${source.looked ?? source.kind}). To put one: ${putConfig(this.#prefix, source.kind)}`;
    return { ...entry, detail };
  }

  get tooLittleMemory(): HeldEntry | undefined {
    return tooLittleMemory(this.#prefix, this.mirror.leases.size, this.#deps.heapLimitBytes);
  }

  /** Of a host that has a lease; else it is what stands in the way of one. */
  get #memoryNotice(): HeldEntry[] {
    const { tooLittleMemory } = this;
    return this.lease.current && tooLittleMemory ? [{ ...tooLittleMemory, unmet: false }] : [];
  }

  /** All that is held whatever a round finds. */
  get held(): HeldEntry[] {
    const held = [
      ...(this.#deps.source.held ?? []),
      ...this.mirror.held.map((entry) => this.#withCure(entry)),
      ...this.lease.held,
      ...this.#memoryNotice,
      ...this.host.held(),
    ];
    const { config } = this.mirror;
    const host = this.host.current;
    if (this.desired) held.push(...this.desired.held);
    else if (config && host) {
      held.push(...(backendFor(config)?.notices({ config, host }) ?? []));
      // Before there is a lease, and so before anything is written.
      const refusals = new Refusals(config, host);
      held.push(...refusals.notices);
      for (const lease of this.mirror.leases.values())
        if (lease.attrs.publicIP !== host.publicIP) held.push(...[refusals.ofPeer(lease) ?? []].flat());
    }
    if (config) {
      const key = configKey(this.#prefix);
      held.push(...(backendFor(config) ? ipv4Only(config, key) : [unsupportedBackend(config, key)]));
    }
    return held;
  }

  /** Subnets of leases that are there and can't be read: what the host has for them stays. */
  get keptSubnets(): string[] {
    return [...this.mirror.unreadableSubnets, ...(this.desired?.unreadableSubnets ?? [])];
  }

  /** Takes a change of the mirror over into the Wants. @returns where to look because of it */
  update(change: MirrorChange): Scope {
    // A config that our lease still fits is followed before anybody's lease is judged by it.
    if (change.config && this.remake()) return everything();
    if (!this.desired) return scopeOf({});
    const ids = this.desired.update(change.subnets, this.mirror);
    if (change.subnets.size && this.endPaths()) return everything();
    return scopeOf({ ids, peers: change.subnets });
  }

  /** Takes all peers anew, after a listing of the store. */
  relist(): void {
    this.#rememberLeases();
    if (!this.remake()) this.desired?.setAll(this.mirror);
  }

  /** Whether the Wants are of an earlier config, because our lease doesn't fit the one in force. */
  get isOutdated(): boolean {
    const { config } = this.mirror;
    const made = this.desired?.context.config;
    return made !== undefined && config !== made && JSON.stringify(config) !== JSON.stringify(made);
  }

  /** What the lease is chosen for; undefined while config or host are not known. */
  leaseContext(): LeaseContext | undefined {
    const { usable } = this;
    const host = this.host.current;
    if (!usable || !host) return undefined;
    return {
      mirror: this.mirror,
      publicIP: host.publicIP,
      guards: new Guards(host.guards, usable.config.network),
      identities: new Set(this.#seen?.links.map(({ mac }) => mac)),
      addresses: host.addresses ?? [],
      rememberedSubnet: this.#remembered?.nic === this.host.nic ? this.#remembered.subnet : undefined,
      obstacles: () => this.#obstacles(usable, host),
      valueFor: async (lease) => this.#value.textFor({ ...usable, host }, lease, this.#seen?.links ?? []),
      standingValueFor: (lost) => {
        const standing = this.#standing.find(({ path }, _, all) => path === pathOf(lost.attrs, all));
        return standing && this.#value.textOn(standing, { ...usable, host });
      },
      isBuilt: () => this.isBuilt,
    };
  }

  /** What this host is reached by now, the latest first: before the first Wants that is what it was found with. */
  get #standing(): Backend[] {
    const { backend } = this.desired ?? {};
    if (backend) return [backend, ...this.#earlier.owners];
    return [...(this.#seen?.backends ?? []), ...BACKEND_TYPES.flatMap(({ unseen }) => unseen ?? [])];
  }

  /** Notes that a whole round has found the devices of `desired` right. True if that is news. */
  noteBuilt(desired: Desired): boolean {
    if (desired !== this.desired || this.#built === desired) return false;
    this.#built = desired;
    return true;
  }

  /** Whether this host can be reached on the config's path, so that it may be published. */
  get isBuilt(): boolean {
    return this.desired !== undefined && this.#built === this.desired && !this.isOutdated;
  }

  /** When an earlier path ends though nothing happens, ms since the epoch; Infinity for never. */
  nextPathEnd(): number {
    // Without a lease that fits the config nothing is made anew (remake).
    return this.isOutdated ? Number.POSITIVE_INFINITY : this.#earlier.nextEnd();
  }

  /** Lets go of the earlier paths whose time is over; true if the Wants were made anew for that. */
  endPaths(): boolean {
    return this.#earlier.owners.length > 0 && this.remake();
  }

  /** From now on the Wants are made for that lease, as if it were ours: a drift report takes none. */
  suppose({ own, published }: PublishedLease): void {
    this.#supposed = { own, published };
  }

  /** The lease that the Wants are made for. Of the copy it is looked for each time: this host may have another address by now. */
  get #ours(): PublishedLease | undefined {
    if (this.#supposed) return this.#supposed;
    const own = this.isFromCopy ? this.#ownInCopy : (this.lease.covered ?? this.lease.current);
    return own && { own, published: own.attrs };
  }

  get #ownInCopy(): Lease | undefined {
    const context = this.leaseContext();
    const choice = context && this.lease.choose(context);
    if (choice?.action === 'outOfSubnets') return choice.covered;
    return choice?.action === 'reuse' ? choice.lease : undefined;
  }

  /**
   * Makes the Wants anew, and everything dirty, if anything that all of them depend on has changed; true if so.
   * A lease that the config has no room for changes nothing: another one is on its way.
   */
  remake(): boolean {
    const { usable } = this;
    const ours = this.#ours;
    const host = this.host.current;
    if (!usable || !host || !ours || !fitsConfig(usable.config, ours.own.subnet)) return false;
    const { config, backend } = usable;
    const { own, published } = ours;
    this.#followPaths(own, published, backend);
    const earlier = this.#earlier.owners;
    const mac = this.#value.macUnder(own, { ...usable, host }, this.#seen?.links ?? []);
    const signature = JSON.stringify([config, host, own.subnet, mac, earlier.map(({ path }) => path)]);
    if (signature === this.#signature) return false;
    this.#networks.add(config.network);
    const { instance } = this;
    this.desired = new Desired({ config, own, mac, host, instance, ...this.#beside }, earlier);
    this.desired.setAll(this.mirror);
    this.#signature = signature;
    this.#dirty.mark(everything());
    return true;
  }

  /** With --lease adopt flanneld has this host, and said in subnet.env whether it masquerades. A state file is nobody's but ours. */
  get #beside(): { ipMasq: boolean; besideFlanneld: boolean } {
    const { lease, stateFile, ipMasq } = this.#deps.options;
    if (lease !== 'adopt' || stateFile !== undefined) return { ipMasq, besideFlanneld: false };
    return { ipMasq: parseSubnetEnv(this.#deps.previousSubnetEnv).ipMasq ?? ipMasq, besideFlanneld: true };
  }

  /** A lease that is there and can't be read may name any path. */
  get #anyUnread(): boolean {
    return this.mirror.unreadableSubnets.length > 0;
  }

  /** Which earlier paths there are: those of this process's own past and, at its start, those that are seen on the host. */
  #followPaths(own: Lease, published: LeaseAttrs, backend: Backend): void {
    const before = this.desired?.backend;
    const peers = [...this.mirror.leases.values()].filter(({ subnet }) => subnet !== own.subnet);
    const now = this.#deps.clock.now();
    if (!before || this.#takenUp !== this.#seen) this.#takeUpPaths(published, peers, backend, now);
    if (before) this.#earlier.add(before);
    this.#earlier.remove(backend.path);
    this.#earlier.review(published, peers, backend, now, this.#anyUnread);
  }

  /** Of what is seen on the host: a device that no lease names, and that ours is not known to have left, is a leftover, not a path. */
  #takeUpPaths(published: LeaseAttrs, peers: readonly Lease[], backend: Backend, now: number): void {
    this.#takenUp = this.#seen;
    const seen = [...(this.#seen?.backends ?? [])];
    // host-gw has no device that would show it, and no route either while all others are reached on another path.
    for (const { unseen } of BACKEND_TYPES) {
      if (!unseen || seen.includes(unseen)) continue;
      if (pathOf(published, [backend]) === unseen.path || unseen.path in this.#leftBefore) seen.push(unseen);
    }
    const paths = [backend, ...seen.toReversed()];
    const all = [published, ...this.#saidBefore, ...peers.map(({ attrs }) => attrs)];
    const named = new Set(all.map((attrs) => pathOf(attrs, paths)));
    for (const owner of seen) {
      const leftAt = this.#leftBefore[owner.path];
      // A time to come is a clock that was set back: it says nothing.
      const known = leftAt !== undefined && leftAt <= now ? leftAt : undefined;
      if (this.#anyUnread || named.has(owner.path) || known !== undefined) this.#earlier.add(owner, known);
    }
  }

  get #linkDriver(): Driver | undefined {
    return this.#deps.drivers.find((one) => one.kinds.includes('link'));
  }

  /** Until it is known what this host was reached by, a device that nobody wants may be a way on which others still send. */
  get knowsPaths(): boolean {
    return this.#seen !== undefined || !this.#linkDriver;
  }

  #rememberLeases(): void {
    const { config, allLeases } = this.mirror;
    const publicIP = this.host.current?.publicIP;
    if (config && publicIP !== undefined) this.#networks.addSubnets(allLeases, publicIP, config.network);
  }

  /** Looks, until it was seen once, at what this host was reached by before this process. */
  async lookAround(): Promise<void> {
    const { config } = this.mirror;
    const driver = this.#linkDriver;
    if (this.#seen || !driver || !config || !this.host.current) return;
    const { publicIP } = this.host.current;
    this.#rememberLeases();
    const networks = this.#networks.with(config.network);
    const leases = [...this.mirror.leases.values()];
    this.#saidBefore = leases.flatMap(({ attrs }) => (attrs.publicIP === publicIP ? attrs : []));
    this.#seen = await lookForPaths(driver, {
      instance: { ...this.instance, networks },
      interest: { ...this.interest, networks },
      leases,
      path: this.usable?.backend.path,
    });
  }

  /** As they would be found by a round, if this host had the first subnet of all. */
  async #obstacles({ config, backend }: UsableConfig, host: Host): Promise<HeldEntry[]> {
    if (this.lease.current) return [];
    const impossible = this.tooLittleMemory ?? backend.impossible?.({ config, host });
    if (impossible) return [impossible];
    const subnet = `${config.subnetMin}/${config.subnetLen}`;
    const attrs = { publicIP: host.publicIP, publicIPv6: null, backendType: '' };
    const own = { key: '', subnet, attrs, value: '', modRevision: 0, createRevision: 0, leaseId: '0' };
    const instance = { ...this.instance, networks: this.#networks.with(config.network) };
    return obstaclesOf(this.#deps.drivers, new Desired({ config, own, mac: '', host, instance, ...this.#beside }));
  }
}
