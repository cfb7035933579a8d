/** Owns how the host is seen: its external interface chosen anew whenever its facts may have changed. */
import type { Host } from '../reconciler/host.ts';
import type { HeldEntry } from '../reconciler/report.ts';
import { chooseUplink } from '../reconciler/uplink.ts';
import type { AgentDeps } from './deps.ts';

export class HostView {
  /** The last one that could be made out; it stays when the interface is away for a moment. */
  current: Host | undefined;
  /** Why there is none now, as a sentence. */
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
      uplink: { name: uplink.name, mtu: uplink.mtu, address: uplink.address },
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
    return held;
  }
}
