/** Owns what a network device is. Ours are a backend's tunnels; others are observed as far as they matter. */
import { parseCidr } from '../../config/ipv4.ts';
import {
  attributesThatDiffer,
  isFixed,
  isForm,
  type Tunnel,
  tunnelDiffers,
  tunnelFields,
  tunnelRules,
} from '../tunnels/index.ts';
import { type ChangeOf, type Command, ip, quoted } from './command.ts';
import { type Judge, type KindRules, type Owner, thereAlready, USUAL } from './kind.ts';

/** Observed ones may be of any type; wanted ones are tunnels. */
export interface Link {
  kind: 'link';
  name: string;
  /** rtnetlink's IFLA_INFO_KIND: "ipip", "bridge", …; "" for a device without one. */
  type: string;
  up: boolean;
  mac: string;
  mtu: number;
  /** IFLA_IFALIAS, "" for none; ours reads `selvage:<etcd prefix>` and names the instance that owns the device. Undefined: not wanted in particular. */
  alias?: string;
  /** Name of the bridge or bond it is enslaved to, "" for none (only ever observed). */
  master: string;
  /** net.ipv4.conf.<name>.rp_filter of a tunnel's device: 2 is loose. Undefined: not known, or not wanted in particular. */
  rpFilter?: number;
  /** False if net.ipv4.conf.<name>.forwarding of a tunnel's device is off: every tunnel is wanted with it. Undefined: on, or not known. */
  forwarding?: false;
  /** False if a tunnel's device is `arp off` (IFF_NOARP) though it resolves by ARP entries. Undefined: on, or not known. */
  arp?: false;
  /** What makes it, if it is of a type that a backend makes. */
  tunnel?: Tunnel;
}

const name = (link: Link): string => `link ${link.name}`;

export const linkKind: KindRules<Link> = {
  ...USUAL,
  kind: 'link',
  isUnderLink: false,
  tellsOwner: true,
  isPeers: false,
  key: (link) => link.name,
  device: (link) => link.name,
  differs,
  mustRecreate: (fields) => fields.some((field) => field === 'type' || isFixed(field)),
  ownerOf,
  standsOn: () => [],
  goesThrough: () => undefined,
  rangeOf: () => undefined,
  text,
  commands: linkCommands,
  textOfKey: (key) => key,
  name,
  describe,
  inTheWay: (have) => thereAlready(name(have)),
  fields,
};

function differs(want: Link, have: Link): readonly string[] {
  const fields: string[] = [];
  if (have.type !== want.type) fields.push('type');
  if (have.up !== want.up) fields.push('up');
  // "": whatever the kernel has drawn.
  if (want.mac !== '' && have.mac !== want.mac) fields.push('mac');
  if (have.mtu !== want.mtu) fields.push('mtu');
  if (want.alias !== undefined && have.alias !== want.alias) fields.push('alias');
  if (want.rpFilter !== undefined && have.rpFilter !== undefined && have.rpFilter !== want.rpFilter)
    fields.push('rpFilter');
  if (want.tunnel && have.forwarding === false) fields.push('forwarding');
  if (want.tunnel && have.arp === false) fields.push('arp');
  if (want.tunnel) fields.push(...tunnelDiffers(want.tunnel, have.tunnel));
  return fields;
}

/**
 * Ours is an unenslaved tunnel that carries our alias; without any alias, one of the name that goes with what it is (`flannel.<its VNI>`), if it
 * has an address inside our networks, or none at all and we want it by name (made by us, died before marking it).
 */
function ownerOf(link: Link, judge: Judge): Owner {
  if (link.master !== '') return 'foreign';
  // The mark is this instance's alone, however somebody has named the device since.
  if (link.alias === judge.alias && link.tunnel?.type === link.type) return 'ours';
  if (!isForm(link)) return 'foreign';
  if (link.alias) return link.alias === judge.alias ? 'ours' : 'foreign';
  const { isOursUnmarked } = tunnelRules(link.type) ?? {};
  if (isOursUnmarked) return isOursUnmarked(link.tunnel) ? 'ours' : 'foreign';
  const addresses = judge.addressesOf(link.name);
  if (addresses?.length === 0) return judge.isWanted(`link ${link.name}`) ? 'ours' : 'foreign';
  return addresses?.some((address) => judge.inside(parseCidr(address))) ? 'ours' : 'foreign';
}

