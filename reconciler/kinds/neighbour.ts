/** Owns what an ARP entry is: a peer's subnet address → its VTEP's MAC, permanent. */
import { parseIp } from '../../config/ipv4.ts';
import { type Command, ip, oneCommand } from './command.ts';
import { differing, SAME } from './fields.ts';
import { type Judge, type KindRules, type Owner, plainFields, textUnderDevice, thereAlready, USUAL } from './kind.ts';
import { SELVAGE_PROTOCOL } from './marks.ts';

export interface Neighbour {
  kind: 'neighbour';
  dev: string;
  ip: string;
  mac: string;
  permanent: boolean;
  /** NDA_PROTOCOL, 0 if unmarked. Says who once made it; not compared. */
  protocol: number;
}

const name = ({ ip, dev }: Neighbour): string => `neighbour ${ip} on ${dev}`;

export const neighbourKind: KindRules<Neighbour> = {
  ...USUAL,
  kind: 'neighbour',
  isUnderLink: true,
  goesWithMac: true,
  key: ({ dev, ip }) => `${dev}|${ip}`,
  device: ({ dev }) => dev,
  differs,
  mustRecreate: () => false,
  ownerOf,
  standsOn: ({ dev }) => [`link ${dev}`],
  goesThrough: ({ dev, mac }) => `fdb ${dev}|${mac}`,
  rangeOf: ({ ip }) => parseIp(ip),
  text: ({ ip, dev, mac, permanent }) => `${ip} dev ${dev}${mac && ` lladdr ${mac}`}${permanent ? ' PERMANENT' : ''}`,
  commands: (change) => oneCommand(change, command),
  textOfKey: textUnderDevice,
  name,
  describe: (have) => `${name(have)} at ${have.mac || 'no address'}${have.permanent ? ' permanent' : ''}`,
  inTheWay: (have) => thereAlready(name(have)),
  fields: plainFields,
};

function differs(want: Neighbour, have: Neighbour): readonly string[] {
  if (have.mac === want.mac && have.permanent === want.permanent) return SAME;
  return differing(want, have, ['mac', 'permanent']);
}

function ownerOf(have: Neighbour, judge: Judge): Owner {
  if (!judge.ownsDevice(have.dev)) return 'foreign';
  if (!have.permanent) return 'learned';
  // Our mark may outlive our value (a replace without a protocol leaves it standing), so it alone is enough: we once made this one.
  return have.protocol === SELVAGE_PROTOCOL || judge.inside(parseIp(have.ip)) ? 'ours' : 'foreign';
}

function command(verb: string, { ip: address, dev, mac, protocol }: Neighbour): Command {
  if (verb === 'del') return ip('neighbour', verb, address, 'dev', dev);
  const mark = protocol ? ['protocol', protocol] : [];
  return ip('neighbour', verb, address, 'lladdr', mac, 'dev', dev, 'nud', 'permanent', ...mark);
}
