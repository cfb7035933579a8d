/** Owns what an entry of the udp engine's table is: the subnet of a peer and the host that has it. The engine's table is a kernel's, but for who keeps it. */
import { parseCidr } from '../../config/ipv4.ts';
import { onlySelvage } from './command.ts';
import { differing, SAME } from './fields.ts';
import { type KindRules, plainFields, textUnderDevice, thereAlready, USUAL } from './kind.ts';

export interface UdpPeer {
  kind: 'udp-peer';
  /** The engine's device: flannel0. */
  dev: string;
  subnet: string;
  /** Address of the host that its datagrams go to. */
  host: string;
}

const name = ({ subnet, dev }: UdpPeer): string => `udp peer ${subnet} on ${dev}`;

export const udpPeerKind: KindRules<UdpPeer> = {
  ...USUAL,
  kind: 'udp-peer',
  isUnderLink: true,
  key: ({ dev, subnet }) => `${dev}|${subnet}`,
  device: ({ dev }) => dev,
  differs: (want, have) => (have.host === want.host ? SAME : differing(want, have, ['host'])),
  mustRecreate: () => false,
  // Nobody else writes into the table of our engine.
  ownerOf: (have, judge) => (judge.ownsDevice(have.dev) ? 'ours' : 'foreign'),
  standsOn: ({ dev }) => [`link ${dev}`],
  goesThrough: () => undefined,
  rangeOf: ({ subnet }) => parseCidr(subnet),
  text: ({ subnet, host, dev }) => `${subnet} to ${host} by udp dev ${dev}`,
  textOfKey: textUnderDevice,
  // No tool reaches the engine's table but selvage itself.
  commands: () => [onlySelvage("the udp engine's table")],
  name,
  describe: (have) => `${name(have)} at ${have.host}`,
  inTheWay: (have) => thereAlready(name(have)),
  fields: plainFields,
};
