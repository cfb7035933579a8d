/**
 * Owns the recognition of what is ours, or flannel's, in what is in force: the same parts that are wanted, as found.
 *
 * - Whose a part is, is in its tag; which tags are this instance's to change is ownership's to say.
 */
import { flannelParts } from './flannel.ts';
import { type FirewallPart, isOurTag, type TableChain, type Tag, tagOfChain } from './part.ts';
import { isInPlace } from './place.ts';
import type { Rule } from './rule.ts';
import { DOCKER_USER, type Ruleset, type TableView } from './ruleset.ts';

/** Parts of all instances of selvage, and of flannel for these networks (unless a flanneld runs, whose they then are). */
export function foundParts(ruleset: Ruleset, networks: readonly string[]): FirewallPart[] {
  const parts = ruleset.tables.flatMap((table) => {
    if (table.engine === 'nft' && isOurTag(table.name)) return ownParts(table, table.name);
    return table.family === 'ip' ? partsWithin(table) : [];
  });
  return ruleset.flanneld ? parts : [...parts, ...flannelParts(ruleset, networks)];
}

function ownParts(table: TableView, tag: Tag): FirewallPart[] {
  const { engine, family, name } = table;
  const common = { kind: 'firewall', engine, family, table: name, tag } as const;
  const chains = [...table.chains].map(([chain, { base, rules }]): TableChain => {
    // A chain that packets don't come to is nothing that we make; it differs, and so the table is made anew.
    const none = { type: 'filter', hook: 'input', priority: 0, policy: 'accept' } as const;
    return { name: chain, base: base ?? none, rules };
  });
  const sets = [...(table.sets ?? [])];
  return [
    { ...common, part: 'table', chains: inOrder(chains), sets: sets.map(([set]) => set) },
    ...sets.flatMap(([set, addresses]) =>
      addresses.map((address) => ({ ...common, part: 'element', set, address }) as const),
    ),
  ];
}

/** The kernel lists chains in the order in which they were made; we, in the order of table.ts. */
const ORDER = ['postrouting', 'peers', 'docker'];
const inOrder = (chains: TableChain[]): TableChain[] => {
  const rank = ({ name }: TableChain): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return chains.toSorted((a, b) => rank(a) - rank(b));
};

/** In a table that is everybody's: chains by name, rules by what they jump to or by their comment. */
function partsWithin(table: TableView): FirewallPart[] {
  const parts: FirewallPart[] = [];
  const common = { kind: 'firewall', engine: table.engine, family: table.family, table: table.name } as const;
  for (const [chain, { rules }] of table.chains) {
    const own = tagOfChain(chain);
    if (own !== undefined) {
      parts.push({ ...common, tag: own, part: 'chain', chain, rules });
      continue;
    }
    for (const [tag, ours] of byTag(rules)) {
      const place = chain === DOCKER_USER ? 'last' : 'first';
      parts.push({
        ...common,
        tag,
        part: 'rules',
        chain,
        rules: ours.map((i) => rules[i]!),
        place,
        inPlace: isInPlace(rules, ours, place, table, isAlly),
      });
    }
  }
  return parts;
}

/** The tag of a rule of selvage's in somebody else's chain; undefined if it isn't one. */
export function tagOfRule({ comment, verdict }: Rule): Tag | undefined {
  if (verdict.to === 'jump') return tagOfChain(verdict.chain);
  return verdict.to === 'accept' && isOurTag(comment) ? comment : undefined;
}

const isAlly = (rule: Rule): boolean => tagOfRule(rule) !== undefined;

function byTag(rules: readonly Rule[]): Map<Tag, number[]> {
  const found = new Map<Tag, number[]>();
  for (const [i, rule] of rules.entries()) {
    const tag = tagOfRule(rule);
    if (tag === undefined) continue;
    const same = found.get(tag);
    if (same) same.push(i);
    else found.set(tag, [i]);
  }
  return found;
}
