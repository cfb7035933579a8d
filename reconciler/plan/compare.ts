/**
 * Owns what makes a Have as good as its Want: which fields are compared, and which the kernel can't change in place.
 *
 * - Protocol marks are not compared: they say who once made it, so what flanneld made is adopted without a write.
 * - A field inside a link's vxlan attributes is named by its path ("vxlan.local").
 */
import type { Have, Link, Nexthop, Resource, Route, Want } from '../contracts/resource.ts';

/** UDP port that the kernel takes if none is given (vxlan.c: vxlan_port). */
export const DEFAULT_VXLAN_PORT = 8472;

const SAME: readonly string[] = [];

/** The port that a wanted device will have: 0 stands for the kernel's default. */
export const portOf = (vxlan: { port: number }): number => vxlan.port || DEFAULT_VXLAN_PORT;

/** Names of the fields of `have` that differ from `want`; both must have the same id. Empty: in sync. */
export function compare(want: Want, have: Have): readonly string[] {
  switch (want.kind) {
    case 'link':
      return have.kind === 'link' ? compareLinks(want, have) : ['kind'];
    case 'address':
      return SAME;
    case 'neighbour':
      if (have.kind !== 'neighbour') return ['kind'];
      if (have.mac === want.mac && have.permanent === want.permanent) return SAME;
      return differing(want, have, ['mac', 'permanent']);
    case 'fdb':
      if (have.kind !== 'fdb') return ['kind'];
      if (have.dst === want.dst && have.permanent === want.permanent && have.plain === want.plain) return SAME;
      return differing(want, have, ['dst', 'permanent', 'plain']);
    case 'nexthop':
      return have.kind === 'nexthop' ? compareNexthops(want, have) : ['kind'];
    case 'route':
      return have.kind === 'route' ? compareRoutes(want, have) : ['kind'];
    case 'file':
      if (have.kind === 'file' && have.content === want.content) return SAME;
      return want.edit ? Object.keys(want.edit.want) : ['content'];
  }
}

/**
 * Whether the kernel can't change one of those fields: then delete and create. A vxlan device: vxlan_changelink refuses VNI and port, and
 * ignores GBP. A nexthop object: a group can't become a single one (nexthop.c: replace_nexthop).
 */
export function mustRecreate(kind: Want['kind'], fields: readonly string[]): boolean {
  if (kind === 'link') return fields.some((field) => IMMUTABLE.has(field));
  return kind === 'nexthop' && fields.includes('plain');
}

const IMMUTABLE = new Set(['type', 'vxlan.vni', 'vxlan.port', 'vxlan.gbp']);

function compareLinks(want: Link, have: Link): string[] {
  const fields: string[] = [];
  if (have.type !== want.type) fields.push('type');
  if (have.up !== want.up) fields.push('up');
  // "": whatever the kernel has drawn.
  if (want.mac !== '' && have.mac !== want.mac) fields.push('mac');
  if (have.mtu !== want.mtu) fields.push('mtu');
  if (have.alias !== want.alias) fields.push('alias');
  if (want.rpFilter !== undefined && have.rpFilter !== undefined && have.rpFilter !== want.rpFilter)
    fields.push('rpFilter');
  const [w, h] = [want.vxlan, have.vxlan];
  if (!w) return fields;
  if (h?.vni !== w.vni) fields.push('vxlan.vni');
  if (h?.port !== portOf(w)) fields.push('vxlan.port');
  if (h?.local !== w.local) fields.push('vxlan.local');
  if (h?.parent !== w.parent) fields.push('vxlan.parent');
  if (h?.learning !== w.learning) fields.push('vxlan.learning');
  if (h?.gbp !== w.gbp) fields.push('vxlan.gbp');
  return fields;
}

function compareNexthops(want: Nexthop, have: Nexthop): readonly string[] {
  if (
    have.gateway === want.gateway &&
    have.dev === want.dev &&
    have.onlink === want.onlink &&
    have.plain === want.plain
  )
    return SAME;
  return differing(want, have, ['dev', 'gateway', 'onlink', 'plain']);
}

/** On its nexthop object a route has no gateway of its own; what the kernel shows there (nexthop_compat_mode) is the object's. */
function compareRoutes(want: Route, have: Route): readonly string[] {
  const rest = have.type === want.type && have.plain === want.plain;
  if (want.nexthopId !== 0) {
    if (have.nexthopId === want.nexthopId && rest) return SAME;
    return differing(want, have, ['nexthopId', 'type', 'plain']);
  }
  if (
    have.nexthopId === 0 &&
    have.gateway === want.gateway &&
    have.dev === want.dev &&
    have.onlink === want.onlink &&
    rest
  )
    return SAME;
  return differing(want, have, ['dev', 'gateway', 'onlink', 'nexthopId', 'type', 'plain']);
}

function differing<T extends Resource>(want: T, have: T, fields: readonly (keyof T & string)[]): string[] {
  return fields.filter((field) => want[field] !== have[field]);
}

/** Whether two resources are alike in every field, also those that compare() overlooks. */
export function identical(a: Resource | undefined, b: Resource | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && sameFields(a, b));
}

function sameFields(a: object, b: object): boolean {
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const name of new Set([...Object.keys(x), ...Object.keys(y)])) {
    const [p, q] = [x[name], y[name]];
    if (p === q) continue;
    if (typeof p !== 'object' || typeof q !== 'object' || p === null || q === null || !sameFields(p, q)) return false;
  }
  return true;
}
