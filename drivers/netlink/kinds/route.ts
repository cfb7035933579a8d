/** Owns routes on the wire: dumps filtered by table and device, and look-ups of single ones in the FIB (route-lookup.ts). */
import { type Have, identical, idOf, MAIN_TABLE, type Route } from '../../../reconciler/kinds/index.ts';
import * as c from '../codec/constants.ts';
import { readRoute, routeConcerns, writeRoute, writeRouteDelete, writeRouteDump } from '../codec/route.ts';
import type { Reader } from '../reader.ts';
import { MANY } from './keys.ts';
import type { WireKind } from './kind.ts';
import { lookUp, onlyBornRules } from './route-lookup.ts';

export const routeWire: WireKind<Route> = {
  kind: 'route',
  dump: relevantRoutes,
  under: (reader, links) =>
    links.flatMap(({ name }) => routes(reader, MAIN_TABLE, (route) => reader.relevance.route(route), name)),
  read: readThese,
  // A look-up may pass over the very route that is in the way.
  occupants: dumpThese,
  // A route on a nexthop object goes where that goes.
  deviceOf: ({ dev, nexthopId }) => (nexthopId ? '' : dev),
  write: (w, op, route, index) => {
    if (op === 'delete') writeRouteDelete(w, route, index);
    else writeRoute(w, op === 'create' ? c.CREATE : c.REPLACE, route, index);
  },
};

/** The routes of a table that concern us, in the kernel's order (the effective one first), through one device if one is given. */
function routes(reader: Reader, table: number, keep: (route: Route) => boolean, dev?: string): Route[] {
  const index = dev === undefined ? 0 : reader.devices.index(dev);
  if (dev !== undefined && index === 0) return [];
  const { items, ...reply } = reader.client.dump((w) => writeRouteDump(w, table, index), readRoute);
  reader.note('routes', reply);
  return items
    .map((record) => reader.namedRoute(record))
    .filter((r) => r.table === table && (dev === undefined || r.dev === dev) && keep(r))
    .filter(isNew);
}

/** The routes of table main inside the networks or through one of our devices: the rest is passed over without being decoded. */
function relevantRoutes(reader: Reader): Route[] {
  const own = new Set([...reader.relevance.devices].map((dev) => reader.devices.index(dev)));
  own.delete(0);
  const { items, ...reply } = reader.client.dump(
    (w) => writeRouteDump(w, MAIN_TABLE),
    (m) => (routeConcerns(m, MAIN_TABLE, reader.relevance, own) ? readRoute(m) : undefined),
  );
  reader.note('routes', reply);
  return items.map((record) => reader.namedRoute(record)).filter(isNew);
}

/**
 * No two routes are alike in everything: the second is the first, told twice because another was inserted before it between two pieces of the
 * dump. Taken for a surplus one it would be deleted, and with it the only one.
 */
function isNew(route: Route, i: number, all: Route[]): boolean {
  const before = all[i - 1];
  return before === undefined || before.dst !== route.dst || !identical(before, route);
}

function readThese(reader: Reader, keys: string[]): Have[] {
  if (keys.length > MANY) return dumpThese(reader, keys);
  const haves: Have[] = [];
  const unclear: string[] = [];
  let unreached: string[] = [];
  for (const key of keys) {
    const answer = lookUp(reader, key);
    if (answer === 'unclear') unclear.push(key);
    else if (answer === 'unreached') unreached.push(key);
    else if (answer !== 'absent') haves.push(reader.namedRoute(answer));
  }
  if (unreached.length > 0 && onlyBornRules(reader)) unreached = [];
  return haves.concat(dumpThese(reader, unclear.concat(unreached)));
}

/** Reads the routes with these keys from dumps of their tables. */
function dumpThese(reader: Reader, keys: string[]): Have[] {
  const ids = new Set(keys.map((key) => `route ${key}`));
  const tables = new Set(keys.map((key) => Number(key.slice(0, key.indexOf('|')))));
  return [...tables].flatMap((table) => routes(reader, table, (route) => ids.has(idOf(route))));
}
