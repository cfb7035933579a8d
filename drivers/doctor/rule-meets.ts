/** Owns what the matches of a packet filter's rule say of a tunnel's packet: UDP to one port, that comes in by the external interface. Pure. */
import type { Meets } from '../../reconciler/doctor/input.ts';
import type { RawRule } from '../iptables-legacy/blob.ts';
import { NFT_META_IIFNAME } from '../netlink/nft/constants.ts';
import type { Expr } from '../netlink/nft/expressions.ts';

export interface TunnelPacket {
  port: number;
  /** Name of the external interface; "" if it isn't known. */
  uplink: string;
}

const NFT_META_L4PROTO = 16;
const NETWORK_HEADER = 1;
const PROTOCOL_AT = 9;
const TRANSPORT_HEADER = 2;
const DPORT_AT = 2;
const UDP = 17;
/** linux/rtnetlink.h */
const RTN_LOCAL = 2;
const EQ = 0;
const NEQ = 1;
/** A peer's packet begins a flow of its own: of the states of a connection it has this one first (nf_conntrack_common.h, 1 << 3). */
const STATE_NEW = 8;
/** struct xt_conntrack_mtinfo3 (linux/netfilter/xt_conntrack.h): which matches are set, and the states. */
const CONNTRACK_FLAGS_AT = 146;
const CONNTRACK_STATES_AT = 150;
const XT_CONNTRACK_STATE = 1;
/** Statements and matches that decide about nothing by themselves. */
const HARMLESS = /^(counter|log|notrack|comment|immediate|verdict|target|masq|nat|reject|meta set)$/;

/** A rule of iptables-legacy: its protocol (0: any), and its matches. */
export function legacyMeets({ protocol, matches, isFragment }: RawRule, packet: TunnelPacket): Meets {
  if (protocol > 0 && protocol !== UDP) return 'misses';
  const says = matches.map((match) => matched(match, packet));
  if (protocol < 0 || isFragment) says.push('perhaps');
  return says.find((one) => one === 'misses') ?? says.find((one) => one === 'perhaps') ?? 'meets';
}

export function meetsTunnel(exprs: readonly Expr[], packet: TunnelPacket): Meets {
  let open = false;
  let loaded: Expr | undefined;
  for (const expr of exprs) {
    const says = sayOf(expr, loaded, packet);
    if (says === 'misses') return 'misses';
    if (says === 'perhaps') open = true;
    if (isLoad(expr)) loaded = expr;
    else if (expr.name === 'cmp' || expr.name === 'lookup') loaded = undefined;
  }
  return open || loaded ? 'perhaps' : 'meets';
}

const isLoad = (expr: Expr): boolean =>
  expr.name === 'payload' || expr.name === 'meta' || (expr.name === 'other' && expr.of === 'ct');

function sayOf(expr: Expr, loaded: Expr | undefined, packet: TunnelPacket): Meets {
  if (isLoad(expr)) return loaded ? 'perhaps' : 'meets';
  switch (expr.name) {
    case 'cmp':
      return loaded ? compared(loaded, expr, packet) : 'perhaps';
    case 'bitwise':
      return loaded?.name === 'other' ? stateOf(Number.parseInt(expr.mask.slice(0, 2), 16)) : 'perhaps';
    case 'match':
      return matched(expr, packet);
    case 'other':
      return HARMLESS.test(expr.of) ? 'meets' : 'perhaps';
    default:
      return HARMLESS.test(expr.name) ? 'meets' : 'perhaps';
  }
}

const stateOf = (mask: number): Meets => ((mask & STATE_NEW) === 0 ? 'misses' : 'perhaps');

function compared(loaded: Expr, { op, data }: Expr & { name: 'cmp' }, { port, uplink }: TunnelPacket): Meets {
  if (op !== EQ && op !== NEQ) return 'perhaps';
  const is = (equal: boolean): Meets => ((op === NEQ) === equal ? 'misses' : 'meets');
  const value = Number.parseInt(data, 16);
  if (loaded.name === 'meta' && loaded.key === NFT_META_L4PROTO) return is(value === UDP);
  if (loaded.name === 'meta' && loaded.key === NFT_META_IIFNAME) {
    const bytes = Buffer.from(data, 'hex').toString('latin1');
    const end = bytes.indexOf('\0');
    if (!uplink) return bytes.startsWith('lo\0') ? is(false) : 'perhaps';
    return is(end < 0 ? uplink.startsWith(bytes) : uplink === bytes.slice(0, end));
  }
  if (loaded.name !== 'payload') return 'perhaps';
  const { base, offset, len } = loaded;
  if (base === NETWORK_HEADER && offset === PROTOCOL_AT && len === 1) return is(value === UDP);
  if (base === TRANSPORT_HEADER && offset === DPORT_AT && len === 2) return is(value === port);
  // Both ports in one, as iptables-nft compares them.
  if (base === TRANSPORT_HEADER && offset === 0 && len === 4 && op === EQ)
    return (value & 0xffff) === port ? 'perhaps' : 'misses';
  return 'perhaps';
}

/** A match of iptables', as both engines have it. */
export function matched({ xt, info }: { xt: string; info: string }, { port }: Pick<TunnelPacket, 'port'>): Meets {
  const bytes = Buffer.from(info, 'hex');
  if (xt === 'comment') return 'meets';
  if (/^(tcp|icmp|sctp)$/.test(xt)) return 'misses';
  if (xt === 'addrtype' && bytes.length >= 8) return addressType(bytes);
  if (xt === 'state' && bytes.length >= 4) return stateOf(bytes.readUInt32LE(0));
  if (xt === 'conntrack' && bytes.length >= CONNTRACK_STATES_AT + 2) {
    const isByState = (bytes.readUInt16LE(CONNTRACK_FLAGS_AT) & XT_CONNTRACK_STATE) !== 0;
    const isInverted = (bytes.readUInt16LE(CONNTRACK_FLAGS_AT + 2) & XT_CONNTRACK_STATE) !== 0;
    return isByState && !isInverted ? stateOf(bytes.readUInt16LE(CONNTRACK_STATES_AT)) : 'perhaps';
  }
  return xt === 'udp' && bytes.length >= 9 ? udpPorts(bytes, port) : 'perhaps';
}

/** A tunnel's packet is to an address of this host (xt_addrtype_info_v1: bits of source and destination by RTN_*, then flags). */
function addressType(bytes: Buffer): Meets {
  const [source, destination, flags] = [bytes.readUInt16LE(0), bytes.readUInt16LE(2), bytes.readUInt32LE(4)];
  if (source !== 0 || flags !== 0) return 'perhaps';
  return (destination & (1 << RTN_LOCAL)) === 0 ? 'misses' : 'meets';
}

/** struct xt_udp: source ports, then destination ports, each a range; then what is inverted. */
function udpPorts(bytes: Buffer, port: number): Meets {
  const [from, to, isInverted] = [bytes.readUInt16LE(4), bytes.readUInt16LE(6), (bytes[8]! & 2) !== 0];
  if ((port >= from && port <= to) === isInverted) return 'misses';
  return bytes.readUInt16LE(0) === 0 && bytes.readUInt16LE(2) === 0xffff ? 'meets' : 'perhaps';
}
