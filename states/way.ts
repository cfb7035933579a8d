/**
 * Owns the companion that asks the kernel whether packets take our routes (reconciler/plan/detours.ts). It changes nothing.
 *
 * - A whole pass looks for what may come before them; an edge about single peers asks for those only.
 */

import { contains } from '../config/ipv4.ts';
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import type { Routing } from '../reconciler/contracts/routing.ts';
import type { Scope } from '../reconciler/contracts/scope.ts';
import type { Desired } from '../reconciler/desired/desired.ts';
import { splitId } from '../reconciler/kinds/index.ts';
import { type DetourView, detoursOf, findDetours } from '../reconciler/plan/detours.ts';
import type { Companion, CompanionInterest, CompanionReport, Looked } from './companion.ts';

/** An edge about more peers than this is left to the next whole pass. */
const FEW = 32;

export class WayCompanion implements Companion {
  readonly name = 'way';
  readonly wakeAt = undefined;
  readonly #routing: () => Routing;
  /** What to look at when the round's changes are made: everything, or these subnets. */
  #look: { view: DetourView; subnets: readonly string[] | 'all' } | undefined;
  #held: readonly HeldEntry[] = [];

  constructor(routing: () => Routing) {
    this.#routing = routing;
  }

  interests(): CompanionInterest {
    return { devices: [], files: [] };
  }

  async lookFor(desired: Desired, scope: Scope): Promise<Looked | undefined> {
    const subnets = concerned(desired, scope);
    if (subnets !== 'all' && subnets.length === 0) return undefined;
    this.#look = { view: viewOf(desired), subnets };
    return { files: [] };
  }

  decide(): boolean {
    const look = this.#look;
    this.#look = undefined;
    if (!look) return false;
    try {
      const { view, subnets } = look;
      if (subnets === 'all') this.#held = findDetours(this.#routing(), view);
      else this.#held = merged(this.#held, detoursOf(subnets, this.#routing(), view));
    } catch {
      // What can't be asked is nobody's fault; the listing of the round says what is wrong with netlink.
      this.#held = [];
    }
    return false;
  }

  async act(): Promise<void> {}

  report(): CompanionReport {
    return { held: this.#held, sections: {}, drift: [], outcomes: [] };
  }

  close(): void {}
}

function merged(before: readonly HeldEntry[], found: readonly HeldEntry[]): HeldEntry[] {
  const keys = new Set(found.map(({ key }) => key));
  return [...before.filter(({ key }) => !keys.has(key)), ...found];
}

/** A route inside the Network that nobody wants may come before ours, or be one that did. */
function concerned(desired: Desired, scope: Scope): readonly string[] | 'all' {
  const { config } = desired.context;
  if (scope.all || scope.kinds.has('route')) return 'all';
  const subnets = new Set(scope.peers);
  for (const id of scope.ids) {
    const peer = desired.peerOfId(id);
    if (peer !== undefined) subnets.add(peer);
    else if (id.startsWith('route ')) {
      const dst = splitId(id).key.split('|')[1] ?? '';
      if (contains(config.network, dst) && !dst.endsWith(`/${config.subnetLen}`)) return 'all';
    }
  }
  return subnets.size > FEW ? [] : [...subnets].filter((subnet) => desired.idsOfPeer(subnet).length > 0);
}

function viewOf(desired: Desired): DetourView {
  const { config, own, host } = desired.context;
  const bridge = host.guards?.find(({ of, range, dev }) => of === 'containers' && dev && contains(own.subnet, range));
  return {
    network: config.network,
    length: config.subnetLen,
    own: own.subnet,
    uplink: host.uplink.name,
    devices: desired.deviceWants.flatMap((want) => (want.kind === 'link' ? want.name : [])),
    bridge: bridge?.dev,
    *peers() {
      for (const want of desired.wants.values()) if (want.kind === 'route') yield want.dst;
    },
  };
}
