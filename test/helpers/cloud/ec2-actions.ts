/**
 * Owns what the fake EC2 answers to an action. Strict: a parameter that EC2 doesn't know, a missing one, or one of a wrong form is refused,
 * with the codes and sentences of EC2's API reference.
 */
import { contains, maskCidr } from '../../../config/ipv4.ts';
import type { AwsWorld, Eni, Table, TableRoute } from './aws-world.ts';
import { list, type Xml } from './xml.ts';

export class Ec2Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export type Parameters = ReadonlyMap<string, string>;

interface Action {
  allowed: RegExp;
  required: string[];
  run(world: AwsWorld, given: Parameters): Xml;
}

const FILTERS = String.raw`Filter\.\d+\.(Name|Value\.\d+)`;
const ROUTE = 'RouteTableId|DestinationCidrBlock|NetworkInterfaceId';

export const ACTIONS: Record<string, Action> = {
  DescribeInstances: { allowed: /^InstanceId\.\d+$/, required: [], run: describeInstances },
  DescribeRouteTables: {
    allowed: new RegExp(String.raw`^(RouteTableId\.\d+|${FILTERS}|MaxResults|NextToken)$`),
    required: [],
    run: describeRouteTables,
  },
  CreateRoute: { allowed: new RegExp(`^(${ROUTE})$`), required: ['RouteTableId'], run: createRoute },
  ReplaceRoute: { allowed: new RegExp(`^(${ROUTE})$`), required: ['RouteTableId'], run: replaceRoute },
  DeleteRoute: {
    allowed: /^(RouteTableId|DestinationCidrBlock)$/,
    required: ['RouteTableId', 'DestinationCidrBlock'],
    run: deleteRoute,
  },
  ModifyNetworkInterfaceAttribute: {
    allowed: /^(NetworkInterfaceId|SourceDestCheck\.Value)$/,
    required: ['NetworkInterfaceId'],
    run: modifyInterface,
  },
};

/** Checks names before anything else, as EC2 does. */
export function checkParameters(action: Action, given: Parameters): void {
  for (const name of given.keys()) {
    if (['Action', 'Version', 'DryRun'].includes(name) || action.allowed.test(name)) continue;
    throw new Ec2Refusal('UnknownParameter', `The parameter ${name} is not recognized`);
  }
  for (const name of action.required) {
    if (!given.get(name)) throw new Ec2Refusal('MissingParameter', `The request must contain the parameter ${name}`);
  }
}

const numbered = (given: Parameters, prefix: string): string[] =>
  [...given].flatMap(([name, value]) => (new RegExp(`^${prefix}\\.\\d+$`).test(name) ? value : []));

function filtersOf(given: Parameters): Map<string, string[]> {
  const filters = new Map<string, string[]>();
  for (const [name, value] of given) {
    const at = /^Filter\.(\d+)\.Name$/.exec(name)?.[1];
    if (at !== undefined) filters.set(value, numbered(given, `Filter\\.${at}\\.Value`));
  }
  return filters;
}

