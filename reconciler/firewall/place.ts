/**
 * Owns where rules of ours stand in a chain that isn't ours.
 *
 * - `first`: before everything that may drop. Rules that can't (a RETURN, an ACCEPT, a LOG, another instance's jump) may stay before them, so
 *   that two who both want to be first don't push each other aside for ever.
 * - `last`: behind everything that others have said, so that their DROP counts; but before a final RETURN, behind which nothing is reached.
 */
import { isFinal, ruleMayDrop } from './reach.ts';
import type { Rule } from './rule.ts';
import type { TableView } from './ruleset.ts';

export type Place = 'first' | 'last';

/** Whether the rules at `ours` (indexes) stand together where they should. */
export function isInPlace(
  rules: readonly Rule[],
  ours: readonly number[],
  place: Place,
  table: TableView,
  isAlly: (rule: Rule) => boolean,
): boolean {
  const [head, tail] = [ours[0], ours.at(-1)];
  if (head === undefined || tail === undefined || tail - head !== ours.length - 1) return false;
  if (place === 'first') return !rules.slice(0, head).some((rule) => !isAlly(rule) && ruleMayDrop(rule, table));
  const before = rules.slice(0, head);
  if (before.some((rule) => isFinal(rule) && rule.verdict.to !== 'drop')) return false;
  for (const rule of rules.slice(tail + 1)) {
    if (isFinal(rule) && rule.verdict.to !== 'drop') return true;
    if (!isAlly(rule)) return false;
  }
  return true;
}

/** Index in `rules` (from which ours are left out) before which ours belong. */
export function indexFor(rules: readonly Rule[], place: Place): number {
  if (place === 'first') return 0;
  const end = rules.findIndex((rule) => isFinal(rule) && rule.verdict.to !== 'drop');
  return end < 0 ? rules.length : end;
}
