/**
 * Owns what is read of Docker's nftables backend (Docker 29, table `ip docker-bridges`): nothing in it is ever changed, and packets get
 * through it only with its own mark (`bridge-accept-fwmark`), where it doesn't drop them before (`allow-direct-routing`).
 */

import { dropsInto } from './reach.ts';
import type { MarkMatch, Rule } from './rule.ts';
import { type Ruleset, type TableView, tableOf } from './ruleset.ts';

const TABLE = 'docker-bridges';
const RAW = 'raw-PREROUTING';

export const dockerTable = (ruleset: Ruleset): TableView | undefined => tableOf(ruleset, 'nft', TABLE);

/** Chains of it that are of interest. */
export const isDockerNftChain = (chain: string): boolean => chain === RAW || chain.startsWith('filter-forward-in');

/** The mark that it accepts; undefined if none. */
export function acceptedMark(ruleset: Ruleset): MarkMatch | undefined {
  for (const { rules } of dockerTable(ruleset)?.chains.values() ?? []) {
    const accepting = rules.find((rule) => rule.verdict.to === 'accept' && isOnlyMarked(rule));
    if (accepting?.mark) return { value: accepting.mark.value, mask: accepting.mark.mask };
  }
  return undefined;
}

const isOnlyMarked = ({ mark, src, dst, opaque }: Rule): boolean =>
  mark !== undefined && !mark.not && !src && !dst && !opaque?.length;

/** Whether it drops what comes from outside to a container of the subnet before anything else is asked. */
export const dropsRaw = (ruleset: Ruleset, subnet: string): boolean =>
  (dockerTable(ruleset)?.chains.get(RAW)?.rules ?? []).some((rule) => dropsInto(rule, subnet));

/** Whether any engine's `raw` rules, or those of Docker's nftables backend, do so. */
export const dropsRouted = (ruleset: Ruleset, subnet: string): boolean =>
  dropsRaw(ruleset, subnet) ||
  (['nft', 'legacy'] as const).some((engine) =>
    tableOf(ruleset, engine, 'raw')
      ?.chains.get('PREROUTING')
      ?.rules.some((rule) => dropsInto(rule, subnet)),
  );
