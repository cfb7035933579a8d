/**
 * Owns flannel's own rules, to the letter, in the five forms that it has had: iptables v0.11 (bare), v0.16 (commented), v0.20 (in chains),
 * v0.22 (with the mark), and nftables (v0.25). Which version has which: docs/reference. An upgraded flannel leaves the older ones behind.
 *
 * - A rule is flannel's if it is one that flannel makes for one of our networks. One for another network stays, whoever made it.
 */
import { contains } from '../../config/ipv4.ts';
import { type FirewallPart, FLANNEL } from './part.ts';
import { iptablesText, type Rule } from './rule.ts';
import type { Ruleset, TableView } from './ruleset.ts';

export const POSTRTG = 'FLANNEL-POSTRTG';
export const FWD = 'FLANNEL-FWD';
const MASQ = 'flanneld masq';
const FORWARD = 'flanneld forward';
const MULTICAST = '224.0.0.0/4';
const RETURN = { to: 'return' } as const;

/** FLANNEL-POSTRTG of v0.28 for one network. */
export function flannelMasquerade(
  { network, subnet }: { network: string; subnet: string },
  fullyRandom: boolean,
): Rule[] {
  const [N, S] = [{ net: network }, { net: subnet }];
  const verdict = { to: 'masquerade', fullyRandom } as const;
  const rules: Rule[] = [
    { mark: { value: 0x4000, mask: 0x4000 }, verdict: RETURN },
    { src: S, dst: N, verdict: RETURN },
    { src: N, dst: S, verdict: RETURN },
    { src: { ...N, not: true }, dst: S, verdict: RETURN },
    { src: N, dst: { net: MULTICAST, not: true }, verdict },
    { src: { ...N, not: true }, dst: N, verdict },
  ];
  return rules.map((rule) => ({ ...rule, comment: MASQ }));
}

/** Whether flannel makes a rule like this one for one of the networks. */
function isFlannels(rule: Rule, comment: string | undefined, networks: readonly string[]): boolean {
  if (rule.comment !== comment || rule.in || rule.out || rule.srcSet || rule.dstSet || rule.opaque) return false;
  const { src, dst, verdict } = rule;
  if (!src && !dst) return rule.mark?.value === 0x4000 && rule.mark.mask === 0x4000 && verdict.to === 'return';
  if (rule.mark) return false;
  const isNet = (net: string | undefined): boolean => net !== undefined && networks.includes(net);
  const isPart = (net: string | undefined, of: string | undefined): boolean =>
    net !== undefined && networks.some((network) => contains(network, net) && (of === undefined || of === network));
  switch (verdict.to) {
    case 'return': {
      if (dst?.not) return false;
      if (src?.not) return isNet(src.net) && isPart(dst?.net, src.net);
      return (isNet(dst?.net) && isPart(src?.net, dst?.net)) || (isNet(src?.net) && isPart(dst?.net, src?.net));
    }
    case 'masquerade':
      if (src?.not) return isNet(src.net) && dst !== undefined && !dst.not && dst.net === src.net;
      return isNet(src?.net) && dst?.net === MULTICAST && dst.not === true;
    case 'accept':
      return src && dst ? false : isNet((src ?? dst)?.net) && !(src ?? dst)?.not;
    default:
      return false;
  }
}

/** What flannel has left for these networks, as parts that may be taken away; `rules` in others' chains name the very rules. */
export function flannelParts(ruleset: Ruleset, networks: readonly string[]): FirewallPart[] {
  return ruleset.tables.flatMap((table) => {
    if (table.name === 'nat') return chainForm(table, networks, 'POSTROUTING', POSTRTG, MASQ);
    if (table.name === 'filter') return chainForm(table, networks, 'FORWARD', FWD, FORWARD);
    return table.engine === 'nft' ? nftForm(table, ruleset, networks) : [];
  });
}

function chainForm(
  table: TableView,
  networks: readonly string[],
  caller: string,
  chain: string,
  comment: string,
): FirewallPart[] {
  if (table.family !== 'ip') return [];
  const common = {
    kind: 'firewall',
    engine: table.engine,
    family: table.family,
    table: table.name,
    tag: FLANNEL,
  } as const;
  const parts: FirewallPart[] = [];
  const own = table.chains.get(chain);
  // A chain that also serves a network which isn't ours is another flannel's: it stays with what calls it.
  const isOurs = own?.rules.every((rule) => isFlannels(rule, comment, networks)) ?? true;
  if (own && isOurs) parts.push({ ...common, part: 'chain', chain, rules: own.rules });
  const rules = (table.chains.get(caller)?.rules ?? []).filter((rule, _, all) => {
    const { verdict } = rule;
    if (verdict.to === 'jump') return isOurs && verdict.chain === chain && isBareJump(rule, comment);
    return (
      isFlannels(rule, comment, networks) || (isFlannels(rule, undefined, networks) && isWhole(rule, all, networks))
    );
  });
  if (rules.length) parts.push({ ...common, part: 'rules', chain: caller, rules, place: 'last', inPlace: true });
  return parts;
}

const isBareJump = (rule: Rule, comment: string): boolean =>
  iptablesText({ ...rule, verdict: { to: 'none' } }) === iptablesText({ comment, verdict: { to: 'none' } });

/** Without a comment anybody might have written it: it is flannel's where its sisters are there too. */
function isWhole(rule: Rule, all: readonly Rule[], networks: readonly string[]): boolean {
  const sisters = all.filter((one) => isFlannels(one, undefined, networks) && one.verdict.to === rule.verdict.to);
  return sisters.length > 1;
}

/** Tables `ip flannel-ipv4` and `ip6 flannel-ipv6`; the second is made also where there is no IPv6, and says nothing then. */
function nftForm(table: TableView, ruleset: Ruleset, networks: readonly string[]): FirewallPart[] {
  const isOurs = (one: TableView | undefined): boolean => {
    const rules = [...(one?.chains.values() ?? [])].flatMap((chain) => chain.rules);
    return rules.some((rule) => networks.some((net) => rule.src?.net === net || rule.dst?.net === net));
  };
  const first = ruleset.tables.find(({ name, family }) => name === 'flannel-ipv4' && family === 'ip');
  const is4 = table.name === 'flannel-ipv4' && table.family === 'ip';
  const is6 = table.name === 'flannel-ipv6' && table.family === 'ip6' && isSilent(table);
  if (!(is4 || is6) || !isOurs(first)) return [];
  const chains = [...table.chains].flatMap(([name, { base, rules }]) => (base ? [{ name, base, rules }] : []));
  const { engine, family, name } = table;
  return [{ kind: 'firewall', engine, family, table: name, tag: FLANNEL, part: 'table', chains, sets: [] }];
}

const isSilent = (table: TableView): boolean =>
  [...table.chains.values()].every(({ rules }) => rules.every((rule) => !rule.opaque && rule.verdict.to === 'return'));
