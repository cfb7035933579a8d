/** Owns the attributes of a vxlan device on the wire (linux/if_link.h: IFLA_VXLAN_*). */
import type { VxlanTunnel } from '../../../reconciler/tunnels/vxlan.ts';
import type { Message } from '../codec/message.ts';
import type { Writer } from '../codec/writer.ts';
import type { WireTunnel } from './tunnel.ts';

const IFLA_VXLAN_ID = 1;
const IFLA_VXLAN_LINK = 3;
const IFLA_VXLAN_LOCAL = 4;
const IFLA_VXLAN_TTL = 5;
const IFLA_VXLAN_TOS = 6;
const IFLA_VXLAN_LEARNING = 7;
const IFLA_VXLAN_PROXY = 11;
const IFLA_VXLAN_RSC = 12;
const IFLA_VXLAN_L2MISS = 13;
const IFLA_VXLAN_L3MISS = 14;
const IFLA_VXLAN_PORT = 15;
const IFLA_VXLAN_UDP_ZERO_CSUM6_TX = 19;
const IFLA_VXLAN_UDP_ZERO_CSUM6_RX = 20;
const IFLA_VXLAN_GROUP6 = 16;
const IFLA_VXLAN_LOCAL6 = 17;
const IFLA_VXLAN_REMCSUM_RX = 22;
const IFLA_VXLAN_GBP = 23;
const IFLA_VXLAN_REMCSUM_NOPARTIAL = 24;
const IFLA_VXLAN_COLLECT_METADATA = 25;
const IFLA_VXLAN_GPE = 27;
const IFLA_VXLAN_DF = 29;
const IFLA_VXLAN_VNIFILTER = 30;
/** VXLAN_F_RCV_FLAGS (net/vxlan.h) but GBP, as iproute2 names them. */
const RECEIVES: readonly [type: number, name: string][] = [
  [IFLA_VXLAN_COLLECT_METADATA, 'external'],
  [IFLA_VXLAN_GPE, 'gpe'],
  [IFLA_VXLAN_VNIFILTER, 'vnifilter'],
  [IFLA_VXLAN_UDP_ZERO_CSUM6_RX, 'udp6zerocsumrx'],
  [IFLA_VXLAN_REMCSUM_RX, 'remcsumrx'],
  [IFLA_VXLAN_REMCSUM_NOPARTIAL, 'remcsum nopartial'],
];

export const vxlanWire: WireTunnel<VxlanTunnel> = { type: 'vxlan', resolves: true, read, writeNew, writeChange };

function read(m: Message): { tunnel: VxlanTunnel; parentIndex: number } {
  const tunnel: VxlanTunnel = {
    type: 'vxlan',
    vni: m.attrU32(IFLA_VXLAN_ID),
    port: m.attrU16be(IFLA_VXLAN_PORT),
    local: m.attrIPv4(IFLA_VXLAN_LOCAL),
    parent: '',
    learning: m.attrU8(IFLA_VXLAN_LEARNING) !== 0,
    gbp: m.has(IFLA_VXLAN_GBP),
  };
  const [ttl, df] = [m.attrU8(IFLA_VXLAN_TTL), m.attrU8(IFLA_VXLAN_DF)];
  if (ttl !== 0) tunnel.ttl = ttl;
  if (df !== 0) tunnel.df = df;
  // A flag without a value is as good as one that is 1.
  const receives = RECEIVES.filter(([type]) => m.has(type) && m.attrU8(type, 1) !== 0).map(([, name]) => name);
  if (receives.length > 0) tunnel.receives = receives.join(', ');
  else if (m.has(IFLA_VXLAN_LOCAL6) || m.has(IFLA_VXLAN_GROUP6)) tunnel.ipv6 = true;
  return { tunnel, parentIndex: m.attrU32(IFLA_VXLAN_LINK) };
}

/** Exactly the attributes that flannel gives it (flannel pkg/backend/vxlan/device.go, vishvananda/netlink addVxlanAttrs). */
function writeNew(w: Writer, tunnel: VxlanTunnel, parentIndex: number): void {
  w.attrU32(IFLA_VXLAN_ID, tunnel.vni);
  if (parentIndex) w.attrU32(IFLA_VXLAN_LINK, parentIndex);
  if (tunnel.local) w.attrIPv4(IFLA_VXLAN_LOCAL, tunnel.local);
  w.attrU8(IFLA_VXLAN_TTL, 0);
  w.attrU8(IFLA_VXLAN_TOS, 0);
  w.attrU8(IFLA_VXLAN_LEARNING, tunnel.learning ? 1 : 0);
  w.attrU8(IFLA_VXLAN_PROXY, 0);
  w.attrU8(IFLA_VXLAN_RSC, 0);
  w.attrU8(IFLA_VXLAN_L2MISS, 0);
  w.attrU8(IFLA_VXLAN_L3MISS, 0);
  w.attrU8(IFLA_VXLAN_UDP_ZERO_CSUM6_TX, 0);
  w.attrU8(IFLA_VXLAN_UDP_ZERO_CSUM6_RX, 0);
  if (tunnel.gbp) w.attr(IFLA_VXLAN_GBP, 0);
  if (tunnel.port > 0) w.attrU16be(IFLA_VXLAN_PORT, tunnel.port);
}

/** vxlan_changelink takes no others. */
function writeChange(w: Writer, change: Partial<VxlanTunnel>, parentIndex: number): void {
  const { local, learning } = change;
  if (parentIndex) w.attrU32(IFLA_VXLAN_LINK, parentIndex);
  if (local) w.attrIPv4(IFLA_VXLAN_LOCAL, local);
  if (learning !== undefined) w.attrU8(IFLA_VXLAN_LEARNING, learning ? 1 : 0);
  if ('ttl' in change) w.attrU8(IFLA_VXLAN_TTL, 0);
  if ('df' in change) w.attrU8(IFLA_VXLAN_DF, 0);
}
