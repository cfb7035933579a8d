/**
 * Owns what becomes of a packet in a chain, as far as it matters here: whether something may drop it, and whether it gets to a chain.
 * Foreign rules are never evaluated against a packet: what isn't understood may drop.
 */
import { contains } from '../../config/ipv4.ts';
import { isUnconditional, type Rule } from './rule.ts';
import type { ChainView, TableView } from './ruleset.ts';

/** Targets that let a packet go on to the next rule. */
const GOES_ON = new Set(
  'LOG NFLOG ULOG MARK CONNMARK TCPMSS SET CT NOTRACK CHECKSUM DSCP TOS TTL AUDIT TRACE CLASSIFY SECMARK CONNSECMARK limit log counter notrack'.split(
    ' ',
  ),
);

/** Whether a packet that gets to this rule may be dropped by it, or by a chain that it leads to. */
export function ruleMayDrop(rule: Rule, table: TableView, seen = new Set<string>()): boolean {
  const { verdict } = rule;
  switch (verdict.to) {
    case 'drop':
      return true;
    case 'other':
      return !GOES_ON.has(verdict.name);
    case 'jump':
    case 'goto':
      return chainMayDrop(verdict.chain, table, seen);
    default:
      return false;
  }
}

/** The same of a chain, its policy included. One that was not read may do anything. */
export function chainMayDrop(name: string, table: TableView, seen = new Set<string>()): boolean {
  if (seen.has(name)) return false;
  seen.add(name);
  const chain = table.chains.get(name);
  if (!chain) return true;
  return chain.base?.policy === 'drop' || chain.rules.some((rule) => ruleMayDrop(rule, table, seen));
}

/** Where the rule stands that hands every packet from `chain` on to `to`; −1 if none does, or not all packets get there. */
export function jumpTo(chain: ChainView, to: string): number {
  for (const [i, rule] of chain.rules.entries()) {
    if (!isUnconditional(rule)) continue;
    const { verdict } = rule;
    if (verdict.to === 'jump' && verdict.chain === to) return i;
    if (isFinal(rule)) return -1;
  }
  return -1;
}

/** Whether no packet gets past this rule. */
export const isFinal = (rule: Rule): boolean =>
  isUnconditional(rule) &&
  (['accept', 'drop', 'return', 'goto'].includes(rule.verdict.to) ||
    (rule.verdict.to === 'other' && !GOES_ON.has(rule.verdict.name)));

/** A DROP of what goes to an address of the subnet (or to all of it). */
export const dropsInto = ({ verdict, dst }: Rule, subnet: string): boolean =>
  verdict.to === 'drop' && dst !== undefined && !dst.not && (contains(subnet, dst.net) || contains(dst.net, subnet));
