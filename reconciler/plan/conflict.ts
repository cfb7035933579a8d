/**
 * Owns the sentences about what stands in our way: what is there, and what a person does about it. Decides nothing.
 */
import type { Unread } from '../contracts/driver.ts';
import { ALIAS_PREFIX, aliasOf, type Instance } from '../contracts/host.ts';
import type { HeldEntry } from '../contracts/report.ts';
import {
  type Address,
  type Have,
  keyOf,
  type Link,
  type Nexthop,
  type Route,
  rulesOf,
  type Want,
} from '../kinds/index.ts';
import { protocolName } from '../kinds/marks.ts';
import { isForm, tunnelRules, tunnelRulesNamed } from '../tunnels/index.ts';

function held(want: Want, why: string, detail: string, unmet = true): HeldEntry {
  return { kind: want.kind, key: keyOf(want), why, detail, unmet };
}

/** What can't be read is held, for it may well be there: docs/design.md#unreadable-is-not-absent. */
export function unreadable(want: Want, { why, detail }: Unread): HeldEntry {
  return held(want, why, detail);
}

/** A device of the wanted name that isn't ours. */
export function foreignDevice(want: Link, have: Link, addresses: readonly Address[], instance: Instance): HeldEntry {
  const { name } = want;
  const rules = tunnelRules(want.type);
  if (have.type !== want.type) {
    const detail = `${name} is ${otherType(have, want.type)}, which selvage did not make; remove or rename it, then selvage will make its own.`;
    return held(want, 'foreign device', detail);
  }
  if (have.master !== '') {
    const detail = `${name} is a port of ${have.master}; take it out (ip link set ${name} nomaster), then selvage will go on with it.`;
    return held(want, 'enslaved device', detail);
  }
  if (have.alias && have.alias !== aliasOf(instance)) {
    const whose = have.alias.startsWith(ALIAS_PREFIX)
      ? `belongs to the network at ${have.alias.slice(ALIAS_PREFIX.length)}; ${rules?.apart ?? 'give one of the two networks another backend'}`
      : `is marked as somebody else's (alias "${have.alias}"); remove or rename it, then selvage will make its own`;
    return held(want, 'foreign device', `${name} ${whose}.`);
  }
  if (have.alias === '' && rules?.isOursUnmarked?.(have.tunnel) === false) {
    const detail = `${name} is ${rules.what(have.tunnel)}; end that (systemctl stop flanneld), then selvage makes its own by itself.`;
    return held(want, 'foreign device', detail);
  }
  if (!isForm(have)) {
    const detail = `${name} is ${rules?.what(have.tunnel)}, which selvage did not make; remove or rename it, then selvage will make its own.`;
    return held(want, 'foreign device', detail);
  }
  if (addresses.length === 0) {
    const detail = `${name} is unmarked and its addresses are not all known, so it is left alone until they are.`;
    return held(want, 'waiting', detail);
  }
  const has = addresses.map((address) => address.address).join(', ');
  const inside = instance.networks.join(', ') || 'any network of this instance';
  const detail = `${name} is unmarked and has the address ${has}, which is not in ${inside}, so it may be another network's; remove it or its address, then selvage will take over.`;
  return held(want, 'foreign device', detail);
}

/** "not an ipip device", "a bridge device" */
const otherType = ({ type }: Link, wanted: string): string =>
  type === '' ? `not ${withArticle(wanted)} device` : `${withArticle(type)} device`;

const withArticle = (word: string): string => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`;

/** Another device has what ours needs and the kernel has one of (it would say EEXIST). `why`: the sentence. */
export const inTheWay = (want: Link, why: string): HeldEntry => held(want, 'foreign device', why);

/** An unmarked flannel device that may be ours and may be another network's. */
export function unmarkedDevice(have: Link): HeldEntry {
  const detail = `${have.name} has no mark and no address in this instance's networks, so it is left alone; if nothing uses it, remove it (ip link delete ${have.name}).`;
  return held(have, 'unmarked device', detail, false);
}

