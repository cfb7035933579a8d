/** Owns the question whether what is there serves, where another agent was faster. */
import { compare, type Have, type Want } from '../../reconciler/kinds/index.ts';
import { isPlainAndRight } from '../../reconciler/plan/route-form.ts';

/**
 * Does what is there do all that is wanted? A route may have the other form than the wanted one
 * (plain gateway or nexthop object): both forward alike, and the next plan decides.
 */
export function serves(have: Have, want: Want): boolean {
  if (compare(want, have).length === 0) return true;
  return have.kind === 'route' && want.kind === 'route' && isPlainAndRight(want, have);
}
