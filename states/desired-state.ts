/**
 * Owns what this agent knows of the desired state: the mirror of the store, our lease, the host, and the Wants made of them.
 *
 * - Wants are made anew only when something that all of them depend on changes (config, own lease, host); a peer's lease costs that peer.
 * - An unusable config changes nothing: the Wants of the last good one stay in force.
 */
import { configKey } from '../config/lease-key.ts';
import type { Lease, LeaseAttrs, NetworkConfig } from '../config/model.ts';
import { parseSubnetEnv } from '../config/subnet-env.ts';
import { vxlanData } from '../config/vxlan-lease.ts';
import type { Backend } from '../reconciler/backends/backend.ts';
import { hostGwBackend } from '../reconciler/backends/host-gw.ts';
import { backendFor, ipv4Only, unsupportedBackend } from '../reconciler/backends/index.ts';
import type { Interest } from '../reconciler/contracts/driver.ts';
import type { Host, Instance } from '../reconciler/contracts/host.ts';
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import { everything, type Scope, scopeOf } from '../reconciler/contracts/scope.ts';
import type { Source } from '../reconciler/contracts/source.ts';
import type { CopyHead, Past } from '../reconciler/contracts/state-copy.ts';
import { Desired } from '../reconciler/desired/desired.ts';
import { Guards } from '../reconciler/desired/guards.ts';
import { chooseMac, deriveMac } from '../reconciler/desired/mac.ts';
import { EarlierPaths, pathOf, pathTimes } from '../reconciler/desired/paths.ts';
import { Refusals } from '../reconciler/desired/refusals.ts';
import { fitsConfig } from '../reconciler/lease/choose.ts';
import { leaseValue } from '../reconciler/lease/value.ts';
import { Mirror } from '../reconciler/store/mirror.ts';
import type { MirrorChange } from '../reconciler/store/mirror-change.ts';
import type { AgentDeps } from './deps.ts';
import { HostView } from './host-view.ts';
import { type LeaseContext, OwnLease } from './own-lease.ts';
import { lookForPaths, type PathsSeen } from './paths-seen.ts';
import type { Round } from './round.ts';

export interface UsableConfig {
  config: NetworkConfig;
  backend: Backend;
}

/** A command that puts a config, for people to copy. */
export function putConfig(prefix: string, kind: Source['kind']): string {
  const config = '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}';
  if (kind === 'file') return `"config": ${config}`;
  if (kind === 'etcd-v2') return `ETCDCTL_API=2 etcdctl set ${configKey(prefix)} '${config}'`;
  return `etcdctl put ${configKey(prefix)} '${config}'`;
}

export class DesiredState {
  readonly mirror: Mirror;
  readonly lease: OwnLease;
  readonly host: HostView;
  desired: Desired | undefined;
  readonly #deps: AgentDeps;
  readonly #prefix: string;
  /** Networks that this host is in or has left something in, as far as subnet.env, the last good copy and this process know: what is ours is looked for there. */
  readonly #networks = new Set<string>();
  /** What the Wants were made from. */
  #signature = '';
  readonly #earlier: EarlierPaths<Backend>;
  #seen: PathsSeen | undefined;
  /** As the process before this one has left it: when our lease left a path, ms since the epoch. */
  #leftBefore: Readonly<Record<string, number>> = {};
  /** Of the own VTEP, on whichever device. */
  #mac: string | undefined;
  #built: Desired | undefined;

