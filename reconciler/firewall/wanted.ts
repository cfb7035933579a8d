/**
 * Owns which rules a host should have: a pure function of its networks, its devices, and what is in force on it.
 *
 * - An ACCEPT opens nothing that another chain on the hook drops, so forward rules stand inside the chain that drops (docs/firewall.md).
 * - NAT is the other way round: the first chain that settles it wins, so a table of our own, one step before everybody's, is enough.
 * - Rules are narrow: what comes over our device to our subnet, not all that has an address of the network.
 */
import type { FirewallFacts, Range } from './facts.ts';
import { flannelMasquerade, POSTRTG } from './flannel.ts';
import { type FirewallPart, FLANNEL, forwardChain } from './part.ts';
import { chainMayDrop, dropsInto, jumpTo } from './reach.ts';
import type { Rule } from './rule.ts';
import { chainOf, DOCKER_USER, type Engine, type Ruleset, type TableView, tableOf } from './ruleset.ts';
import { ownTable, PEERS_MARK } from './table.ts';

/** The parts that should be, in no particular order. */
export function wantedParts(facts: FirewallFacts, ruleset: Ruleset): FirewallPart[] {
  const nft = ruleset.nft !== 'absent';
  const parts: FirewallPart[] = nft ? ownTable(facts, ruleset) : legacyMasquerade(facts);
  if (!facts.forwardRules) return parts;
  for (const engine of ['nft', 'legacy'] as const) {
    parts.push(...forwardParts(facts, engine, tableOf(ruleset, engine, 'filter'), nft));
    parts.push(...rawParts(facts, engine, tableOf(ruleset, engine, 'raw'), nft));
  }
  return parts;
}

/** Whether packets are dropped in an engine's FORWARD, or Docker, which may do so at any time, has been there. */
export const forwardCanDrop = (filter: TableView | undefined): filter is TableView =>
  filter?.chains.has('FORWARD') === true && (filter.chains.has(DOCKER_USER) || chainMayDrop('FORWARD', filter));

/** The chain that ours is called from. */
export function callerOf(filter: TableView): 'FORWARD' | typeof DOCKER_USER {
  const forward = chainOf(filter, 'FORWARD');
  if (!forward || !filter.chains.has(DOCKER_USER)) return 'FORWARD';
  const at = jumpTo(forward, DOCKER_USER);
  // Where Docker's own chains come first, they may have dropped what was to be accepted behind them.
  const isDockers = ({ verdict }: Rule): boolean => verdict.to === 'jump' && verdict.chain.startsWith('DOCKER');
  return at < 0 || forward.rules.slice(0, at).some(isDockers) ? 'FORWARD' : DOCKER_USER;
}

function forwardParts(
  facts: FirewallFacts,
  engine: Engine,
  filter: TableView | undefined,
  nft: boolean,
): FirewallPart[] {
  if (!forwardCanDrop(filter)) return [];
  const { tag } = facts;
  const chain = forwardChain(tag);
  const common = { kind: 'firewall', engine, family: 'ip', table: 'filter', tag } as const;
  const caller = callerOf(filter);
  const jump: Rule = { comment: tag, verdict: { to: 'jump', chain } };
  return [
    { ...common, part: 'chain', chain, rules: forwardRules(facts, nft) },
    {
      ...common,
      part: 'rules',
      chain: caller,
      rules: [jump],
      place: caller === 'FORWARD' ? 'first' : 'last',
      inPlace: true,
    },
  ];
}

const ACCEPT = { to: 'accept' } as const;
const tidy = (net: string): string => (net.includes('/') ? net : `${net}/32`);

/** Both ways over each tunnel; over the external interface from and to the network, and from and to the peers themselves. */
function forwardRules({ ranges, tunnels, direct, directPeers }: FirewallFacts, nft: boolean): Rule[] {
  const rules: Rule[] = [];
  for (const { network, subnet } of ranges) {
    const [src, dst] = [{ net: subnet }, { net: subnet }];
    for (const name of tunnels) {
      rules.push({ dst, in: { name }, verdict: ACCEPT });
      rules.push({ src, out: { name }, verdict: ACCEPT });
    }
    if (direct === undefined) continue;
    const name = direct;
    rules.push({ src: { net: network }, dst, in: { name }, verdict: ACCEPT });
    rules.push({ src, dst: { net: network }, out: { name }, verdict: ACCEPT });
    if (nft) {
      rules.push({ dst, in: { name }, mark: PEERS_MARK, verdict: ACCEPT });
      rules.push({ src, out: { name }, mark: PEERS_MARK, verdict: ACCEPT });
      continue;
    }
    for (const peer of directPeers.map(tidy)) {
      rules.push({ src: { net: peer }, dst, in: { name }, verdict: ACCEPT });
      rules.push({ src, dst: { net: peer }, out: { name }, verdict: ACCEPT });
    }
  }
  return rules;
}

/** Docker ≥ 28 drops in `raw` what comes to a container by another way than its bridge. */
function rawParts(facts: FirewallFacts, engine: Engine, raw: TableView | undefined, nft: boolean): FirewallPart[] {
  const chain = 'PREROUTING';
  const prerouting = chainOf(raw, chain);
  if (!raw || !prerouting) return [];
  const rules = facts.ranges
    .filter(({ subnet }) => prerouting.rules.some((rule) => dropsInto(rule, subnet)))
    .flatMap((range) => rawRules(facts, range, nft));
  if (rules.length === 0) return [];
  const common = { kind: 'firewall', engine, family: 'ip', table: 'raw', tag: facts.tag } as const;
  return [{ ...common, part: 'rules', chain, rules, place: 'first', inPlace: true }];
}

function rawRules(
  { tag, tunnels, direct, directPeers }: FirewallFacts,
  { network, subnet }: Range,
  nft: boolean,
): Rule[] {
  const comment = tag;
  const dst = { net: subnet };
  const from = (name: string): Rule => ({ src: { net: network }, dst, in: { name }, comment, verdict: ACCEPT });
  const rules = tunnels.map(from);
  if (direct === undefined) return rules;
  rules.push(from(direct));
  if (nft) rules.push({ dst, in: { name: direct }, mark: PEERS_MARK, comment, verdict: ACCEPT });
  else
    for (const peer of directPeers.map(tidy))
      rules.push({ src: { net: peer }, dst, in: { name: direct }, comment, verdict: ACCEPT });
  return rules;
}

/** Without nf_tables: flannel's own text (v0.28), so that flannel, back again, knows it for its own. */
function legacyMasquerade({ ranges, ipMasq, fullyRandom }: FirewallFacts): FirewallPart[] {
  if (!ipMasq) return [];
  const comment = 'flanneld masq';
  const common = { kind: 'firewall', engine: 'legacy', family: 'ip', table: 'nat', tag: FLANNEL } as const;
  return [
    {
      ...common,
      part: 'chain',
      chain: POSTRTG,
      rules: ranges.flatMap((range) => flannelMasquerade(range, fullyRandom)),
    },
    {
      ...common,
      part: 'rules',
      chain: 'POSTROUTING',
      rules: [{ comment, verdict: { to: 'jump', chain: POSTRTG } }],
      place: 'last',
      inPlace: true,
    },
  ];
}