/** What waits for desired state or the listing to be complete, because it includes a delete. */
export function recreateWaits(want: Want, fields: readonly string[]): HeldEntry {
  const detail = `${want.kind} ${keyOf(want)} must be made anew (${fields.join(', ')}), which waits until it is known for certain what belongs under it.`;
  return held(want, 'waiting', detail);
}

export function replaceWaits(want: Want): HeldEntry {
  const detail = `${want.kind} ${keyOf(want)} is to be changed, which waits for a listing that is complete.`;
  return held(want, 'waiting', detail);
}

/** A device of flannel's name that is not ours to remove, though the config doesn't call for it. */
export function strangeDevice(have: Link): HeldEntry {
  const { name, type, alias } = have;
  const rules = tunnelRulesNamed(name);
  const what =
    type !== rules?.type
      ? `is ${otherType(have, rules?.type ?? '')}, which neither selvage nor flannel made`
      : have.master !== ''
        ? `is a port of ${have.master}`
        : isForm(have)
          ? `is marked as somebody else's (alias "${alias}")`
          : `is ${rules.what(have.tunnel)}, which neither selvage nor flannel made`;
  const detail = `${name} ${what}, so it is left alone; if nothing uses it, remove it (ip link delete ${name}).`;
  return held(have, have.master === '' ? 'foreign device' : 'enslaved device', detail, false);
}

/** A device that was ours and that somebody has given an address of another network. */
export function foreignAddress(have: Link, addresses: readonly Address[]): HeldEntry {
  const { name } = have;
  const has = addresses.map(({ address }) => address).join(', ');
  const detail = `${name} is not wanted any more, but has ${has}, which is in none of this instance's networks; take that away, or remove ${name} (ip link delete ${name}).`;
  return held(have, 'foreign address', detail, false);
}

/** A device of flannel's name of which it isn't certain that its backend left it. */
export function unsureTunnel(have: Link, backend: string): HeldEntry {
  const detail = `${have.name} may be of flannel's ${backend} backend, but has not the address and the route that it would have here, so it is left alone; if nothing uses it, remove it (ip link delete ${have.name}).`;
  return held(have, 'unmarked device', detail, false);
}

/** Somebody's address on a device of ours that is wanted: kept, but the kernel may send with it, and a DHCP client may bring a route. */
export function addressOnOurs(have: Address): HeldEntry {
  const { dev, address } = have;
  const detail = `${dev} has the address ${address}, which selvage did not give it (a DHCP client may have); take it away (ip address del ${address} dev ${dev}), and keep such clients off ${dev}.`;
  return held(have, 'foreign address', detail, false);
}

export function keptStale(have: Have): HeldEntry {
  const detail = `${have.kind} ${keyOf(have)} is not wanted any more, and stays because of --keep-stale.`;
  return held(have, 'stale', detail, false);
}

export function deviceInUse(have: Link): HeldEntry {
  const detail = `${have.name} is not wanted any more, but stays until what still goes through it can be moved.`;
  return held(have, 'still in use', detail, false);
}

export function nexthopInUse(have: Nexthop, route: Route): HeldEntry {
  const detail = `Nexthop ${have.id} is not wanted any more, but somebody else's route to ${route.dst} (proto ${protocolName(route.protocol)}) goes through it; remove that route, then selvage will remove the nexthop.`;
  return held(have, 'still in use', detail, false);
}

export function nexthopIdTaken(want: Nexthop, have: Nexthop, route: Route): HeldEntry {
  const where = have.plain ? `via ${have.gateway || have.dev}` : 'of another form';
  const detail = `Nexthop id ${want.id} is taken by somebody else (proto ${protocolName(have.protocol)}, ${where}); the route to ${route.dst} uses a plain gateway instead, and nothing needs to be done.`;
  return held(want, 'foreign nexthop', detail, false);
}

/** The entry about what is there, also if nothing is wrong with it. */
export const remarkOn = (want: Want, why: string, detail: string): HeldEntry => held(want, why, detail, false);

/** A foreign object in the slot of a Want other than a link. */
export function foreignObject(want: Want, have: Have): HeldEntry {
  return held(want, `foreign ${want.kind}`, rulesOf(have.kind).inTheWay(have));
}
