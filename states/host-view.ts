/** Owns how the host is seen: its external interface chosen anew whenever its facts may have changed, and what must stay in reach. */
import { contains } from '../config/ipv4.ts';
import type { NetworkConfig } from '../config/model.ts';
import type { Host, HostFacts } from '../reconciler/contracts/host.ts';
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import type { Scope } from '../reconciler/contracts/scope.ts';
import { guardsOf } from '../reconciler/desired/guards.ts';
import { bare, isFlannels } from '../reconciler/desired/interfaces.ts';
import { chooseUplink, type UplinkChoice } from '../reconciler/desired/uplink.ts';
import { isContainers } from '../reconciler/lease/address.ts';
import type { AgentDeps } from './deps.ts';

export class HostView {
  /** The host as it could last be made out; it stays when the interface is away for a moment. */
  current: Host | undefined;
  /** Hardware address of the external interface. */
  nic = '';
  /** Why there is no external interface now, as a sentence. */
  problem: string | undefined;
  #passedOver: UplinkChoice['passedOver'] = [];
  readonly #deps: Pick<AgentDeps, 'host' | 'options'>;
  readonly #config: () => NetworkConfig | undefined;

  /** `config`: the network's, inside of which no uplink is. */
  constructor(deps: Pick<AgentDeps, 'host' | 'options'>, config: () => NetworkConfig | undefined = () => undefined) {
    this.#deps = deps;
    this.#config = config;
  }

  /** Interfaces of others that something is not done for: they are watched. */
  get inTheWay(): string[] {
    return [...new Set(this.current?.guards?.flatMap(({ dev, of }) => (of === 'uplink' || !dev ? [] : dev)))];
  }

  /** Where packets of the network come in, beside our own devices: containers' bridges, and the uplink if peers are reached without a tunnel. */
  #notForwarding(): HeldEntry[] {
    const config = this.#config();
    if (!config || !this.current) return [];
    const { uplink, guards = [] } = this.current;
    const devices = guards.flatMap(({ of, range, dev }) =>
      of === 'containers' && contains(config.network, range) ? dev : [],
    );
    const isDirect =
      config.backend.kind === 'host-gw' || ('directRouting' in config.backend && config.backend.directRouting);
    if (isDirect) devices.push(uplink.name);
    return [...new Set(devices)].flatMap((dev) => {
      const key = `net.ipv4.conf.${dev.replaceAll('.', '/')}.forwarding`;
      if (this.#deps.host.sysctl(key) !== '0') return [];
      const detail = `${key} is 0, so this host drops what comes in by ${dev} for other hosts; set it: sysctl -w ${key}=1`;
      return [{ kind: 'sysctl' as const, key, why: 'forwarding is off', detail, unmet: false }];
    });
  }

  /** Whether what has to be looked at may be about the facts. */
  isConcernedBy({ links, ids }: Scope, config: NetworkConfig | undefined): boolean {
    if (links.has(this.current?.uplink.name ?? '') || this.inTheWay.some((dev) => links.has(dev))) return true;
    if (!config) return false;
    // A route inside the Network that is no subnet's: an interface may have come or gone that has a whole part of it.
    for (const id of ids) if (id.startsWith('route ') && !id.includes(`/${config.subnetLen}|`)) return true;
    return false;
  }

  /** Reads the facts and chooses; true if the host is another one than before for those who build on it. */
  async refresh(): Promise<boolean> {
    const { host, options } = this.#deps;
    const facts = await host.facts();
    const config = this.#config();
    const inNetwork = config && ((address: string) => isContainers(config, address));
    const { uplink, problem, passedOver } = chooseUplink(facts, {
      ...options,
      ...(inNetwork && { isContainers: inNetwork }),
    });
    this.problem = problem;
    this.#passedOver = passedOver;
    if (!uplink) return false;
    this.nic = facts.interfaces.find(({ name }) => name === uplink.name)?.mac ?? '';
    const next: Host = {
      hostname: host.hostname,
      uplink: { name: uplink.name, mtu: uplink.mtu, address: uplink.address, networks: uplink.networks },
      publicIP: uplink.publicIP,
      nexthopObjects: host.nexthopObjects(),
      guards: guardsOf(facts, uplink),
      addresses: addressesOf(facts),
    };
    const changed = JSON.stringify(next) !== JSON.stringify(this.current);
    this.current = next;
    return changed;
  }

  /** What on this host keeps a right configuration from working, without being ours to change. */
  held(): HeldEntry[] {
    const held = this.#passedOver.map(({ route, reason }) => passedOverEntry(route, reason, this.current?.uplink.name));
    if (this.problem !== undefined) {
      held.push({
        kind: 'link',
        key: this.current?.uplink.name ?? '*',
        why: 'no external interface',
        detail: this.problem,
        unmet: true,
      });
    }
    if (this.#deps.host.sysctl('net.ipv4.ip_forward') === '0') {
      const detail =
        'net.ipv4.ip_forward is 0, so this host does not pass packets between containers and the overlay; set it: sysctl -w net.ipv4.ip_forward=1';
      held.push({ kind: 'sysctl', key: 'net.ipv4.ip_forward', why: 'forwarding is off', detail, unmet: false });
    } else held.push(...this.#notForwarding());
    const filter = strictFilter(this.current?.uplink.name, this.#deps.host.sysctl);
    if (filter) held.push(filter);
    return held;
  }
}

function addressesOf({ interfaces }: HostFacts): string[] {
  const links = interfaces.filter((link) => !link.loopback && !isFlannels(link));
  return [...new Set(links.flatMap(({ addresses }) => addresses.map(({ address }) => bare(address))))].sort();
}

/** The kernel sends what leaves this host there, whatever we choose. */
function passedOverEntry(
  { dev, metric }: UplinkChoice['passedOver'][number]['route'],
  reason: string,
  uplink: string | undefined,
): HeldEntry {
  const flannels = isFlannels({ name: dev });
  const metricText = metric ? ` metric ${metric}` : '';
  const cure = flannels
    ? `take it away (ip route del default dev ${dev}${metricText}), and keep DHCP clients off ${dev}`
    : `name ${dev} with --iface if it is the right one`;
  const instead = uplink === undefined ? '' : `, so other hosts are reached by ${uplink}`;
  const detail = `The default route on ${dev}${metricText} is passed over: ${reason}${instead}; ${cure}.`;
  return { kind: 'route', key: `254|0.0.0.0/0|0|${metric}`, why: `default route on ${dev}`, detail, unmet: false };
}

/** The kernel takes the higher of the two settings; 1 drops what comes on another way than it would be answered on. */
function strictFilter(uplink: string | undefined, sysctl: (name: string) => string | undefined): HeldEntry | undefined {
  if (uplink === undefined) return undefined;
  const key = `net.ipv4.conf.${uplink.replaceAll('.', '/')}.rp_filter`;
  const values = ['net.ipv4.conf.all.rp_filter', key].map((name) => Number(sysctl(name) ?? 0));
  if (Math.max(...values) !== 1) return undefined;
  const detail = `${uplink} filters strictly by reverse path, so packets are lost while hosts move to or from host-gw or DirectRouting, one after the other; before such a change: sysctl -w ${key}=2`;
  return { kind: 'sysctl', key, why: 'strict reverse path', detail, unmet: false };
}
