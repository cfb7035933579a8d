/**
 * Links on the wire (RTM_*LINK, struct ifinfomsg), with what makes a tunnel's device.
 * The wire has indexes where a Link has names, so a decoded one still lacks `master` and its tunnel's `parent`: device-index.ts fills them in.
 */
import type { Link } from '../../../reconciler/kinds/index.ts';
import type { Tunnel } from '../../../reconciler/tunnels/index.ts';
import { wireTunnel } from '../tunnels/index.ts';
import * as c from './constants.ts';
import type { Message } from './message.ts';
import type { Writer } from './writer.ts';

const IFINFOMSG = 16;

export interface LinkRecord {
  link: Link;
  index: number;
  flags: number;
  masterIndex: number;
  /** Index of the tunnel's underlay device, 0 for none. */
  parentIndex: number;
  /** IFLA_LINK: the interface that it is on, or of a veth its other end; 0 for none, or one in another namespace. */
  linkedIndex: number;
}

export function writeLinkDump(w: Writer): void {
  w.begin(c.RTM_GETLINK, c.NLM_F_DUMP, IFINFOMSG);
  w.attrU32(c.IFLA_EXT_MASK, c.RTEXT_FILTER_SKIP_STATS);
  w.end();
}

/** One link, by name or by index. */
export function writeLinkGet(w: Writer, which: string | number): void {
  const at = w.begin(c.RTM_GETLINK, 0, IFINFOMSG);
  w.attrU32(c.IFLA_EXT_MASK, c.RTEXT_FILTER_SKIP_STATS);
  if (typeof which === 'number') w.u32(at + 4, which);
  else w.attrString(c.IFLA_IFNAME, which);
  w.end();
}

/** True for a message about a link itself; a bridge tells about its ports with the same types in family AF_BRIDGE. */
export const isLinkMessage = (m: Message): boolean => m.byte(m.body) === c.AF_UNSPEC;

export function readLink(m: Message): LinkRecord {
  const { body } = m;
  const flags = m.u32(body + 8);
  m.scan(body + IFINFOMSG);
  const link: Link = {
    kind: 'link',
    name: m.attrString(c.IFLA_IFNAME),
    type: '',
    up: (flags & c.IFF_UP) !== 0,
    mac: m.attrMac(c.IFLA_ADDRESS),
    mtu: m.attrU32(c.IFLA_MTU),
    alias: m.attrString(c.IFLA_IFALIAS),
    master: '',
  };
  const families = m.nest(c.IFLA_AF_SPEC);
  const record = {
    link,
    index: m.u32(body + 4),
    flags,
    masterIndex: m.attrU32(c.IFLA_MASTER),
    parentIndex: 0,
    linkedIndex: m.has(c.IFLA_LINK_NETNSID) ? 0 : m.attrU32(c.IFLA_LINK),
  };
  const info = m.nest(c.IFLA_LINKINFO);
  let wire: ReturnType<typeof wireTunnel>;
  if (info) {
    m.scan(info.from, info.to);
    link.type = m.attrString(c.IFLA_INFO_KIND);
    const data = m.nest(c.IFLA_INFO_DATA);
    wire = wireTunnel(link.type);
    if (wire && data) {
      m.scan(data.from, data.to);
      const { tunnel, parentIndex } = wire.read(m);
      link.tunnel = tunnel;
      record.parentIndex = parentIndex;
    }
  }
  if (wire?.resolves && (flags & c.IFF_NOARP) !== 0) link.arp = false;
  // Of other devices it is nobody's business here.
  if (families && wire) {
    link.rpFilter = readInetConf(m, families, c.IPV4_DEVCONF_RP_FILTER);
    if (readInetConf(m, families, c.IPV4_DEVCONF_FORWARDING) === 0) link.forwarding = false;
  }
  return record;
}

/** One of the device's own net.ipv4.conf.* (IPV4_DEVCONF_…); undefined if it doesn't come with the link. */
function readInetConf(m: Message, families: { from: number; to: number }, which: number): number | undefined {
  m.scan(families.from, families.to);
  const inet = m.nest(c.AF_INET);
  if (!inet) return undefined;
  m.scan(inet.from, inet.to);
  const conf = m.nest(c.IFLA_INET_CONF);
  const at = (conf?.from ?? 0) + 4 * (which - 1);
  return conf && at + 4 <= conf.to ? m.u32(at) : undefined;
}

