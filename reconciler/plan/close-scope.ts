/**
 * Owns what has to be looked at together, beside what belongs to one peer (desired.ts: expandScope).
 *
 * - A route and its nexthop object are decided together (route-form.ts), and an event about a device is about all that is under it.
 * - What is wanted under a device may be somewhere else now: neither a route's nor a nexthop object's slot names its device.
 */

import { type Scope, scopeOf } from '../contracts/scope.ts';
import { isResourceKind, type Kind, kindsThat, rulesOf, splitId } from '../kinds/index.ts';

const UNDER_LINKS = kindsThat((rules) => rules.isUnderLink);
/** What is wanted under a device may be on another one now: the slots of these don't say which. */
const ANYWHERE = kindsThat((rules) => rules.isUnderLink && !rules.keyNamesDevice);

/** `scope` with all that has to be looked at together with it. */
export function closeScope(scope: Scope): Scope {
  const closed = scopeOf(scope);
  if (scope.all) return closed;
  for (const id of scope.ids) {
    const { kind, key } = splitId(id);
    if (kind === 'link') closed.links.add(key);
  }
  // No device is taken away before it is known what still goes through it.
  if (closed.kinds.has('link')) for (const kind of UNDER_LINKS) closed.kinds.add(kind);
  if (closed.links.size > 0) for (const kind of ANYWHERE) closed.kinds.add(kind);
  for (const kind of closed.kinds)
    if (isResourceKind(kind)) for (const other of rulesOf(kind).decidedWith) closed.kinds.add(other as Kind);
  return closed;
}
