/** Owns the list of kinds that rtnetlink has, in build order. A new one is a new file beside this, and a line here. */
import type { Kind, Resource } from '../../../reconciler/kinds/index.ts';
import { addressWire } from './address.ts';
import { fdbWire } from './fdb.ts';
import type { WireKind } from './kind.ts';
import { linkWire } from './link.ts';
import { neighbourWire } from './neighbour.ts';
import { nexthopWire } from './nexthop.ts';
import { routeWire } from './route.ts';

export type { Op } from './kind.ts';

export const WIRE_KINDS = [
  linkWire,
  addressWire,
  neighbourWire,
  fdbWire,
  nexthopWire,
  routeWire,
] as unknown as readonly WireKind<Resource>[];

const byName = new Map<string, WireKind<Resource>>(WIRE_KINDS.map((wire) => [wire.kind, wire]));

/** undefined for what is not rtnetlink's. */
export const wireOf = (kind: string): WireKind<Resource> | undefined => byName.get(kind);

export const KINDS: readonly Kind[] = WIRE_KINDS.map(({ kind }) => kind);
