/**
 * Owns what the agent concludes about the firewall before a round: which parts this host should have, given what is in force on it. The
 * round makes them, like any resource (kind `firewall`).
 *
 * - It looks when the firewall, Docker's bridge or everything is in question. A peer's lease costs that peer: one address in a set, if it is
 *   reached without a tunnel, else nothing.
 */
import { foreign } from '../config/foreign-text.ts';
import type { Driver, Outcome } from '../reconciler/contracts/driver.ts';
import type { Culprit, HeldEntry } from '../reconciler/contracts/report.ts';
import type { Scope } from '../reconciler/contracts/scope.ts';
import type { Desired } from '../reconciler/desired/desired.ts';
import type { InputChain } from '../reconciler/doctor/input.ts';
import type { FirewallFacts, Range } from '../reconciler/firewall/facts.ts';
import { firewallNotices } from '../reconciler/firewall/notices.ts';
import { tagOf } from '../reconciler/firewall/part.ts';
import { earlierNetworks, rangesLivedIn } from '../reconciler/firewall/ranges.ts';
import type { Ruleset } from '../reconciler/firewall/ruleset.ts';
import { PEERS_SET } from '../reconciler/firewall/table.ts';
import { hasUfw, tunnelPortOf, ufwNotices } from '../reconciler/firewall/ufw.ts';
import { wantedParts } from '../reconciler/firewall/wanted.ts';
import { type FirewallPart, idOf, MAIN_TABLE, type Want } from '../reconciler/kinds/index.ts';
import { flannelFirewall } from '../reconciler/leave/flannel-firewall.ts';
import {
  type Companion,
  type CompanionInterest,
  type CompanionReport,
  type HandBackView,
  type HandBackWants,
  isConcerned,
  type Looked,
} from './companion.ts';
import type { AgentDeps } from './deps.ts';

export interface FirewallEyes extends Driver {
  see(): Ruleset;
  /** Who made the last change that was not ours, once; undefined where nobody is known. */
  takeCulprit(): Culprit | undefined;
  /** The chains by which packets come into this host, judged for the tunnel's; undefined: they may not be looked at. */
  input?(packet: { port: number; uplink: string }): Promise<readonly InputChain[] | undefined>;
}

export class FirewallCompanion implements Companion {
  readonly name = 'firewall';
  readonly wakeAt = undefined;
  readonly #deps: Pick<AgentDeps, 'options' | 'log' | 'host'>;
  readonly #eyes: FirewallEyes;
  #held: HeldEntry[] = [];
  #culprits = new Map<string, Culprit>();
  /** Interfaces by whose addresses an earlier network is still lived in. */
  #livedOn: string[] = [];
  /** Public IPs of the peers that are reached without a tunnel, by subnet; undefined before the first look. */
  #direct: Map<string, string> | undefined;

  constructor(deps: Pick<AgentDeps, 'options' | 'log' | 'host'>, eyes: FirewallEyes) {
    this.#deps = deps;
    this.#eyes = eyes;
  }

