/**
 * Owns which of flannel's own rules take the place of ours on a host that is handed back (docs/reference/firewall.md#what-flannel-makes): what
 * flanneld would make itself at its start, so that packets pass until then, and it finds its own.
 *
 * - In the engines that are in force: flannel's iptables rules where iptables' tables are, its table of nftables where there are none, or
 *   the config asks for it. Who runs already has its own.
 * - Where Docker drops before flannel's rules are asked, they would open nothing: then ours stay, and that is said.
 */
import { acceptedMark } from '../firewall/docker-nft.ts';
import type { Range } from '../firewall/facts.ts';
import { FWD, flannelMasquerade, POSTRTG } from '../firewall/flannel.ts';
import { tagOfRule } from '../firewall/found.ts';
import { type FirewallPart, FLANNEL, type TableChain } from '../firewall/part.ts';
import { dropsInto, ruleMayDrop } from '../firewall/reach.ts';
import type { Rule } from '../firewall/rule.ts';
import { chainOf, DOCKER_USER, type Engine, type Ruleset, type TableView, tableOf } from '../firewall/ruleset.ts';
import { forwardCanDrop } from '../firewall/wanted.ts';

export interface FlannelFacts extends Range {
  /** As FLANNEL_IPMASQ says. */
  ipMasq: boolean;
  fullyRandom: boolean;
  forwardRules: boolean;
  /** EnableNFTables of the config. */
  nftables: boolean;
}

const ENGINES: readonly Engine[] = ['nft', 'legacy'];
const FORWARD_COMMENT = 'flanneld forward';
/** Jumps to what Docker lets its users say, and to what keeps its bridges apart: neither is about packets of the overlay. */
const IS_OTHERS = new RegExp(`^(${DOCKER_USER}$|DOCKER-ISOLATION-)`);

/** undefined: flannel's rules would open nothing, so that ours have to stay. */
export function flannelFirewall(facts: FlannelFacts, ruleset: Ruleset): FirewallPart[] | undefined {
  if (facts.forwardRules && isShut(ruleset, facts.subnet)) return undefined;
  if (ruleset.flanneld) return [];
  const parts: FirewallPart[] = [];
  const nat = facts.ipMasq && !facts.nftables ? ENGINES.find((engine) => hasPostrouting(ruleset, engine)) : undefined;
  if (nat) parts.push(...masquerade(nat, facts));
  const inNft = facts.nftables || (facts.ipMasq && !nat);
  if (inNft && ruleset.nft === 'usable') parts.push(nftTable(facts));
  if (facts.forwardRules && !facts.nftables)
    for (const engine of ENGINES)
      if (forwardCanDrop(tableOf(ruleset, engine, 'filter'))) parts.push(...forward(engine, facts));
  return parts;
}

const hasPostrouting = (ruleset: Ruleset, engine: Engine): boolean =>
  chainOf(tableOf(ruleset, engine, 'nat'), 'POSTROUTING') !== undefined;

/** Whether something drops what comes over the overlay before the end of FORWARD, where flannel appends its jump. */
function isShut(ruleset: Ruleset, subnet: string): boolean {
  if (acceptedMark(ruleset) !== undefined) return true;
  return ENGINES.some((engine) => {
    const raw = chainOf(tableOf(ruleset, engine, 'raw'), 'PREROUTING');
    if (raw?.rules.some((rule) => dropsInto(rule, subnet))) return true;
    const filter = tableOf(ruleset, engine, 'filter');
    return filter !== undefined && (chainOf(filter, 'FORWARD')?.rules ?? []).some((rule) => dropsBefore(rule, filter));
  });
}

function dropsBefore(rule: Rule, filter: TableView): boolean {
  const { verdict } = rule;
  if (tagOfRule(rule) !== undefined) return false;
  if (verdict.to === 'jump' && IS_OTHERS.test(verdict.chain)) return false;
  return ruleMayDrop(rule, filter);
}

function masquerade(engine: Engine, facts: FlannelFacts): FirewallPart[] {
  const common = { kind: 'firewall', engine, family: 'ip', table: 'nat', tag: FLANNEL } as const;
  const jump: Rule = { comment: 'flanneld masq', verdict: { to: 'jump', chain: POSTRTG } };
  return [
    { ...common, part: 'chain', chain: POSTRTG, rules: flannelMasquerade(facts, facts.fullyRandom) },
    { ...common, part: 'rules', chain: 'POSTROUTING', rules: [jump], place: 'last', inPlace: true },
  ];
}

function forward(engine: Engine, { network }: FlannelFacts): FirewallPart[] {
  const common = { kind: 'firewall', engine, family: 'ip', table: 'filter', tag: FLANNEL } as const;
  const jump: Rule = { comment: FORWARD_COMMENT, verdict: { to: 'jump', chain: FWD } };
  return [
    { ...common, part: 'chain', chain: FWD, rules: accepts(network, FORWARD_COMMENT) },
    { ...common, part: 'rules', chain: 'FORWARD', rules: [jump], place: 'last', inPlace: true },
  ];
}

const accepts = (net: string, comment?: string): Rule[] =>
  [{ src: { net } }, { dst: { net } }].map((match) => ({
    ...match,
    ...(comment === undefined ? {} : { comment }),
    verdict: { to: 'accept' },
  }));

/** As v0.25 and later make it; one that uses iptables deletes it at its start. */
function nftTable(facts: FlannelFacts): FirewallPart {
  const { network, subnet, ipMasq, forwardRules, fullyRandom } = facts;
  const [N, S] = [{ net: network }, { net: subnet }];
  const [RETURN, verdict] = [{ to: 'return' } as const, { to: 'masquerade', fullyRandom } as const];
  const nat: Rule[] = [
    { src: S, dst: N, verdict: RETURN },
    { src: N, dst: S, verdict: RETURN },
    { src: { ...S, not: true }, dst: N, verdict: RETURN },
    { src: N, dst: { net: '224.0.0.0/4', not: true }, verdict },
    { src: { ...N, not: true }, dst: N, verdict },
  ];
  const chains: TableChain[] = [
    {
      name: 'postrtg',
      base: { type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' },
      rules: ipMasq ? nat : [],
    },
    {
      name: 'forward',
      base: { type: 'filter', hook: 'forward', priority: 0, policy: 'accept' },
      rules: forwardRules ? accepts(network) : [],
    },
  ];
  const comment = 'rules for flannel-ipv4';
  return {
    kind: 'firewall',
    engine: 'nft',
    family: 'ip',
    table: 'flannel-ipv4',
    tag: FLANNEL,
    part: 'table',
    comment,
    chains,
    sets: [],
  };
}
