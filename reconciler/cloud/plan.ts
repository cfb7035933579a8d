/**
 * Owns what is to be done in a cloud's route tables: have × want → changes and holds. Pure.
 *
 * - Nothing outside the Network (and those of earlier configs) is touched, and inside only plain routes to a host: flannel makes no others.
 * - A route of another host's live lease is never touched, dead or not: its holder writes it. So a read that is behind costs nobody a route.
 * - A route for the own subnet that leads elsewhere is replaced in place; one that is no host's (a gateway's) is held.
 * - Deletes come last, and only if all leases are known.
 */
import { contains, overlaps } from '../../config/ipv4.ts';
import type { HeldEntry } from '../contracts/report.ts';
import {
  type CloudChange,
  type CloudObserved,
  type CloudRoute,
  type CloudSelf,
  type CloudWant,
  gceRouteName,
  routeKey,
} from './model.ts';
import * as say from './sentences.ts';

export interface CloudPlanInput {
  want: CloudWant;
  observed: CloudObserved;
  /** Subnets of all leases that are there, readable or not. */
  leased: ReadonlySet<string>;
  /** All leases are known: only then may anything be deleted. */
  complete: boolean;
  /** --keep-stale: what nobody wants is reported and stays. */
  keepStale: boolean;
}

export interface CloudPlan {
  changes: CloudChange[];
  held: HeldEntry[];
}

export function planCloud(input: CloudPlanInput): CloudPlan {
  const { want, observed } = input;
  const changes: CloudChange[] = [];
  const held: HeldEntry[] = [];
  if (want.subnet !== undefined) {
    held.push(...placeHeld(want, observed.self));
    const check = checkChange(want, observed.self);
    if (check) changes.push(check);
    for (const table of observed.tables) {
      const result = ownRoute(want, want.subnet, table, observed);
      if (result?.change) changes.push(result.change);
      if (result?.held) held.push(result.held);
    }
    if (observed.tables.length === 0) held.push(say.noTables());
  }
  for (const change of staleRoutes(input)) {
    if (input.keepStale) held.push(say.staysStale(change.have, change.reason));
    else changes.push(change);
  }
  held.push(...observed.problems.map(say.problemHeld));
  return { changes, held };
}

/** Whether the own subnet is reached: every wanted route is there, and the cloud lets the packets through. */
export function isInForce({ want, observed }: Pick<CloudPlanInput, 'want' | 'observed'>): boolean {
  const { self, tables, routes } = observed;
  if (want.subnet === undefined || self.forwards === false || tables.length === 0) return false;
  return tables.every((table) =>
    routes.some((route) => route.table === table && route.dst === want.subnet && leadsTo(route, self)),
  );
}

const leadsTo = (route: CloudRoute, self: CloudSelf): boolean =>
  route.toHost && route.live && route.plain && route.target === self.target;

function ownRoute(
  want: CloudWant,
  subnet: string,
  table: string,
  { self, routes }: CloudObserved,
): { change?: CloudChange; held?: HeldEntry } | undefined {
  const name = want.cloud === 'gce' ? gceRouteName(subnet) : '';
  const route: CloudRoute = {
    kind: 'cloud-route',
    table,
    name,
    dst: subnet,
    target: self.target,
    toHost: true,
    live: true,
    plain: true,
  };
  const key = routeKey(route);
  const right = routes.find((one) => one.table === table && one.dst === subnet && leadsTo(one, self));
  if (right) return undefined;
  // GCE: the name is taken in another VPC of the project, or for another destination.
  const named = name === '' ? undefined : routes.find((one) => one.name === name);
  if (named && (named.table !== table || named.dst !== subnet)) return { held: say.nameTaken(named, route) };
  const have = named ?? routes.find((one) => one.table === table && one.dst === subnet);
  if (!have) return { change: { op: 'create', key, reason: 'missing', want: route } };
  if (have.name !== name) return { held: say.otherRoute(have, subnet) };
  if (!have.toHost || (!have.plain && want.cloud === 'aws-vpc')) return { held: say.foreignRoute(have, subnet) };
  const fields = [
    ...(have.target === self.target ? [] : ['target']),
    ...(have.live || have.target !== self.target ? [] : ['live']),
    ...(have.plain ? [] : ['tags']),
  ];
  // A black hole to this very host: the cloud will see by itself that the host is back.
  if (fields.length === 1 && fields[0] === 'live' && want.cloud === 'aws-vpc') return { held: say.deadOwn(have, self) };
  const reason = have.live ? 'leads to another host' : 'leads to a host that is gone';
  return { change: { op: 'update', key, reason: have.plain ? reason : 'differs', want: route, have, fields } };
}

function checkChange({ cloud }: CloudWant, { target, forwards }: CloudSelf): CloudChange | undefined {
  if (cloud !== 'aws-vpc' || forwards !== false) return undefined;
  const check = { kind: 'source-dest-check' as const, target };
  return {
    op: 'update',
    key: target,
    reason: 'drops the packets of containers',
    want: { ...check, on: false },
    have: { ...check, on: true },
    fields: ['on'],
  };
}

/** What is wrong with where this host is, and no call can mend. */
function placeHeld(want: CloudWant, self: CloudSelf): HeldEntry[] {
  const held: HeldEntry[] = [];
  if (want.cloud === 'gce' && self.forwards === false) held.push(say.cannotForward(self));
  const range = self.ranges.find((one) => overlaps(one, want.network));
  if (range !== undefined) held.push(say.rangesOverlap(want.network, range, self));
  return held;
}

const LEFT = 'this host is reached on another path now';

/** Routes inside the Network, or one of an earlier config, that nobody needs any more. */
function staleRoutes({ want, observed, leased, complete }: CloudPlanInput): Extract<CloudChange, { op: 'delete' }>[] {
  if (!complete) return [];
  const { self, routes, tables } = observed;
  const networks = [want.network, ...(want.earlier ?? [])];
  return routes.flatMap((have) => {
    const inside = networks.some((network) => contains(network, have.dst) && have.dst !== network);
    const flannels = have.toHost && have.plain && (want.cloud !== 'gce' || have.name === gceRouteName(have.dst));
    if (!inside || !flannels || !tables.includes(have.table)) return [];
    if (have.dst === want.subnet) return [];
    const own = have.target === self.target;
    // The subnet of another host's lease: that host sees to it.
    if (leased.has(have.dst) && !(own && have.dst === want.left)) return [];
    if (have.live && !own) return [];
    const reason = own ? (have.dst === want.left ? LEFT : 'an earlier subnet of this host') : 'its host is gone';
    return [{ op: 'delete' as const, key: routeKey(have), reason, have }];
  });
}
