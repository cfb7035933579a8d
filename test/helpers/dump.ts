/**
 * Owns the full dump of a host's network, for "nothing was changed" tests: links, addresses, routes of every table, neighbours, FDB,
 * nexthop objects and rules, as iproute2 prints them. What changes by itself is left out: timers, learned FDB entries, ARP that ages.
 */
import type { IpObject, Netns } from './netns.ts';

export interface HostDump {
  links: IpObject[];
  addresses: IpObject[];
  routes: IpObject[];
  neighbours: IpObject[];
  fdb: IpObject[];
  nexthops: IpObject[];
  rules: IpObject[];
}

const VOLATILE = /(_timer|^valid_life_time|^preferred_life_time|^used|^updated|^confirmed|^probes|^refcnt)$/;

/** Without the members whose values run by themselves, at any depth. */
function settled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(settled);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => !VOLATILE.test(name));
  return Object.fromEntries(kept.map(([name, member]) => [name, settled(member)]));
}

/** ARP that the kernel learned and forgets by itself is not anybody's configuration. */
const isConfigured = ({ state }: IpObject) => /PERMANENT|NOARP/.test(String(state));
const isLearned = ({ state, flags }: IpObject) => state === '' && !flags?.includes('extern_learn');

export async function dumpHost(ns: Netns): Promise<HostDump> {
  const [links, addresses, routes, neighbours, fdb, nexthops, rules] = await Promise.all([
    ns.ipJson('link', 'show'),
    ns.ipJson('address', 'show'),
    ns.ipJson('route', 'show', 'table', 'all'),
    ns.ipJson('neighbour', 'show'),
    ns.bridgeJson('fdb', 'show'),
    ns.ipJson('nexthop', 'show'),
    ns.ipJson('rule', 'show'),
  ]);
  const all = {
    links,
    addresses,
    routes,
    neighbours: neighbours.filter(isConfigured),
    fdb: fdb.filter((entry) => !isLearned(entry)),
    nexthops,
    rules,
  };
  return settled(all) as HostDump;
}