  constructor(deps: AgentDeps) {
    const { options } = deps;
    this.#earlier = new EarlierPaths(pathTimes(options.migrationGraceMs));
    const previous = parseSubnetEnv(deps.previousSubnetEnv);
    this.#deps = deps;
    this.#prefix = options.etcd.prefix;
    this.mirror = new Mirror(this.#prefix, { ttlSeconds: options.leaseTtlSeconds });
    this.lease = new OwnLease(deps, this.#prefix, previous.subnet);
    this.host = new HostView(deps, () => this.mirror.config);
    if (previous.network) this.#networks.add(previous.network);
  }

  /** The config in force and its backend; undefined where there is none that can be run. */
  get usable(): UsableConfig | undefined {
    const { config } = this.mirror;
    const backend = config && backendFor(config);
    return config && backend && { config, backend };
  }

  get instance(): Instance {
    return { prefix: this.#prefix, networks: [...this.#networks], subnetFile: this.#deps.options.subnetFile };
  }

  get interest(): Interest {
    const files = [this.#deps.options.subnetFile];
    const uplink = this.host.current?.uplink.name ?? '';
    return this.desired?.interest() ?? { networks: [...this.#networks], devices: [], uplink, files };
  }

  /** Takes over what the last good copy knows of this host's past. */
  recall(head: CopyHead | undefined): void {
    for (const network of [head?.network, ...(head?.earlierNetworks ?? [])]) if (network) this.#networks.add(network);
    this.#leftBefore = head?.left ?? {};
  }

  /** What the next process has to know of this one's past. */
  get past(): Past {
    const earlierNetworks = [...this.#networks].filter((network) => network !== this.mirror.config?.network);
    return { earlierNetworks, left: this.#earlier.left };
  }

  /** Forgets the earlier networks in which that round has left nothing; true if there are any. */
  forgetNetworks(round: Pick<Round, 'desired' | 'left'>): boolean {
    const current = round.desired.context.config.network;
    const earlier = [...this.#networks].filter((network) => network !== current);
    const left = new Set(round.left(earlier));
    const empty = earlier.filter((network) => !left.has(network));
    for (const network of empty) this.#networks.delete(network);
    return empty.length > 0;
  }

  /** The mirror doesn't know which store it is a mirror of, nor how one writes there. */
  #withCure(entry: HeldEntry): HeldEntry {
    if (entry.kind !== 'config' || entry.why !== 'no config' || this.mirror.config) return entry;
    const { source } = this.#deps;
    const detail = `Waiting for a network config in ${source.where} (${source.looked ?? source.kind}). To put one: ${putConfig(this.#prefix, source.kind)}`;
    return { ...entry, detail };
  }

  /** All that is held whatever a round finds. */
  get held(): HeldEntry[] {
    const held = [
      ...(this.#deps.source.held ?? []),
      ...this.mirror.held.map((entry) => this.#withCure(entry)),
      ...this.lease.held,
      ...this.host.held(),
    ];
    const { config } = this.mirror;
    const host = this.host.current;
    if (this.desired) held.push(...this.desired.held);
    else if (config && host) {
      held.push(...(backendFor(config)?.notices({ config, host }) ?? []));
      // Before there is a lease, and so before anything is written.
      const refusals = new Refusals(config, host);
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

  /** Takes a change of the mirror over into the Wants; where that has to be looked at. */
  update(change: MirrorChange): Scope {
    // A config that our lease still fits is followed before anybody's lease is judged by it.
    if (change.config && this.rebuild()) return everything();
    if (!this.desired) return scopeOf({});
    const ids = this.desired.update(change.subnets, this.mirror);
    if (change.subnets.size && this.endPaths()) return everything();
    return scopeOf({ ids, peers: change.subnets });
  }

  /** After a listing of the store: all peers anew. */
  relist(): void {
    if (!this.rebuild()) this.desired?.setAll(this.mirror);
  }

  /** The config that the Wants were made of is not the one in force any more, and ours is not a lease that fits that one. */
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
      vtepMacs: new Set(this.#seen?.links.map(({ mac }) => mac)),
      valueFor: (lease) => this.#valueFor(usable, host, lease),
      isBuilt: () => this.isBuilt,
    };
  }

  /** Notes that a whole round has found the devices of `desired` right. True if that is news. */
  noteBuilt(desired: Desired): boolean {
    if (desired !== this.desired || this.#built === desired) return false;
    this.#built = desired;
    return true;
  }

  /** The host can be reached on the config's path: it may be published. */
  get isBuilt(): boolean {
    return this.desired !== undefined && this.#built === this.desired && !this.isOutdated;
  }

  /** When an earlier path ends though nothing happens, ms since the epoch; Infinity for never. */
  nextPathEnd(): number {
    // Without a lease that fits the config nothing is made anew (rebuild).
    return this.isOutdated ? Number.POSITIVE_INFINITY : this.#earlier.nextEnd();
  }

  /** Lets go of the earlier paths whose time is over; true if the Wants were made anew for that. */
  endPaths(): boolean {
    return this.#earlier.owners.length > 0 && this.rebuild();
  }

  /**
   * Makes the Wants anew if anything that all of them depend on has changed; true if so. `published`: what our lease says in the store.
   * A lease that the config has no room for changes nothing: another one is on its way.
   */
  rebuild(own = this.lease.current, published = own?.attrs): boolean {
    const { usable } = this;
    const host = this.host.current;
    if (!usable || !host || !own || !published || !fitsConfig(usable.config, own.subnet)) return false;
    const { config, backend } = usable;
    this.#followPaths(own, published, backend);
    const earlier = this.#earlier.owners;
    const mac = vxlanData(own.attrs).mac ?? this.#mac ?? this.#derivedMac(config, host);
    const signature = JSON.stringify([config, host, own.subnet, mac, earlier.map(({ path }) => path)]);
    if (signature === this.#signature) return false;
    this.#networks.add(config.network);
    const { instance } = this;
    this.desired = new Desired({ config, own, mac, host, instance, ipMasq: this.#deps.options.ipMasq }, earlier);
    this.desired.setAll(this.mirror);
    this.#signature = signature;
    return true;
  }

  /** Which earlier paths there are: those of this process's own past and, at its start, those that are seen on the host. */
  #followPaths(own: Lease, published: LeaseAttrs, backend: Backend): void {
    const before = this.desired?.backend;
    const peers = [...this.mirror.leases.values()].filter(({ subnet }) => subnet !== own.subnet);
    const now = this.#deps.clock.now();
    if (before) this.#earlier.add(before);
    else this.#takeUpPaths(published, peers, backend, now);
    this.#earlier.remove(backend.path);
    this.#earlier.review(published, peers, backend, now);
  }

  /** Of what is seen on the host: a device that no lease names, and that ours is not known to have left, is a leftover, not a path. */
  #takeUpPaths(published: LeaseAttrs, peers: readonly Lease[], backend: Backend, now: number): void {
    const seen = [...(this.#seen?.backends ?? [])];
    // host-gw has no device that would show it, and no route either while all others are reached on another path.
    const { path } = hostGwBackend;
    const wasDirect = pathOf(published, [backend]) === path || this.#leftBefore[path] !== undefined;
    if (wasDirect && !seen.includes(hostGwBackend)) seen.push(hostGwBackend);
    const paths = [backend, ...seen.toReversed()];
    const named = new Set([published, ...peers.map(({ attrs }) => attrs)].map((attrs) => pathOf(attrs, paths)));
    for (const owner of seen) {
      const leftAt = this.#leftBefore[owner.path];
      // A time to come is a clock that was set back: it says nothing.
      const known = leftAt !== undefined && leftAt <= now ? leftAt : undefined;
      if (named.has(owner.path) || known !== undefined) this.#earlier.add(owner, known);
    }
  }

  /** Looks, once, at what this host was reached by before this process. */
  async lookAround(): Promise<void> {
    const { config } = this.mirror;
    const driver = this.#deps.drivers.find((one) => one.kinds.includes('link'));
    if (this.#seen || !driver || !config || !this.host.current) return;
    const networks = [...new Set([...this.#networks, config.network])];
    const isDirectNamed = [...this.mirror.leases.values()].some(({ attrs }) => attrs.backendType === 'host-gw');
    const interest = { ...this.interest, networks };
    this.#seen = await lookForPaths(driver, { ...this.instance, networks }, interest, isDirectNamed);
  }

  async #valueFor({ config, backend }: UsableConfig, host: Host, lease: Lease | undefined): Promise<string> {
    const names = backend.deviceNames({ config, host });
    const links = this.#seen?.links ?? [];
    const device = links.find(({ name }) => names.includes(name)) ?? links[0];
    // One for all paths: whoever still sends on an earlier one, by whichever of our leases, finds it there too.
    this.#mac = chooseMac({
      leaseMac: lease && vxlanData(lease.attrs).mac,
      deviceMac: this.#mac ?? device?.mac,
      derived: this.#derivedMac(config, host),
    });
    const own = {
      publicIP: host.publicIP,
      backendType: backend.type,
      backendData: backend.backendData({ config, host }, this.#mac),
    };
    return leaseValue(own, this.#deps.source.leaseForm);
  }

  #derivedMac(config: NetworkConfig, host: Host): string {
    const vni = config.backend.kind === 'vxlan' ? config.backend.vni : 0;
    return deriveMac({ publicIP: host.publicIP, vni, prefix: this.#prefix });
  }
}
