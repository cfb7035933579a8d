/** Owns one pass of the firewall without an agent: see, conclude, change. What the plan does with parts, in a few lines. */
import { applyParts } from '../../drivers/firewall/apply.ts';
import type { PartChange } from '../../drivers/firewall/part-change.ts';
import { see } from '../../drivers/firewall/see.ts';
import type { FirewallFacts } from '../../reconciler/firewall/facts.ts';
import { foundParts } from '../../reconciler/firewall/found.ts';
import { differingParts, type FirewallPart, FLANNEL, partKey, tagOf } from '../../reconciler/firewall/part.ts';
import type { Ruleset } from '../../reconciler/firewall/ruleset.ts';
import { wantedParts } from '../../reconciler/firewall/wanted.ts';
import { type FirewallHosts, NETWORK, SUBNET } from './firewall-hosts.ts';

export function factsOf(more: Partial<FirewallFacts> = {}): FirewallFacts {
  const prefix = more.prefix ?? '/coreos.com/network';
  return {
    tag: tagOf(prefix),
    prefix,
    ranges: [{ network: NETWORK, subnet: SUBNET }],
    tunnels: ['flannel.1'],
    direct: undefined,
    directPeers: [],
    ipMasq: true,
    fullyRandom: true,
    forwardRules: true,
    ...more,
  };
}

/** What is to be done: a create or update for each want, a delete for what is ours or flannel's and not wanted. */
export function changesOf(facts: FirewallFacts, ruleset: Ruleset): PartChange[] {
  const networks = facts.ranges.map(({ network }) => network);
  const found = new Map(
    foundParts(ruleset, networks)
      .filter(({ tag }) => tag === facts.tag || tag === FLANNEL)
      .map((part) => [partKey(part), part]),
  );
  const changes: PartChange[] = [];
  for (const want of wantedParts(facts, ruleset)) {
    const have = found.get(partKey(want));
    found.delete(partKey(want));
    if (!have) changes.push({ op: 'create', want });
    else if (differingParts(want, have).length) changes.push({ op: 'update', want, have });
  }
  for (const have of found.values()) changes.push({ op: 'delete', have });
  return changes;
}

export const rulesetOf = ({ client, host }: Pick<FirewallHosts, 'client' | 'host'>): Ruleset =>
  see(client, host.path, { elements: true }).ruleset;

/** The changes made. Throws if one failed, or if a second look finds more to do. */
export async function converge(
  hosts: Pick<FirewallHosts, 'client' | 'host'>,
  facts: FirewallFacts,
): Promise<PartChange[]> {
  const changes = changesOf(facts, rulesetOf(hosts));
  const up = changes.filter(({ op }) => op !== 'delete');
  const down = changes.filter(({ op }) => op === 'delete');
  for (const batch of [up, down]) {
    const outcomes = await applyParts({ client: hosts.client, netns: hosts.host.path }, batch);
    for (const { failure } of outcomes) if (failure) throw new Error(failure.message);
  }
  const left = changesOf(facts, rulesetOf(hosts));
  if (left.length) throw new Error(`not converged: ${JSON.stringify(left, null, 1)}`);
  return changes;
}

export const keysOf = (parts: readonly FirewallPart[]): string[] => parts.map(partKey).sort();
