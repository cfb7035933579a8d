/**
 * Reads the facts of a host (reconciler/contracts/host.ts): interfaces with their IPv4 addresses, default routes. Nothing here is ever changed by us.
 */
import type { DefaultRoute, HostFacts, Interface, LinkRoute } from '../../reconciler/contracts/host.ts';
import { MAIN_TABLE } from '../../reconciler/kinds/index.ts';
import { type Client, type Dumped, problemOf } from './client.ts';
import { type AddressRecord, readAddress, writeAddressDump } from './codec/address.ts';
import * as c from './codec/constants.ts';
import { isLinkMessage, type LinkRecord, readLink, writeLinkDump } from './codec/link.ts';
import {
  isDefaultRoute,
  isLinkRoute,
  type RouteRecord,
  readDefaultRoutes,
  readRoute,
  writeRouteDump,
} from './codec/route.ts';

/** rtnetlink's scope numbers as iproute2 names them. */
const SCOPES = new Map([
  [0, 'global'],
  [200, 'site'],
  [253, 'link'],
  [254, 'host'],
  [255, 'nowhere'],
]);

/** Synchronous. Throws an Error if the kernel can't be asked: with half the facts the wrong interface would be chosen. */
export function readHostFacts(client: Client): HostFacts {
  const links = all(
    'links',
    client.dump(writeLinkDump, (m) => (isLinkMessage(m) ? readLink(m) : undefined)),
  );
  const addresses = all('addresses', client.dump(writeAddressDump, readAddress));
  const linked: RouteRecord[] = [];
  const routes = all(
    'routes',
    client.dump(
      (w) => writeRouteDump(w, MAIN_TABLE),
      (m) => {
        const link = isLinkRoute(m) ? readRoute(m) : undefined;
        if (link) linked.push(link);
        return isDefaultRoute(m) ? readDefaultRoutes(m) : undefined;
      },
    ),
  ).flat();
  const names = new Map(links.map(({ index, link }) => [index, link.name]));
  const defaultRoutes: DefaultRoute[] = routes
    .filter(({ table, type }) => table === MAIN_TABLE && type === c.RTN_UNICAST)
    .map(({ index, gateway, metric }) => ({ dev: names.get(index) ?? '', gateway, metric }))
    .filter(({ dev }) => dev !== '');
  return {
    interfaces: links.map((record) => toInterface(record, addresses, names)),
    linkRoutes: linkRoutes(linked, names),
    defaultRoutes: defaultRoutes.sort((a, b) => a.metric - b.metric),
  };
}

function linkRoutes(records: RouteRecord[], names: ReadonlyMap<number, string>): LinkRoute[] {
  return records
    .filter(({ route, index }) => route.table === MAIN_TABLE && route.type === 'unicast' && names.has(index))
    .filter(({ route }) => route.gateway === '' && route.nexthopId === 0)
    .map(({ route, index }) => ({ dev: names.get(index)!, dst: route.dst, metric: route.metric }));
}

function all<T>(what: string, { items, ...reply }: Dumped<T>): T[] {
  const problem = problemOf(what, reply);
  if (problem) throw new Error(problem);
  return items;
}

function toInterface(
  { link, index, flags, masterIndex, linkedIndex }: LinkRecord,
  addresses: AddressRecord[],
  names: ReadonlyMap<number, string>,
): Interface {
  return {
    name: link.name,
    index,
    mac: link.mac,
    mtu: link.mtu,
    up: link.up,
    loopback: (flags & c.IFF_LOOPBACK) !== 0,
    alias: link.alias ?? '',
    type: link.type,
    master: names.get(masterIndex) ?? '',
    carrier: (flags & c.IFF_LOWER_UP) !== 0,
    looped: link.type === 'veth' && names.has(linkedIndex),
    addresses: addresses
      .filter((record) => record.index === index)
      .map((record) => ({
        address: record.address,
        scope: SCOPES.get(record.scope) ?? String(record.scope),
        permanent: (record.flags & c.IFA_F_PERMANENT) !== 0,
        deprecated: (record.flags & c.IFA_F_DEPRECATED) !== 0,
      })),
  };
}
