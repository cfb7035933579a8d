/** Owns what an FDB entry of a tunnel's device is (AF_BRIDGE, NTF_SELF): a VTEP's MAC → its host's address. */

import { bridge, type Command, oneCommand } from './command.ts';
import { differing, SAME } from './fields.ts';
import { type Judge, type KindRules, type Owner, plainFields, textUnderDevice, thereAlready, USUAL } from './kind.ts';

export interface Fdb {
  kind: 'fdb';
  dev: string;
  mac: string;
  /** Underlay address of the VTEP; "" for an entry without one. */
  dst: string;
  permanent: boolean;
  /** True if it is nothing but mac, dst, self, permanent: no port, VNI, nexthop, learned or extern flag. */
  plain: boolean;
}

const LOCALLY_ADMINISTERED = 2;
const MULTICAST = 1;

const name = ({ mac, dev }: Fdb): string => `FDB entry ${mac} on ${dev}`;

export const fdbKind: KindRules<Fdb> = {
  ...USUAL,
  kind: 'fdb',
  isUnderLink: true,
  key: ({ dev, mac }) => `${dev}|${mac}`,
  device: ({ dev }) => dev,
  differs,
  // A replacement leaves an entry on a nexthop group as it is, and says nothing (vxlan_core.c: vxlan_fdb_replace).
  mustRecreate: (fields) => fields.includes('plain'),
  ownerOf,
  standsOn: ({ dev }) => [`link ${dev}`],
  goesThrough: () => undefined,
  rangeOf: () => undefined,
  text: ({ mac, dev, dst, permanent }) =>
    `${mac} dev ${dev}${dst && ` dst ${dst}`} self${permanent ? ' permanent' : ''}`,
  commands: (change) => oneCommand(change, command),
  textOfKey: textUnderDevice,
  name,
  describe: (have) => `${name(have)} to ${have.dst || 'nowhere'}${have.permanent ? ' permanent' : ''}`,
  inTheWay: (have) => thereAlready(name(have)),
  fields: plainFields,
};

function differs(want: Fdb, have: Fdb): readonly string[] {
  if (have.dst === want.dst && have.permanent === want.permanent && have.plain === want.plain) return SAME;
  return differing(want, have, ['dst', 'permanent', 'plain']);
}

/**
 * FDB entries can't carry a mark. flannel's VTEPs have a locally administered unicast MAC (its own: `(b0 & 0xfe) | 0x02`) and an
 * underlay address; a default entry (00:…:00), a multicast one or one with a vendor's MAC was put there by somebody else, unless it is
 * the very MAC that a live lease names: that one is ours in any form.
 */
function ownerOf(have: Fdb, judge: Judge): Owner {
  if (!judge.ownsDevice(have.dev)) return 'foreign';
  if (!have.permanent && have.plain) return 'learned';
  const first = Number.parseInt(have.mac.slice(0, 2), 16);
  if (first & MULTICAST) return 'foreign';
  if (judge.isWanted(`fdb ${have.dev}|${have.mac}`)) return 'ours';
  if (!have.permanent || !have.plain || have.dst === '') return 'foreign';
  return first & LOCALLY_ADMINISTERED ? 'ours' : 'foreign';
}

function command(verb: string, { mac, dev, dst, plain }: Fdb): Command {
  return bridge(
    'fdb',
    verb,
    mac,
    'dev',
    dev,
    ...(dst && (plain || verb !== 'del') ? ['dst', dst] : []),
    'self',
    ...(verb === 'del' ? [] : ['permanent']),
  );
}
