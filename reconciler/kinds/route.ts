/** Owns what a route is. Ours lie in table main, on a nexthop object of their own or with a plain gateway (plan/route-form.ts decides). */
import { parseCidr } from '../../config/ipv4.ts';
import { type Command, ip, oneCommand } from './command.ts';
import { differing, SAME } from './fields.ts';
import { type Judge, type KindRules, type Owner, plainFields, USUAL } from './kind.ts';
import { KERNEL_PROTOCOL, protocolName, SELVAGE_PROTOCOL, viaText } from './marks.ts';

export interface Route {
  kind: 'route';
  table: number;
  dst: string;
  tos: number;
  metric: number;
  /** "" for none (a connected route has only a device; some types have neither). */
  dev: string;
  gateway: string;
  onlink: boolean;
  /** Id of the nexthop object it uses; 0 for a plain gateway. A Want names the one it prefers. */
  nexthopId: number;
  protocol: number;
  /** rtm_type as iproute2 names it: "unicast", "blackhole", … */
  type: string;
  /** False for what we would never make: multipath, encapsulation, a source address, metrics such as an MTU. */
  plain: boolean;
}

/** RT_TABLE_MAIN, where flannel's routes go. */
export const MAIN_TABLE = 254;

/** Routes are judged with a question more: whether an unmarked one is what flannel itself makes of a lease (host-gw, DirectRouting). */
export interface RouteJudge extends Judge {
  isFlannels(route: Route): boolean;
}

const name = ({ dst, metric }: Route): string => `route ${dst}${metric ? ` metric ${metric}` : ''}`;

export const routeKind: KindRules<Route> = {
  ...USUAL,
  kind: 'route',
  isUnderLink: true,
  keyNamesDevice: false,
  sharesSlot: true,
  decidedWith: ['nexthop'],
  key: ({ table, dst, tos, metric }) => `${table}|${dst}|${tos}|${metric}`,
  device: ({ dev }) => dev,
  differs,
  mustRecreate: () => false,
  ownerOf,
  standsOn,
  goesThrough: ({ dev, gateway }) => (gateway === '' ? undefined : `neighbour ${dev}|${gateway}`),
  rangeOf: ({ dst }) => parseCidr(dst),
  text,
  commands: (change) => oneCommand(change, command),
  textOfKey,
  name,
  describe: (have) => `${have.type} ${name(have)}${viaText(have)} proto ${have.protocol}`,
  inTheWay,
  fields: plainFields,
};

/** On its nexthop object a route has no gateway of its own; what the kernel shows there (nexthop_compat_mode) is the object's. */
function differs(want: Route, have: Route): readonly string[] {
  const rest = have.type === want.type && have.plain === want.plain;
  if (want.nexthopId !== 0) {
    if (have.nexthopId === want.nexthopId && rest) return SAME;
    return differing(want, have, ['nexthopId', 'type', 'plain']);
  }
  if (
    have.nexthopId === 0 &&
    have.gateway === want.gateway &&
    have.dev === want.dev &&
    have.onlink === want.onlink &&
    rest
  )
    return SAME;
  return differing(want, have, ['dev', 'gateway', 'onlink', 'nexthopId', 'type', 'plain']);
}

/** What the kernel made by itself (a connected route) is never ours. */
function ownerOf(have: Route, judge: RouteJudge): Owner {
  if (have.table !== MAIN_TABLE || have.protocol === KERNEL_PROTOCOL) return 'foreign';
  if (have.protocol !== SELVAGE_PROTOCOL && !judge.ownsDevice(have.dev) && !judge.isFlannels(have)) return 'foreign';
  return judge.inside(parseCidr(have.dst)) ? 'ours' : 'foreign';
}

function standsOn({ dev, nexthopId }: Route): string[] {
  const ids = dev === '' ? [] : [`link ${dev}`];
  if (nexthopId !== 0) ids.push(`nexthop ${nexthopId}`);
  return ids;
}

/** As `ip route` prints it; a type other than unicast comes first, as there. */
function text(route: Route): string {
  const type = route.type === 'unicast' ? '' : `${route.type} `;
  const table = route.table === MAIN_TABLE ? '' : ` table ${route.table}`;
  const metric = route.metric === 0 ? '' : ` metric ${route.metric}`;
  return `${type}${route.dst}${viaText(route)}${table}${metric}${route.onlink ? ' onlink' : ''}`;
}

function textOfKey(key: string): string {
  const [table, dst = key, tos, metric] = key.split('|');
  const where = table === String(MAIN_TABLE) ? '' : ` table ${table}`;
  return `${dst}${tos === '0' ? '' : ` tos ${tos}`}${where}${metric === '0' ? '' : ` metric ${metric}`}`;
}

function inTheWay(have: Route): string {
  const proto = `proto ${protocolName(have.protocol)}`;
  if (have.type !== 'unicast')
    return `${have.dst} is already routed (${have.type}, ${proto}); remove that route, then selvage will take over.`;
  if (have.protocol === KERNEL_PROTOCOL)
    return `${have.dst} is already routed by ${have.dev} (${proto}); remove that address or move ${have.dev} to this host's subnet, then selvage will take over.`;
  const via = have.gateway === '' ? '' : ` via ${have.gateway}`;
  const dev = have.dev === '' ? '' : ` on ${have.dev}`;
  return `${have.dst} is already routed${via}${dev} (${proto}); remove that route, then selvage will take over.`;
}

/** A delete names all that it knows, so that nobody else's is hit; what is not plain has more than we know. */
function command(verb: string, route: Route): Command {
  const { type, dst, tos, table, metric, nexthopId, gateway, dev, onlink, protocol, plain } = route;
  const where = [...(tos ? ['tos', tos] : []), 'table', table, ...(metric ? ['metric', metric] : [])];
  const direct = [...(gateway ? ['via', gateway] : []), ...(dev ? ['dev', dev] : [])];
  const via = nexthopId ? ['nhid', nexthopId] : verb === 'del' && !plain ? [] : direct;
  const flags = onlink && !nexthopId && verb !== 'del' ? ['onlink'] : [];
  return ip(
    'route',
    verb,
    ...(type === 'unicast' ? [] : [type]),
    dst,
    ...where,
    ...via,
    ...flags,
    'protocol',
    protocol,
  );
}
