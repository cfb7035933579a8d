/** Owns what an IPv4 address of a device is. Ours is the subnet's first one on the tunnel's device. */
import { parseCidr } from '../../config/ipv4.ts';
import { ip, oneCommand } from './command.ts';
import { SAME } from './fields.ts';
import { type KindRules, plainFields, textUnderDevice, thereAlready, USUAL } from './kind.ts';

export interface Address {
  kind: 'address';
  dev: string;
  /** "10.5.34.0/32" */
  address: string;
}

const name = ({ address, dev }: Address): string => `address ${address} on ${dev}`;

export const addressKind: KindRules<Address> = {
  ...USUAL,
  kind: 'address',
  isUnderLink: true,
  tellsOwner: true,
  isPeers: false,
  key: ({ dev, address }) => `${dev}|${address}`,
  device: ({ dev }) => dev,
  differs: () => SAME,
  mustRecreate: () => false,
  ownerOf: ({ dev, address }, judge) =>
    judge.ownsDevice(dev) && judge.inside(parseCidr(address)) ? 'ours' : 'foreign',
  standsOn: ({ dev }) => [`link ${dev}`],
  goesThrough: () => undefined,
  rangeOf: ({ address }) => parseCidr(address),
  text: ({ address, dev }) => `${address} dev ${dev}`,
  commands: (change) => oneCommand(change, (verb, { address, dev }) => ip('address', verb, address, 'dev', dev)),
  textOfKey: textUnderDevice,
  name,
  describe: name,
  inTheWay: (have) => thereAlready(name(have)),
  fields: plainFields,
};
