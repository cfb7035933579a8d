/** Owns the sentences about a cloud's routes: what is so, and what a person does about it. Decides nothing. */
import type { HeldEntry } from '../contracts/report.ts';
import type { CloudFailure } from './failure.ts';
import { type CloudResource, type CloudRoute, type CloudSelf, routeKey } from './model.ts';

/** unmet: because of it this host is not reached. */
const about = (route: CloudRoute, why: string, detail: string, unmet = true): HeldEntry => ({
  kind: 'cloud-route',
  key: routeKey(route),
  why,
  detail,
  unmet,
});

const toward = ({ target, live }: CloudRoute): string =>
  `${target === '' ? 'nowhere' : `to ${target}`}${live ? '' : ', which is gone'}`;

export function foreignRoute(route: CloudRoute, subnet: string): HeldEntry {
  const detail = `The route table ${route.table} has a route for ${subnet} that is not flannel's (${toward(route)}), so it is left alone; delete it, or choose a Network that nobody else uses in this VPC.`;
  return about(route, 'foreign route', detail);
}

export function otherRoute(route: CloudRoute, subnet: string): HeldEntry {
  const detail = `The network ${route.table} has a route ${route.name} for ${subnet} (${toward(route)}), which is not flannel's by its name, so none is put beside it; delete it, or choose a Network that nobody else uses.`;
  return about(route, 'foreign route', detail);
}

export function nameTaken(route: CloudRoute, want: CloudRoute): HeldEntry {
  const where = route.table === want.table ? `for ${route.dst}` : `in the network ${route.table}, for ${route.dst}`;
  const detail = `The name ${route.name} of this host's route is taken in this project: there is a route of that name ${where}. Names of routes are the project's, so two VPCs can't have one flannel subnet; delete that route if nobody needs it, or give the two flannel networks different ranges.`;
  return about(want, 'name is taken', detail);
}

export function deadOwn(route: CloudRoute, self: CloudSelf): HeldEntry {
  const detail = `The route for ${route.dst} in ${route.table} leads to this host (${self.name}), but the cloud calls it a black hole; see whether the interface is attached.`;
  return about(route, 'black hole', detail);
}

export function staysStale(route: CloudRoute, reason: string): HeldEntry {
  const detail = `The route for ${route.dst} in ${route.table} (${toward(route)}) is not needed any more (${reason}); it stays because of --keep-stale.`;
  return about(route, 'stale', detail, false);
}

export function noTables(): HeldEntry {
  const detail =
    'Backend.RouteTableID is an empty list, so no route table is written and this subnet is reached by nobody; leave RouteTableID out, or name the tables.';
  return { kind: 'config', key: 'Backend.RouteTableID', why: 'no route table', detail, unmet: true };
}

export function cannotForward(self: CloudSelf): HeldEntry {
  const detail = `${self.name} may not forward packets (canIpForward is false), so Google drops those of its containers; that is set when an instance is made: make it anew with --can-ip-forward.`;
  return { kind: 'cloud-host', key: self.name, why: 'canIpForward is off', detail, unmet: true };
}

export function rangesOverlap(network: string, range: string, self: CloudSelf): HeldEntry {
  const detail = `The flannel network ${network} overlaps the range ${range} of the VPC ${self.vpc}, whose own route wins there; choose a Network outside of it.`;
  return { kind: 'config', key: 'Network', why: 'overlaps the VPC', detail, unmet: false };
}

export function problemHeld({ code, message }: CloudFailure): HeldEntry {
  return { kind: 'cloud-host', key: code, why: 'not known', detail: message, unmet: false };
}

/** Where a whole pass failed. */
export function passFailed(cloud: string, { kind, message }: CloudFailure, seconds: number): HeldEntry {
  const again = `${message.replace(/\.$/, '')}; tried again in ${seconds} s.`;
  return { kind: 'cloud-host', key: cloud, why: WHY[kind], detail: again, unmet: true };
}

export function changeFailed(
  what: CloudResource['kind'],
  key: string,
  { kind, message }: CloudFailure,
  seconds: number,
): HeldEntry {
  const detail = `${message.replace(/\.$/, '')}; tried again in ${seconds} s.`;
  return { kind: what, key, why: WHY[kind], detail, unmet: true };
}

export function underWay(cloud: string, subnet: string): HeldEntry {
  const detail = `The route for ${subnet} is being looked at in the cloud (${cloud}); this takes some seconds.`;
  return { kind: 'cloud-host', key: cloud, why: 'under way', detail, unmet: true };
}

const WHY: Record<CloudFailure['kind'], string> = {
  throttled: 'throttled',
  quota: 'quota reached',
  denied: 'not permitted',
  vanished: 'not there',
  conflict: 'conflict',
  invalid: 'refused',
  transient: 'backing off',
};
