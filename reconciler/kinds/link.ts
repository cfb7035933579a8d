/** Owns what a network device is. Ours are a backend's tunnels; others are observed as far as they matter. */
import { parseCidr } from '../../config/ipv4.ts';
import { type Judge, type KindRules, type Owner, plainFields, thereAlready, USUAL } from './kind.ts';

/** Observed ones may be of any type; wanted ones are always vxlan so far. */
export interface Link {
  kind: 'link';
  name: string;
  /** rtnetlink's IFLA_INFO_KIND: "vxlan", "bridge", …; "" for a device without one. */
  type: string;
  up: boolean;
  mac: string;
  mtu: number;
  /** IFLA_IFALIAS; ours reads `selvage:<etcd prefix>` and names the instance that owns the device. */
  alias: string;
  /** Name of the bridge or bond it is enslaved to, "" for none (only ever observed). */
  master: string;
  /** net.ipv4.conf.<name>.rp_filter of a vxlan device: 2 is loose. Undefined: not known, or not wanted in particular. */
  rpFilter?: number;
  vxlan?: VxlanAttributes;
}

/** What makes a vxlan device; only `local`, `parent` and `learning` can be changed in place (kernel: vxlan_changelink). */
export interface VxlanAttributes {
  vni: number;
  /** UDP port, host byte order. */
  port: number;
  /** Source address of the tunnel, "" if none is set. */
  local: string;
  /** Name of the underlay device, "" if none is set. */
  parent: string;
  learning: boolean;
  gbp: boolean;
}

/** UDP port that the kernel takes if none is given (vxlan.c: vxlan_port). */
export const DEFAULT_VXLAN_PORT = 8472;

/** The port that a wanted device will have: 0 stands for the kernel's default. */
export const portOf = (vxlan: { port: number }): number => vxlan.port || DEFAULT_VXLAN_PORT;

const IMMUTABLE = new Set(['type', 'vxlan.vni', 'vxlan.port', 'vxlan.gbp']);

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
  // vxlan_changelink refuses VNI and port, and ignores GBP.
  mustRecreate: (fields) => fields.some((field) => IMMUTABLE.has(field)),
  ownerOf,
  standsOn: () => [],
  goesThrough: () => undefined,
  rangeOf: () => undefined,
  text,
  name,
  describe,
  inTheWay: (have) => thereAlready(name(have)),
  fields: plainFields,
};

function differs(want: Link, have: Link): readonly string[] {
  const fields: string[] = [];
  if (have.type !== want.type) fields.push('type');
  if (have.up !== want.up) fields.push('up');
  // "": whatever the kernel has drawn.
  if (want.mac !== '' && have.mac !== want.mac) fields.push('mac');
  if (have.mtu !== want.mtu) fields.push('mtu');
  if (have.alias !== want.alias) fields.push('alias');
  if (want.rpFilter !== undefined && have.rpFilter !== undefined && have.rpFilter !== want.rpFilter)
    fields.push('rpFilter');
  const [w, h] = [want.vxlan, have.vxlan];
  if (!w) return fields;
  if (h?.vni !== w.vni) fields.push('vxlan.vni');
  if (h?.port !== portOf(w)) fields.push('vxlan.port');
  if (h?.local !== w.local) fields.push('vxlan.local');
  if (h?.parent !== w.parent) fields.push('vxlan.parent');
  if (h?.learning !== w.learning) fields.push('vxlan.learning');
  if (h?.gbp !== w.gbp) fields.push('vxlan.gbp');
  return fields;
}

/**
 * Ours is an unenslaved vxlan named `flannel.<its VNI>` that carries our alias; without any alias, if it has an address inside our
 * networks, or none at all and we want it by name (made by us, died before marking it).
 */
function ownerOf(link: Link, judge: Judge): Owner {
  if (link.type !== 'vxlan' || link.master !== '' || link.name !== `flannel.${link.vxlan?.vni}`) return 'foreign';
  if (link.alias !== '') return link.alias === judge.alias ? 'ours' : 'foreign';
  const addresses = judge.addressesOf(link.name);
  if (addresses?.length === 0) return judge.isWanted(`link ${link.name}`) ? 'ours' : 'foreign';
  return addresses?.some((address) => judge.inside(parseCidr(address))) ? 'ours' : 'foreign';
}

/** As `ip -d link` prints what makes it. */
function text({ name, type, vxlan }: Link): string {
  if (!vxlan) return `${name}${type && ` type ${type}`}`;
  const { vni, port, local, parent } = vxlan;
  return `${name} type vxlan id ${vni}${local && ` local ${local}`}${parent && ` dev ${parent}`} dstport ${port}`;
}

function describe(link: Link): string {
  if (!link.vxlan) return `${name(link)} of type ${link.type || 'unknown'}`;
  const { vni, port, local, parent } = link.vxlan;
  return `${name(link)}, vxlan id ${vni} port ${port}${local ? ` local ${local}` : ''}${parent ? ` dev ${parent}` : ''}`;
}
