/** Owns what a part of the firewall is as a resource: one of reconciler/firewall/'s parts, whose identity is engine, table and chain. */

import { differingParts, type FirewallPart, FLANNEL, partKey, partLines, tagOf } from '../firewall/part.ts';
import { firewallCommands } from './firewall-commands.ts';
import type { Judge, KindRules, Owner } from './kind.ts';
import { thereAlready, USUAL } from './kind.ts';

export type { FirewallPart } from '../firewall/part.ts';

const name = (part: FirewallPart): string => `firewall ${partKey(part)}`;

/** An element its set's table. A jump finds its chain in the same batch, or fails with it. */
const standsOn = (part: FirewallPart): string[] =>
  part.part === 'element' ? [`firewall ${part.engine} ${part.family} ${part.table}`] : [];

export const firewallKind: KindRules<FirewallPart> = {
  ...USUAL,
  kind: 'firewall',
  isUnderLink: false,
  isPeers: false,
  key: partKey,
  device: () => undefined,
  differs: differingParts,
  mustRecreate: () => false,
  ownerOf,
  standsOn,
  goesThrough: () => undefined,
  rangeOf: () => undefined,
  text: (part) => partLines(part).join('\n'),
  textOfKey: (key) => key,
  commands: firewallCommands,
  name,
  describe: name,
  inTheWay: (have) => thereAlready(name(have)),
  fields,
};

/** An instance's own by its tag. flannel's for our networks, where no flanneld runs (found.ts leaves out any other), are ours to clear away. */
function ownerOf({ tag }: FirewallPart, judge: Judge): Owner {
  return tag === FLANNEL || tag === tagOf(judge.alias.slice('selvage:'.length)) ? 'ours' : 'foreign';
}

function fields(part: FirewallPart): Record<string, unknown> {
  const rules = partLines(part);
  if (part.part !== 'rules') return { rules };
  return { rules, place: part.inPlace ? part.place : `not ${part.place}` };
}
