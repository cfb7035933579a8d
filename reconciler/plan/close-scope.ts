/**
 * Owns what has to be looked at together, beside what belongs to one peer (desired.ts: expandScope).
 *
 * - A route and its nexthop object are decided together (route-form.ts), and an event about a device is about all that is under it.
 * - What is wanted under a device may be somewhere else now: neither a route's nor a nexthop object's slot names its device.
 */
import { type Kind, splitId } from '../contracts/resource.ts';
import { type Scope, scopeOf } from '../contracts/scope.ts';

const UNDER_LINKS: readonly Kind[] = ['address', 'neighbour', 'fdb', 'nexthop', 'route'];

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
  if (closed.links.size > 0 || closed.kinds.has('route') || closed.kinds.has('nexthop'))
    closed.kinds.add('route').add('nexthop');
  return closed;
}
