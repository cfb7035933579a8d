/** Owns how a kernel object reads in a sentence: what it is called, what it is in full, and whether it serves. */

import type { Have, Link, Resource, Want } from '../../reconciler/contracts/resource.ts';
import { compare } from '../../reconciler/plan/compare.ts';
import { isPlainAndRight } from '../../reconciler/plan/route-form.ts';
import { ipv4Text } from './codec/text.ts';

/** "route 10.5.34.0/24", "FDB entry aa:… on flannel.1" */
export function nameOf(resource: Resource): string {
  switch (resource.kind) {
    case 'link':
      return `link ${resource.name}`;
    case 'address':
      return `address ${resource.address} on ${resource.dev}`;
    case 'neighbour':
      return `neighbour ${resource.ip} on ${resource.dev}`;
    case 'fdb':
      return `FDB entry ${resource.mac} on ${resource.dev}`;
    case 'nexthop':
      return `nexthop object ${resource.id} (${ipv4Text(resource.id)})`;
    case 'route':
      return `route ${resource.dst}${resource.metric ? ` metric ${resource.metric}` : ''}`;
    case 'file':
      return `file ${resource.path}`;
  }
}

/** In full, much as iproute2 shows it. */
export function describe(have: Have): string {
  switch (have.kind) {
    case 'link':
      return describeLink(have);
    case 'neighbour':
      return `${nameOf(have)} at ${have.mac || 'no address'}${have.permanent ? ' permanent' : ''}`;
    case 'fdb':
      return `${nameOf(have)} to ${have.dst || 'nowhere'}${have.permanent ? ' permanent' : ''}`;
    case 'nexthop':
      return `${nameOf(have)}${via(have)} proto ${have.protocol}`;
    case 'route':
      return `${have.type} ${nameOf(have)}${via(have)} proto ${have.protocol}`;
    default:
      return nameOf(have);
  }
}

function describeLink(link: Link): string {
  if (!link.vxlan) return `${nameOf(link)} of type ${link.type || 'unknown'}`;
  const { vni, port, local, parent } = link.vxlan;
  return `${nameOf(link)}, vxlan id ${vni} port ${port}${local ? ` local ${local}` : ''}${parent ? ` dev ${parent}` : ''}`;
}

const via = ({ gateway, dev }: { gateway: string; dev: string }) =>
  `${gateway ? ` via ${gateway}` : ''}${dev ? ` dev ${dev}` : ''}`;

/**
 * Does what is there do all that is wanted? For the case that another agent was faster. A route may have the other form than the wanted one
 * (plain gateway or nexthop object): both forward alike, and the next plan decides.
 */
export function serves(have: Have, want: Want): boolean {
  if (compare(want, have).length === 0) return true;
  return have.kind === 'route' && want.kind === 'route' && isPlainAndRight(want, have);
}
