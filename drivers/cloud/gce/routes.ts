/** Owns Google's routes in our words. */
import type { CloudRoute } from '../../../reconciler/cloud/model.ts';
import { type Json, objects } from './compute.ts';
import { lastOf, type Place, pathOf } from './place.ts';

/** Warnings that make a route a black hole. One whose instance is only stopped comes back with it. */
const GONE = ['NEXT_HOP_INSTANCE_NOT_FOUND', 'NEXT_HOP_INSTANCE_NOT_ON_NETWORK', 'NEXT_HOP_ADDRESS_NOT_ASSIGNED'];
const FLANNELS = /^flannel-/;

/** Those of the host's network, and those that have a name of flannel's in another one. */
export function routesOf(listed: readonly Json[], { network }: Place): CloudRoute[] {
  return listed.flatMap((route) => {
    const table = lastOf(String(route.network ?? ''));
    const name = String(route.name ?? '');
    const dst = String(route.destRange ?? '');
    if ((table !== network && !FLANNELS.test(name)) || dst.includes(':')) return [];
    const instance = typeof route.nextHopInstance === 'string' ? pathOf(route.nextHopInstance) : '';
    return [
      {
        kind: 'cloud-route' as const,
        table,
        name,
        dst,
        target: instance || otherHop(route),
        toHost: instance !== '',
        live: !objects(route.warnings).some(({ code }) => GONE.includes(String(code))),
        plain: !Array.isArray(route.tags) || route.tags.length === 0,
      },
    ];
  });
}

/** What else a route may lead to: the last part of whichever it has. */
function otherHop(route: Json): string {
  const hop = Object.entries(route).find(([name, value]) => name.startsWith('nextHop') && typeof value === 'string');
  return hop ? lastOf(String(hop[1])) : '';
}

/** The network's own ranges: Google has a route for each of its subnets, which leads to the network itself. */
export const rangesOf = (listed: readonly Json[], network: string): string[] =>
  listed.flatMap(({ destRange, network: of, nextHopNetwork }) =>
    nextHopNetwork !== undefined && lastOf(String(of)) === network ? String(destRange) : [],
  );
