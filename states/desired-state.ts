/**
 * Owns what this agent knows of the desired state: the mirror of the store, our lease, the host, and the Wants made of them.
 *
 * - Wants are made anew only when something that all of them depend on changes (config, own lease, host); a peer's lease costs that peer.
 * - An unusable config changes nothing: the Wants of the last good one stay in force.
 */
import { configKey } from '../config/lease-key.ts';
import type { Lease, NetworkConfig } from '../config/model.ts';
import { parseSubnetEnv } from '../config/subnet-env.ts';
import { vxlanData } from '../config/vxlan-lease.ts';
import type { Backend } from '../reconciler/backends/backend.ts';
import { backendFor, unsupportedBackend } from '../reconciler/backends/index.ts';
import { Desired } from '../reconciler/desired.ts';
import type { Interest } from '../reconciler/driver.ts';
import type { Host, Instance } from '../reconciler/host.ts';
import { leaseValue } from '../reconciler/lease/value.ts';
import { chooseMac, deriveMac } from '../reconciler/mac.ts';
import { Mirror } from '../reconciler/mirror.ts';
import type { MirrorChange } from '../reconciler/mirror-change.ts';
import { contextOf, Ownership } from '../reconciler/ownership.ts';
import type { HeldEntry } from '../reconciler/report.ts';
import { type Scope, scopeOf } from '../reconciler/scope.ts';
import type { Source } from '../reconciler/source.ts';
import type { AgentDeps } from './deps.ts';
import { HostView } from './host-view.ts';
import { type LeaseContext, OwnLease } from './own-lease.ts';

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
  /** Networks that this host has been in, as far as its subnet.env and this process know: what is ours is looked for there. */
  readonly #networks = new Set<string>();
  /** What the Wants were made from. */
  #signature = '';

  constructor(deps: AgentDeps) {
    const { options } = deps;
    const previous = parseSubnetEnv(deps.previousSubnetEnv);
    this.#deps = deps;
    this.#prefix = options.etcd.prefix;
    this.mirror = new Mirror(this.#prefix, { ttlSeconds: options.leaseTtlSeconds });
    this.lease = new OwnLease(deps, this.#prefix, previous.subnet);
    this.host = new HostView(deps);
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

  /** One more network that this host was in. */
  addNetwork(network: string | undefined): void {
    if (network) this.#networks.add(network);
  }

  /** All that is held whatever a round finds. */
  get held(): HeldEntry[] {
    const held = [...(this.#deps.source.held ?? []), ...this.mirror.held, ...this.lease.held, ...this.host.held()];
    if (this.desired) held.push(...this.desired.held);
    const { config } = this.mirror;
    if (config && !backendFor(config)) held.push(unsupportedBackend(config, configKey(this.#prefix)));
    return held;
  }

  /** Subnets of leases that are there and can't be read: what the host has for them stays. */
  get keptSubnets(): string[] {
    return [...this.mirror.unreadableSubnets, ...(this.desired?.unreadableSubnets ?? [])];
  }

  /** Takes a change of the mirror over into the Wants; where that has to be looked at. */
  update(change: MirrorChange): Scope {
    if (!this.desired) return scopeOf({});
    const ids = this.desired.update(change.subnets, this.mirror);
    return scopeOf({ ids, peers: change.subnets });
  }

  /** After a listing of the store: all peers anew. */
  relist(): void {
    this.desired?.setAll(this.mirror);
  }

  /** What the lease is chosen for; undefined while config or host are not known. */
  leaseContext(): LeaseContext | undefined {
    const { usable } = this;
    const host = this.host.current;
    if (!usable || !host) return undefined;
    return { mirror: this.mirror, publicIP: host.publicIP, valueFor: (lease) => this.#valueFor(usable, host, lease) };
  }

  /** Makes the Wants anew if anything that all of them depend on has changed; true if so. */
  rebuild(own = this.lease.current): boolean {
    const { usable } = this;
    const host = this.host.current;
    if (!usable || !host || !own) return false;
    const { config } = usable;
    const signature = JSON.stringify([config, host, own.subnet, own.attrs]);
    if (signature === this.#signature) return false;
    this.#networks.add(config.network);
    const mac = vxlanData(own.attrs).mac ?? this.#derivedMac(config, host);
    this.desired = new Desired({ config, own, mac, host, instance: this.instance, ipMasq: this.#deps.options.ipMasq });
    this.desired.setAll(this.mirror);
    this.#signature = signature;
    return true;
  }

  async #valueFor({ config, backend }: UsableConfig, host: Host, lease: Lease | undefined): Promise<string> {
    const mac = chooseMac({
      leaseMac: lease && vxlanData(lease.attrs).mac,
      deviceMac: await this.#deviceMac(backend.deviceNames({ config, host })[0], config),
      derived: this.#derivedMac(config, host),
    });
    const own = {
      publicIP: host.publicIP,
      backendType: backend.type,
      backendData: backend.backendData({ config, host }, mac),
    };
    return leaseValue(own, this.#deps.source.leaseForm);
  }

  #derivedMac(config: NetworkConfig, host: Host): string {
    const vni = config.backend.kind === 'vxlan' ? config.backend.vni : 0;
    return deriveMac({ publicIP: host.publicIP, vni, prefix: this.#prefix });
  }

  /** The MAC of a device of that name, if it is ours or flannel's of this network. */
  async #deviceMac(name: string | undefined, config: NetworkConfig): Promise<string | undefined> {
    const driver = this.#deps.drivers.find((one) => one.kinds.includes('link'));
    if (!name || !driver) return undefined;
    const scope = scopeOf({ ids: [`link ${name}`], kinds: ['address'] });
    const { haves, complete } = await driver.list(scope, { ...this.interest, devices: [name] });
    const link = haves.find((have) => have.kind === 'link' && have.name === name);
    const instance = { ...this.instance, networks: [...this.#networks, config.network] };
    const ownership = new Ownership({ instance, desired: new Map(), ...contextOf(haves, complete) });
    return link?.kind === 'link' && ownership.ownsDevice(name) ? link.mac : undefined;
  }
}