function describeInstances(world: AwsWorld, given: Parameters): Xml {
  const { enis } = world.read();
  const ids = numbered(given, 'InstanceId');
  for (const id of ids) {
    if (!/^i-[0-9a-f]+$/.test(id)) throw new Ec2Refusal('InvalidInstanceID.Malformed', `Invalid id: "${id}"`);
    if (!enis.some(({ instance }) => instance === id))
      throw new Ec2Refusal('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
  }
  const instances = [...new Set(enis.map(({ instance }) => instance))].filter((id) => !ids.length || ids.includes(id));
  return {
    reservationSet: list(
      instances.map((id) => ({
        reservationId: 'r-01',
        instancesSet: list([
          {
            instanceId: id,
            networkInterfaceSet: list(enis.filter(({ instance }) => instance === id).map(interfaceXml)),
          },
        ]),
      })),
    ),
  };
}

const interfaceXml = (eni: Eni): Xml => ({
  networkInterfaceId: eni.id,
  subnetId: eni.subnet,
  vpcId: eni.vpc,
  macAddress: eni.mac,
  privateIpAddress: eni.address,
  sourceDestCheck: String(eni.sourceDestCheck),
  privateIpAddressesSet: list([{ privateIpAddress: eni.address, primary: 'true' }]),
});

const FILTER: Record<string, (table: Table, values: string[], world: AwsWorld) => boolean> = {
  'association.subnet-id': ({ subnets }, values) => subnets.some((subnet) => values.includes(subnet)),
  'association.main': ({ main }, values) => values.includes(String(main)),
  'vpc-id': ({ vpc }, values) => values.includes(vpc),
  'route.state': ({ routes }, values, world) =>
    routes.some((route) => values.includes(world.isLive(route) ? 'active' : 'blackhole')),
};

function describeRouteTables(world: AwsWorld, given: Parameters): Xml {
  const { tables, enis } = world.read();
  const ids = numbered(given, 'RouteTableId');
  for (const id of ids) {
    if (!tables.some((table) => table.id === id)) throw noTable(id);
  }
  const filters = filtersOf(given);
  const matching = tables.filter((table) =>
    [...filters].every(([name, values]) => {
      const test = FILTER[name];
      if (!test) throw new Ec2Refusal('InvalidParameterValue', `The filter '${name}' is invalid`);
      return test(table, values, world);
    }),
  );
  const chosen = matching.filter(({ id }) => !ids.length || ids.includes(id));
  return { routeTableSet: list(chosen.map((table) => tableXml(world, table, enis))) };
}

function tableXml(world: AwsWorld, table: Table, enis: Eni[]): Xml {
  return {
    routeTableId: table.id,
    vpcId: table.vpc,
    routeSet: list(table.routes.map((route) => routeXml(world, route, enis))),
    associationSet: list([
      ...(table.main ? [{ routeTableId: table.id, main: 'true' }] : []),
      ...table.subnets.map((subnetId) => ({ routeTableId: table.id, subnetId, main: 'false' })),
    ]),
  };
}

function routeXml(world: AwsWorld, route: TableRoute, enis: Eni[]): Xml {
  const eni = enis.find(({ id }) => id === route.eni);
  return {
    ...(route.prefixList ? { destinationPrefixListId: route.prefixList } : { destinationCidrBlock: route.dst }),
    ...(route.gateway ? { gatewayId: route.gateway } : {}),
    ...(route.eni ? { networkInterfaceId: route.eni } : {}),
    ...(eni ? { instanceId: eni.instance, instanceOwnerId: '000000000000' } : {}),
    state: world.isLive(route, enis) ? 'active' : 'blackhole',
    origin: route.origin,
  };
}

const noTable = (id: string): Ec2Refusal =>
  new Ec2Refusal('InvalidRouteTableID.NotFound', `The routeTable ID '${id}' does not exist`);

/** The table, the range and the ENI that a route is to be made of. */
function routeGiven(world: AwsWorld, given: Parameters) {
  const { tables, enis } = world.truth;
  const id = given.get('RouteTableId')!;
  const table = tables.find((one) => one.id === id);
  if (!table) throw noTable(id);
  const dst = given.get('DestinationCidrBlock') ?? '';
  if (maskCidr(dst) !== dst)
    throw new Ec2Refusal('InvalidParameterValue', `Value (${dst}) for parameter destinationCidrBlock is invalid.`);
  if (contains(world.vpcRange, dst))
    throw new Ec2Refusal(
      'InvalidParameterValue',
      `The destination CIDR block ${dst} is equal to or more specific than one of this VPC's CIDR blocks.`,
    );
  const eniId = given.get('NetworkInterfaceId') ?? '';
  const eni = enis.find((one) => one.id === eniId);
  if (!eni)
    throw new Ec2Refusal('InvalidNetworkInterfaceID.NotFound', `The networkInterface ID '${eniId}' does not exist`);
  if (eni.vpc !== table.vpc)
    throw new Ec2Refusal(
      'InvalidParameterValue',
      `route table ${id} and network interface ${eniId} belong to different networks`,
    );
  return { table, dst, eni };
}

function createRoute(world: AwsWorld, given: Parameters): Xml {
  const { table, dst, eni } = routeGiven(world, given);
  if (table.routes.some((route) => route.dst === dst))
    throw new Ec2Refusal('RouteAlreadyExists', `The route identified by ${dst} already exists.`);
  if (table.routes.length >= world.quota)
    throw new Ec2Refusal('RouteLimitExceeded', `The maximum number of routes has been reached for ${table.id}.`);
  world.write(() => table.routes.push({ dst, eni: eni.id, origin: 'CreateRoute' }));
  return { return: 'true' };
}

function replaceRoute(world: AwsWorld, given: Parameters): Xml {
  const { table, dst, eni } = routeGiven(world, given);
  const route = table.routes.find((one) => one.dst === dst);
  if (!route)
    throw new Ec2Refusal(
      'InvalidParameterValue',
      `There is no route defined for '${dst}' in the route table. Use CreateRoute instead.`,
    );
  world.write(() => {
    delete route.gateway;
    route.eni = eni.id;
  });
  return { return: 'true' };
}

function deleteRoute(world: AwsWorld, given: Parameters): Xml {
  const id = given.get('RouteTableId')!;
  const dst = given.get('DestinationCidrBlock')!;
  const table = world.truth.tables.find((one) => one.id === id);
  if (!table) throw noTable(id);
  if (!table.routes.some((route) => route.dst === dst))
    throw new Ec2Refusal('InvalidRoute.NotFound', `no route with destination-cidr-block ${dst} in route table ${id}`);
  world.write(() => world.removeRoute(id, dst));
  return { return: 'true' };
}

function modifyInterface(world: AwsWorld, given: Parameters): Xml {
  const id = given.get('NetworkInterfaceId');
  const value = given.get('SourceDestCheck.Value');
  if (value !== 'true' && value !== 'false')
    throw new Ec2Refusal('InvalidParameterCombination', 'No attributes specified.');
  world.write(({ enis }) => {
    const eni = enis.find((one) => one.id === id);
    if (!eni)
      throw new Ec2Refusal('InvalidNetworkInterfaceID.NotFound', `The networkInterface ID '${id}' does not exist`);
    eni.sourceDestCheck = value === 'true';
  });
  return { return: 'true' };
}
