/**
 * Owns our table of nf_tables: what NAT does with the network's packets, and the marks that others' rules are to know them by.
 *
 * - One priority before everybody's source NAT: the first chain that settles NAT for a flow wins, in all tables and engines together.
 * - A RETURN or ACCEPT there would settle nothing; source NAT to the source that a packet has does, and changes nothing.
 * - The part that keeps sources is always there: Docker's MASQUERADE would hide containers from each other. The rest is `--ip-masq`.
 */
import { acceptedMark } from './docker-nft.ts';
import type { FirewallFacts, Range } from './facts.ts';
import type { FirewallPart, TableChain } from './part.ts';
import type { MarkMatch, Rule } from './rule.ts';
import type { Ruleset } from './ruleset.ts';

/** nft's name for it: srcnat − 1. */
const BEFORE_SRCNAT = 99;
/** Before `raw` (−300), whose rules may look at the mark. */
const BEFORE_RAW = -301;
const MANGLE = -150;
/** Traffic that kube-proxy has marked for its own masquerading (flannel ≥ v0.22). */
const KUBE_MARK: MarkMatch = { value: 0x4000, mask: 0x4000 };
/** What goes between containers and a peer that is reached without a tunnel, whose address is not in the network. */
export const PEERS_MARK: MarkMatch = { value: 0x1000, mask: 0x1000 };
export const PEERS_SET = 'peers';
const MULTICAST = '224.0.0.0/4';
const RETURN = { to: 'return' } as const;

/** The table and, where peers are reached without a tunnel, an element for each. */
export function ownTable(facts: FirewallFacts, ruleset: Ruleset): FirewallPart[] {
  const { tag, ranges, direct, directPeers, ipMasq, fullyRandom, forwardRules } = facts;
  const common = { kind: 'firewall', engine: 'nft', family: 'ip', table: tag, tag } as const;
  const chains: TableChain[] = [
    {
      name: 'postrouting',
      base: { type: 'nat', hook: 'postrouting', priority: BEFORE_SRCNAT, policy: 'accept' },
      rules: [{ mark: KUBE_MARK, verdict: RETURN }, ...ranges.flatMap((range) => natRules(range, ipMasq, fullyRandom))],
    },
  ];
  const peers = direct !== undefined && forwardRules;
  if (peers)
    chains.push(
      markChain(
        'peers',
        BEFORE_RAW,
        ranges.flatMap((range) => peerMarks(direct, range)),
      ),
    );
  const accepted = forwardRules ? acceptedMark(ruleset) : undefined;
  if (accepted) {
    const marks = ranges.flatMap((range) => dockerMarks(facts, range));
    chains.push(
      markChain(
        'docker',
        MANGLE,
        marks.map((rule) => ({ ...rule, verdict: { to: 'mark', ...accepted } })),
      ),
    );
  }
  const elements = peers
    ? directPeers.map((address) => ({ ...common, part: 'element', set: PEERS_SET, address }) as const)
    : [];
  const comment = `selvage:${facts.prefix}`;
  return [{ ...common, part: 'table', comment, chains, sets: peers ? [PEERS_SET] : [] }, ...elements];
}

const markChain = (name: string, priority: number, rules: readonly Rule[]): TableChain => ({
  name,
  base: { type: 'filter', hook: 'prerouting', priority, policy: 'accept' },
  rules,
});

function natRules({ network, subnet }: Range, ipMasq: boolean, fullyRandom: boolean): Rule[] {
  const [N, S] = [{ net: network }, { net: subnet }];
  const outside = { net: network, not: true };
  const masquerade = { to: 'masquerade', fullyRandom } as const;
  const rules: Rule[] = [
    // Between local containers Docker's own NAT stays reachable: its hairpin (container → published port → itself) needs it.
    { src: S, dst: S, verdict: RETURN },
    { src: N, dst: N, verdict: { to: 'keep-source' } },
  ];
  if (!ipMasq) return rules;
  return [
    ...rules,
    { src: N, dst: { net: MULTICAST, not: true }, verdict: masquerade },
    { src: outside, dst: S, verdict: RETURN },
    { src: outside, dst: N, verdict: masquerade },
  ];
}

function peerMarks(direct: string, { subnet }: Range): Rule[] {
  const verdict = { to: 'mark', value: PEERS_MARK.value, mask: PEERS_MARK.mask } as const;
  return [
    { in: { name: direct }, srcSet: PEERS_SET, dst: { net: subnet }, verdict },
    { src: { net: subnet }, dstSet: PEERS_SET, verdict },
  ];
}

/** Docker's own nftables rules accept from outside what has its `bridge-accept-fwmark`, and nothing else. */
function dockerMarks({ tunnels, direct }: FirewallFacts, { network, subnet }: Range): Omit<Rule, 'verdict'>[] {
  const dst = { net: subnet };
  const over = (name: string) => ({ in: { name }, src: { net: network }, dst });
  const rules: Omit<Rule, 'verdict'>[] = tunnels.map(over);
  if (direct !== undefined) rules.push(over(direct), { in: { name: direct }, srcSet: PEERS_SET, dst });
  return rules;
}
