/** Owns how the host is seen: its external interface chosen anew whenever its facts may have changed. */
import type { Host } from '../reconciler/contracts/host.ts';
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import { chooseUplink } from '../reconciler/desired/uplink.ts';
import type { AgentDeps } from './deps.ts';

export class HostView {
  /** The host as it could last be made out; it stays when the interface is away for a moment. */
  current: Host | undefined;
  /** Why there is no external interface now, as a sentence. */
  problem: string | undefined;
  readonly #deps: AgentDeps;

  constructor(deps: AgentDeps) {
    this.#deps = deps;
  }

  /** Reads the facts and chooses; true if the host is another one than before for those who build on it. */
  async refresh(): Promise<boolean> {
    const { host, options } = this.#deps;
    const { uplink, problem } = chooseUplink(await host.facts(), options);
    this.problem = problem;
    if (!uplink) return false;
    const next: Host = {
      hostname: host.hostname,
      uplink: { name: uplink.name, mtu: uplink.mtu, address: uplink.address, networks: uplink.networks },
      publicIP: uplink.publicIP,
      nexthopObjects: host.nexthopObjects(),
    };
    const changed = JSON.stringify(next) !== JSON.stringify(this.current);
    this.current = next;
    return changed;
  }

  /** What on this host keeps a right configuration from working, without being ours to change. */
  held(): HeldEntry[] {
    const held: HeldEntry[] = [];
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
    }
    const filter = strictFilter(this.current?.uplink.name, this.#deps.host.sysctl);
    if (filter) held.push(filter);
    return held;
  }
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