/**
 * Creates a tunnel's device with what flannel gives it (drivers/netlink/tunnels/), already up if wanted. The kernel takes no alias here:
 * follow with `writeLinkChange`, in a request of its own.
 */
export function writeTunnelCreate(w: Writer, link: Link & { tunnel: Tunnel }, parentIndex: number): void {
  const { tunnel } = link;
  const at = w.begin(c.RTM_NEWLINK, c.NLM_F_CREATE | c.NLM_F_EXCL, IFINFOMSG);
  if (link.up) {
    w.u32(at + 8, c.IFF_UP);
    w.u32(at + 12, c.IFF_UP);
  }
  w.attrString(c.IFLA_IFNAME, link.name);
  w.attrU32(c.IFLA_TXQLEN, 0);
  if (link.mac) w.attrMac(c.IFLA_ADDRESS, link.mac);
  if (link.mtu) w.attrU32(c.IFLA_MTU, link.mtu);
  const info = w.openNest(c.IFLA_LINKINFO);
  w.attrString(c.IFLA_INFO_KIND, tunnel.type);
  const data = w.openNest(c.IFLA_INFO_DATA);
  wireTunnel(tunnel.type)?.writeNew(w, tunnel, parentIndex);
  w.closeNest(data);
  w.closeNest(info);
  w.end();
}

/** What is to be changed of an existing link; what is absent stays as it is. */
export interface LinkChange {
  up?: boolean;
  mac?: string;
  mtu?: number;
  alias?: string;
  rpFilter?: number;
  forwarding?: true;
  arp?: true;
  /** Those that the kernel changes in place. `parentIndex`: 0 to leave the underlay device as it is. */
  tunnel?: { type: Tunnel['type']; attributes: Partial<Tunnel>; parentIndex: number };
}

export function writeLinkChange(w: Writer, which: string | number, change: LinkChange): void {
  const at = w.begin(c.RTM_NEWLINK, 0, IFINFOMSG);
  if (typeof which === 'number') w.u32(at + 4, which);
  else w.attrString(c.IFLA_IFNAME, which);
  const flags = change.up ? c.IFF_UP : 0;
  const mask = (change.up === undefined ? 0 : c.IFF_UP) | (change.arp ? c.IFF_NOARP : 0);
  if (mask !== 0) {
    w.u32(at + 8, flags);
    w.u32(at + 12, mask);
  }
  if (change.mac !== undefined) w.attrMac(c.IFLA_ADDRESS, change.mac);
  if (change.mtu !== undefined) w.attrU32(c.IFLA_MTU, change.mtu);
  if (change.alias !== undefined) w.attrString(c.IFLA_IFALIAS, change.alias);
  if (change.rpFilter !== undefined || change.forwarding) writeInetConf(w, change);
  const { tunnel } = change;
  if (tunnel) {
    const info = w.openNest(c.IFLA_LINKINFO);
    w.attrString(c.IFLA_INFO_KIND, tunnel.type);
    const data = w.openNest(c.IFLA_INFO_DATA);
    wireTunnel(tunnel.type)?.writeChange?.(w, tunnel.attributes, tunnel.parentIndex);
    w.closeNest(data);
    w.closeNest(info);
  }
  w.end();
}

/** As sysctl(8) would, but wherever /proc/sys is read-only too (devinet.c: inet_set_link_af). */
function writeInetConf(w: Writer, { rpFilter, forwarding }: LinkChange): void {
  const spec = w.openNest(c.IFLA_AF_SPEC);
  const inet = w.openNest(c.AF_INET);
  const conf = w.openNest(c.IFLA_INET_CONF);
  if (rpFilter !== undefined) w.attrU32(c.IPV4_DEVCONF_RP_FILTER, rpFilter);
  if (forwarding) w.attrU32(c.IPV4_DEVCONF_FORWARDING, 1);
  w.closeNest(conf);
  w.closeNest(inet);
  w.closeNest(spec);
}

export function writeLinkDelete(w: Writer, index: number): void {
  w.u32(w.begin(c.RTM_DELLINK, 0, IFINFOMSG) + 4, index);
  w.end();
}
