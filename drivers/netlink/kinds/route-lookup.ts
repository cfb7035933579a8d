/** Owns what a look-up in the FIB proves about a single route. */
import { MAIN_TABLE } from '../../../reconciler/kinds/index.ts';
import { type RouteRecord, readRoute, writeRouteLookup } from '../codec/route.ts';
import { BORN_RULES, readRule, writeRuleDump } from '../codec/rule.ts';
import { prefixLength } from '../codec/text.ts';
import { ENETUNREACH } from '../errno.ts';
import type { Reader } from '../reader.ts';

export type Answer = RouteRecord | 'absent' | 'unreached' | 'unclear';

/**
 * Asks the FIB for the route to the network address. Its answer is the best match, so it proves the route (exactly that prefix and metric
 * in table main), proves its absence (table main was asked and had only a shorter prefix), or proves nothing: a policy rule, a longer prefix,
 * another metric, an address of our own in the way. Wrong by design in one case only: a route that lookups pass over, because its device
 * has no carrier and ignore_routes_with_linkdown is set, seems absent; then a create of it says EEXIST.
 */
export function lookUp(reader: Reader, key: string): Answer {
  const [table, dst, tos, metric] = key.split('|') as [string, string, string, string];
  if (Number(table) !== MAIN_TABLE || tos !== '0') return 'unclear';
  const { value, errno } = reader.client.get((w) => writeRouteLookup(w, dst), readRoute);
  if (errno === ENETUNREACH) return 'unreached';
  if (!value || value.route.table !== MAIN_TABLE || value.route.type !== 'unicast') return 'unclear';
  const { route } = value;
  if (route.dst === dst) return route.tos === 0 && route.metric === Number(metric) ? value : 'unclear';
  return prefixLength(route.dst) < prefixLength(dst) ? 'absent' : 'unclear';
}

/** No route to the address in any table that was asked; that table main was among them is sure only without foreign policy rules. */
export function onlyBornRules(reader: Reader): boolean {
  const { items, ...reply } = reader.client.dump(writeRuleDump, readRule);
  if (reply.errno !== 0) return false;
  return items.length === BORN_RULES.size && items.every((rule) => BORN_RULES.has(rule));
}