  interests(): CompanionInterest {
    return { devices: [this.#deps.options.docker.bridge, ...this.#livedOn], files: [] };
  }

  async lookFor(desired: Desired, scope: Scope): Promise<Looked | undefined> {
    if (!desired.hostSubnet()) return undefined;
    const isAboutIt = isConcerned(this, scope) || scope.kinds.has('firewall') || hasPart(scope);
    const change = isAboutIt ? undefined : this.#followPeers(desired, scope.peers);
    if (change) return { files: [], change };
    if (!isAboutIt && !this.#isFirstDirect(desired, scope.peers)) return undefined;
    const ruleset = this.#eyes.see();
    // Half of it would make half of our rules unwanted; the round's own listing says what is wrong.
    if (ruleset.problem !== undefined) return { files: [] };
    const facts = await this.#factsOf(desired, ruleset);
    this.#held = [
      ...firewallNotices(facts, ruleset, this.#deps.options.docker.daemonJson),
      ...(await this.#ofUfw(desired, ruleset)),
    ];
    return { files: [], wants: ruleset.nft === 'denied' ? [] : wantedParts(facts, ruleset) };
  }

  /** Says who it was that had changed what this round has put back. */
  decide(outcomes: readonly Outcome[] | undefined): boolean {
    const seen = this.#eyes.takeCulprit();
    const culprit = seen && { ...seen, name: foreign(seen.name) };
    const made = (outcomes ?? []).filter(
      ({ change, result }) => change.id.startsWith('firewall ') && result === 'done',
    );
    this.#culprits = new Map(culprit && made.map(({ change }) => [change.id, culprit]));
    if (culprit && made.length > 0) {
      const { name, pid } = culprit;
      const message = `The firewall was changed by ${name} (process ${pid}); what it took of selvage's rules is back: ${made.map(({ change }) => change.id).join(', ')}.`;
      this.#deps.log.info({ firewall: { by: name, pid } }, message);
    }
    return false;
  }

  async act(): Promise<void> {}

  report(): CompanionReport {
    return { held: this.#held, sections: {}, drift: [], outcomes: [], culprits: this.#culprits };
  }

  handBack({ nftables, ipMasq, ...range }: HandBackView): HandBackWants {
    const { fullyRandom, forwardRules } = this.#deps.options.firewall;
    const ruleset = this.#eyes.see();
    if (ruleset.problem !== undefined || ruleset.nft === 'denied') return { wants: undefined, held: [] };
    const wants = flannelFirewall({ ...range, ipMasq, nftables, fullyRandom, forwardRules }, ruleset);
    if (wants) return { wants, held: [] };
    const detail =
      "selvage's firewall rules stay: Docker drops what comes from other hosts before flannel's own rules are asked, so that without them this host's containers would be cut off; docs/firewall.md says how to take them away.";
    return { wants, held: [{ kind: 'firewall', key: '*', why: "Docker's rules", detail, unmet: false }] };
  }

  close(): void {}

  async #ofUfw({ backend, context }: Desired, ruleset: Ruleset): Promise<HeldEntry[]> {
    const port = hasUfw(ruleset) ? tunnelPortOf(backend?.device(context) ?? []) : undefined;
    if (port === undefined) return [];
    const chains = await this.#eyes.input?.({ port, uplink: context.host.uplink.name });
    return chains ? ufwNotices(chains, port) : [];
  }

  async #factsOf(desired: Desired, ruleset: Ruleset): Promise<FirewallFacts> {
    const { config, own, instance, host } = desired.context;
    const { ipMasq, firewall } = this.#deps.options;
    const tag = tagOf(instance.prefix);
    const tunnels = desired.deviceWants.flatMap((want) => (want.kind === 'link' ? want.name : []));
    this.#direct = directPeers(desired);
    const earlier = earlierNetworks(config.network, instance.networks, tag, ruleset);
    const ranges: Range[] = [{ network: config.network, subnet: own.subnet }];
    this.#livedOn = [];
    if (earlier.length > 0) {
      const { interfaces } = await this.#deps.host.facts();
      for (const { dev, ...range } of rangesLivedIn(earlier, interfaces, tunnels)) {
        this.#livedOn.push(dev);
        ranges.push(range);
      }
    }
    return {
      tag,
      prefix: instance.prefix,
      ranges,
      tunnels,
      direct: this.#direct.size > 0 ? host.uplink.name : undefined,
      directPeers: [...new Set(this.#direct.values())],
      ipMasq,
      fullyRandom: firewall.fullyRandom,
      forwardRules: firewall.forwardRules,
    };
  }

  /** A lease that came, went or moved: what changes in the set of peers; undefined if it takes a whole look, or nothing has changed. */
  #followPeers(desired: Desired, subnets: ReadonlySet<string>): Looked['change'] {
    const direct = this.#direct;
    if (!direct || direct.size === 0 || !this.#deps.options.firewall.forwardRules) return undefined;
    const add: Want[] = [];
    const remove: string[] = [];
    for (const subnet of subnets) {
      const [before, now] = [direct.get(subnet), directPeer(desired, subnet)];
      if (before === now) continue;
      if (now === undefined) direct.delete(subnet);
      else {
        direct.set(subnet, now);
        add.push(elementOf(desired, now));
      }
      // Another lease may name the same host.
      if (before !== undefined && ![...direct.values()].includes(before)) remove.push(idOf(elementOf(desired, before)));
    }
    // The last one takes the set along, and what asks for it.
    if (direct.size === 0) {
      this.#direct = undefined;
      return undefined;
    }
    return add.length + remove.length > 0 ? { add, remove } : undefined;
  }

  /** The first peer that is reached without a tunnel: the set has to be made. */
  #isFirstDirect(desired: Desired, subnets: ReadonlySet<string>): boolean {
    if (this.#direct === undefined) return subnets.size > 0;
    return this.#direct.size === 0 && [...subnets].some((subnet) => directPeer(desired, subnet) !== undefined);
  }
}

const hasPart = ({ ids }: Scope): boolean => {
  for (const id of ids) if (id.startsWith('firewall ')) return true;
  return false;
};

function elementOf({ context }: Desired, address: string): FirewallPart {
  const tag = tagOf(context.instance.prefix);
  return { kind: 'firewall', part: 'element', engine: 'nft', family: 'ip', table: tag, tag, set: PEERS_SET, address };
}

/** The public IP of the peer, if its route goes straight to it over the external interface. */
function directPeer({ wants, context }: Desired, subnet: string): string | undefined {
  const route = wants.get(`route ${MAIN_TABLE}|${subnet}|0|0`);
  return route?.kind === 'route' && route.dev === context.host.uplink.name ? route.gateway : undefined;
}

function directPeers({ wants, context }: Desired): Map<string, string> {
  const uplink = context.host.uplink.name;
  const direct = new Map<string, string>();
  for (const want of wants.values())
    if (want.kind === 'route' && want.dev === uplink && want.gateway !== '') direct.set(want.dst, want.gateway);
  return direct;
}
