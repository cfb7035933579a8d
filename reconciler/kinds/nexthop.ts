/** Owns what a nexthop object is (RTM_NEWNEXTHOP, kernel ≥ 5.3). Ours has its peer's subnet address as its id, and so is known by it. */
import { formatIp } from '../../config/ipv4.ts';
import { type Command, ip, oneCommand } from './command.ts';
import { differing, SAME } from './fields.ts';
import { type KindRules, plainFields, thereAlready, USUAL } from './kind.ts';
import { protocolName, SELVAGE_PROTOCOL, viaText } from './marks.ts';

export interface Nexthop {
  kind: 'nexthop';
  /** u32 that its creator chooses; ours is the IPv4 address of the peer's subnet as a number. */
  id: number;
  dev: string;
  gateway: string;
  onlink: boolean;
  protocol: number;
  /** False for what we would never make: groups, blackholes, encapsulations, an IPv6 gateway. */
  plain: boolean;
}

const name = ({ id }: Nexthop): string => `nexthop object ${id} (${formatIp(id)})`;

export const nexthopKind: KindRules<Nexthop> = {
  ...USUAL,
  kind: 'nexthop',
  isUnderLink: true,
  keyNamesDevice: false,
  decidedWith: ['route'],
  key: ({ id }) => String(id),
  device: ({ dev }) => dev,
  differs,
  // A group can't become a single one (nexthop.c: replace_nexthop).
  mustRecreate: (fields) => fields.includes('plain'),
  ownerOf: ({ protocol, id }, judge) => (protocol === SELVAGE_PROTOCOL && judge.inside(id) ? 'ours' : 'foreign'),
  standsOn: ({ dev }) => (dev === '' ? [] : [`link ${dev}`]),
  goesThrough: ({ dev, gateway }) => (gateway === '' ? undefined : `neighbour ${dev}|${gateway}`),
  rangeOf: ({ id }) => id,
  text: (nexthop) =>
    `id ${nexthop.id}${viaText(nexthop)} proto ${protocolName(nexthop.protocol)}${nexthop.onlink ? ' onlink' : ''}`,
  commands: (change) => oneCommand(change, command),
  textOfKey: (key) => `id ${key}`,
  name,
  describe: (have) => `${name(have)}${viaText(have)} proto ${have.protocol}`,
  inTheWay: (have) => thereAlready(name(have)),
  fields: plainFields,
};

function differs(want: Nexthop, have: Nexthop): readonly string[] {
  if (
    have.gateway === want.gateway &&
    have.dev === want.dev &&
    have.onlink === want.onlink &&
    have.plain === want.plain
  )
    return SAME;
  return differing(want, have, ['dev', 'gateway', 'onlink', 'plain']);
}

function command(verb: string, { id, gateway, dev, onlink, protocol }: Nexthop): Command {
  if (verb === 'del') return ip('nexthop', verb, 'id', id);
  const via = [...(gateway ? ['via', gateway] : []), ...(dev ? ['dev', dev] : []), ...(onlink ? ['onlink'] : [])];
  return ip('nexthop', verb, 'id', id, ...via, 'protocol', protocol);
}
