/**
 * Owns what a scope means: what has to be looked at together (beside what belongs to one peer: desired.ts, expandScope), and which Wants
 * lie in it.
 *
 * - A route and its nexthop object are decided together (route-form.ts), and an event about a device is about all that is under it.
 * - What is wanted under a device may be somewhere else now: neither a route's nor a nexthop object's slot names its device.
 */
import { type Kind, linkOf, splitId, type Want } from './resource.ts';
import { type Scope, scopeOf } from './scope.ts';

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

/** The Wants inside a scope whose peers have been turned into ids. Costs as much as the scope names, or one pass for links and kinds. */
export function wantsIn(scope: Scope, desired: ReadonlyMap<string, Want>): ReadonlyMap<string, Want> {
  if (scope.all) return desired;
  const wants = new Map<string, Want>();
  for (const id of scope.ids) {
    const want = desired.get(id);
    if (want) wants.set(id, want);
  }
  if (scope.kinds.size === 0 && scope.links.size === 0) return wants;
  for (const [id, want] of desired)
    if (scope.kinds.has(want.kind) || scope.links.has(linkOf(want) ?? '')) wants.set(id, want);
  return wants;
}
