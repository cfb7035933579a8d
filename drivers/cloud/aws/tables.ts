/** Owns reading route tables: which ones are meant, and their routes in our words. */
import { CloudError, type CloudFailure, failureOf } from '../../../reconciler/cloud/failure.ts';
import type { CloudRoute } from '../../../reconciler/cloud/model.ts';
import type { Ec2 } from './ec2.ts';
import type { Place } from './place.ts';
import { type Element, items, text } from './xml.ts';

export interface Tables {
  ids: string[];
  routes: CloudRoute[];
  /** Where the routes lead that AWS makes itself: the VPC's own ranges. */
  ranges: string[];
  problems: CloudFailure[];
}

/** @param wanted ids; undefined: the one that the host's subnet is associated with, else the VPC's main one. @throws CloudError */
export async function readTables(
  ec2: Ec2,
  place: Place,
  wanted: readonly string[] | undefined,
  signal?: AbortSignal,
): Promise<Tables> {
  if (wanted?.length === 0) return { ids: [], routes: [], ranges: [], problems: [] };
  const { tables, problems } = wanted ? await byId(ec2, wanted, signal) : await detect(ec2, place, signal);
  const usable = tables.filter((table) => text(table, 'vpcId') === place.vpc);
  const strange = tables.filter((table) => !usable.includes(table));
  const routes = usable.flatMap((table) => items(table, 'routeSet').flatMap((route) => routeOf(table, route) ?? []));
  return {
    ids: usable.map((table) => text(table, 'routeTableId')),
    routes,
    ranges: [...new Set(routes.filter(({ target }) => target === LOCAL).map(({ dst }) => dst))],
    problems: [...problems, ...strange.map((table) => otherVpc(table, place))],
  };
}

const LOCAL = 'local';

/** All in one call; one by one if one of them doesn't exist, so that the others are served. */
async function byId(ec2: Ec2, ids: readonly string[], signal: AbortSignal | undefined) {
  const unique = [...new Set(ids)];
  try {
    return { tables: await describe(ec2, idParameters(unique), unique.join(', '), signal), problems: [] };
  } catch (error) {
    if (!isMissing(error) || unique.length === 1) throw error;
  }
  const problems: CloudFailure[] = [];
  const tables: Element[] = [];
  for (const id of unique) {
    try {
      tables.push(...(await describe(ec2, idParameters([id]), id, signal)));
    } catch (error) {
      if (!isMissing(error)) throw error;
      problems.push(failureOf(error));
    }
  }
  return { tables, problems };
}

const isMissing = (error: unknown): error is CloudError =>
  error instanceof CloudError && /^InvalidRouteTableI[dD]\./.test(error.code);

const idParameters = (ids: readonly string[]): Record<string, string> =>
  Object.fromEntries(ids.map((id, index) => [`RouteTableId.${index + 1}`, id]));

/** As flannel does (backend/awsvpc): the first one associated with the subnet, else the VPC's main one. */
async function detect(ec2: Ec2, { subnet, vpc }: Place, signal: AbortSignal | undefined) {
  const ofSubnet = { 'Filter.1.Name': 'association.subnet-id', 'Filter.1.Value.1': subnet };
  const ofVpc = {
    'Filter.1.Name': 'association.main',
    'Filter.1.Value.1': 'true',
    'Filter.2.Name': 'vpc-id',
    'Filter.2.Value.1': vpc,
  };
  const [own] = await describe(ec2, ofSubnet, `those of ${subnet}`, signal);
  const table = own ?? (await describe(ec2, ofVpc, `the main one of ${vpc}`, signal))[0];
  if (table) return { tables: [table], problems: [] };
  const message = `The subnet ${subnet} has no route table, and ${vpc} no main one; name one in Backend.RouteTableID.`;
  throw new CloudError({ kind: 'vanished', code: 'NoRouteTable', message });
}

async function describe(ec2: Ec2, given: Record<string, string>, about: string, signal: AbortSignal | undefined) {
  const tables: Element[] = [];
  let parameters = given;
  for (;;) {
    const answer = await ec2.call({
      action: 'DescribeRouteTables',
      parameters,
      about: `route tables ${about}`,
      signal,
    });
    tables.push(...items(answer, 'routeTableSet'));
    const next = text(answer, 'nextToken');
    if (next === '') return tables;
    parameters = { ...given, NextToken: next };
  }
}

/** What a route may lead to beside a host, by the names of EC2's API. */
const NEXT_HOPS = [
  'gatewayId',
  'natGatewayId',
  'transitGatewayId',
  'vpcPeeringConnectionId',
  'localGatewayId',
  'carrierGatewayId',
  'egressOnlyInternetGatewayId',
  'coreNetworkArn',
];

/** Undefined for one without an IPv4 range (IPv6, a prefix list). */
function routeOf(table: Element, route: Element): CloudRoute | undefined {
  const dst = text(route, 'destinationCidrBlock');
  if (dst === '') return undefined;
  const other = NEXT_HOPS.map((name) => text(route, name)).find((id) => id !== '');
  const host = text(route, 'networkInterfaceId') || text(route, 'instanceId');
  return {
    kind: 'cloud-route',
    table: text(table, 'routeTableId'),
    name: '',
    dst,
    target: other ?? host,
    toHost: other === undefined && host !== '',
    live: text(route, 'state') === 'active',
    plain: text(route, 'origin') === 'CreateRoute',
  };
}

function otherVpc(table: Element, { vpc }: Place): CloudFailure {
  const id = text(table, 'routeTableId');
  const message = `The route table ${id} is of the VPC ${text(table, 'vpcId')}, but this host is in ${vpc}; name only tables of ${vpc} in Backend.RouteTableID.`;
  return { kind: 'invalid', code: id, message };
}