/** As `ip -d link` prints what makes it. */
function text({ name, type, tunnel }: Link): string {
  const rules = tunnel && tunnelRules(tunnel.type);
  if (rules) return `${name} type ${rules.text(rules.asMade(tunnel))}`;
  return `${name}${type && ` type ${type}`}`;
}

function describe(link: Link): string {
  const { tunnel } = link;
  const rules = tunnel && tunnelRules(tunnel.type);
  return rules ? `${name(link)}, ${rules.describe(tunnel)}` : `${name(link)} of type ${link.type || 'unknown'}`;
}

/** A report has what makes a tunnel under its type: "ipip.local". */
function fields({ kind: _, tunnel, ...rest }: Link): Record<string, unknown> {
  return tunnel ? { ...rest, ...tunnelFields(tunnel) } : rest;
}

/** As drivers/netlink/link-changes.ts does it on the wire, with `ip link`. */
function linkCommands(change: ChangeOf<Link>): Command[] {
  switch (change.op) {
    case 'create':
      return made(change.want);
    case 'delete':
      return [remove(change.have)];
    case 'update':
      return change.recreate ? [remove(change.have), ...made(change.want)] : changed(change.want, change.have);
  }
}

const remove = ({ name }: Link): Command => ip('link', 'delete', 'dev', name);

function made(want: Link): Command[] {
  const { name, mac, mtu, up, type, tunnel, alias, rpFilter } = want;
  const rules = tunnelRules(type);
  const make = tunnel && rules ? rules.arguments(rules.asMade(tunnel)) : [];
  const attributes = ['txqueuelen', '0', ...(mac ? ['address', mac] : []), ...(mtu ? ['mtu', mtu] : [])];
  return [
    ip('link', 'add', 'name', name, ...attributes, ...(up ? ['up'] : []), 'type', type, ...make),
    // flannel ≥ 0.28 takes no router advertisements there; a host without IPv6 has no such file.
    setting(`/proc/sys/net/ipv6/conf/${name}/accept_ra`, '0'),
    ...(alias ? [aliased(name, alias)] : []),
    ...(rpFilter === undefined ? [] : [setting(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, String(rpFilter))]),
  ];
}

function changed(want: Link, have: Link): Command[] {
  const { name, mac, mtu, up, alias, rpFilter, tunnel } = want;
  const attributes = tunnel ? attributesThatDiffer(tunnel, have.tunnel) : {};
  const make = tunnelRules(want.type)?.arguments(attributes as Partial<Tunnel>) ?? [];
  const plain = [
    ...(have.up === up ? [] : [up ? 'up' : 'down']),
    ...(mac && have.mac !== mac ? ['address', mac] : []),
    ...(mtu && have.mtu !== mtu ? ['mtu', mtu] : []),
    ...(have.arp === false ? ['arp', 'on'] : []),
  ];
  return [
    ...(Object.keys(attributes).length ? [ip('link', 'set', 'dev', name, 'type', want.type, ...make)] : []),
    ...(plain.length ? [ip('link', 'set', 'dev', name, ...plain)] : []),
    ...(alias === undefined || have.alias === alias ? [] : [aliased(name, alias)]),
    ...(rpFilter === undefined || have.rpFilter === rpFilter
      ? []
      : [setting(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, String(rpFilter))]),
    ...(have.forwarding === false ? [setting(`/proc/sys/net/ipv4/conf/${name}/forwarding`, '1')] : []),
  ];
}

/** By the shell: a prefix may have characters that a batch of `ip` takes for its own. */
const aliased = (name: string, alias: string): Command => ({
  tool: 'sh',
  text: `ip link set dev ${quoted(name)} alias ${alias === '' ? "''" : quoted(alias)}`,
});

const setting = (file: string, value: string): Command => ({
  tool: 'sh',
  text: `[ ! -e ${quoted(file)} ] || echo ${value} > ${quoted(file)}`,
});
