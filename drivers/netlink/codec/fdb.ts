/** Forwarding entries of tunnels' devices on the wire (RTM_*NEIGH in family AF_BRIDGE, flag NTF_SELF: the device's own, not a bridge's). */
import type { Fdb, Link } from '../../../reconciler/kinds/index.ts';
import { tunnelRules } from '../../../reconciler/tunnels/index.ts';
import * as c from './constants.ts';
import type { Message } from './message.ts';
import { NDMSG } from './neighbour.ts';
import type { Writer } from './writer.ts';

const ZERO_MAC = '00:00:00:00:00:00';

/** Others show their multicast filters in the same place. */
export const hasFdb = (link: Link): boolean => tunnelRules(link.type)?.hasFdb ?? false;

/** The FDB of one device. The kernel reads the index where both an ndmsg and (before strict checking) an ifinfomsg have it. */
export function writeFdbDump(w: Writer, index: number): void {
  const at = w.begin(c.RTM_GETNEIGH, c.NLM_F_DUMP, NDMSG);
  w.u8[at] = c.AF_BRIDGE;
  w.u32(at + 4, index);
  w.end();
}

/** One entry (kernel ≥ 5.0); the kernel answers with its first destination. */
export function writeFdbGet(w: Writer, index: number, mac: string): void {
  const at = w.begin(c.RTM_GETNEIGH, 0, NDMSG);
  w.u8[at] = c.AF_BRIDGE;
  w.u32(at + 4, index);
  w.u8[at + 10] = c.NTF_SELF;
  w.attrMac(c.NDA_LLADDR, mac);
  w.end();
}

/** Only these can have several destinations, which a single read would not show. */
export const isGroupMac = (mac: string): boolean =>
  mac === ZERO_MAC || (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;

/** undefined for what is not the device's own. */
export function readFdb(m: Message, dev: string): Fdb | undefined {
  const { body } = m;
  const flags = m.byte(body + 10);
  if (m.byte(body) !== c.AF_BRIDGE || (flags & c.NTF_SELF) === 0) return undefined;
  m.scan(body + NDMSG);
  if (m.has(c.NDA_MASTER)) return undefined;
  const extra =
    m.has(c.NDA_PORT) || m.has(c.NDA_VNI) || m.has(c.NDA_IFINDEX) || m.has(c.NDA_NH_ID) || m.has(c.NDA_SRC_VNI);
  return {
    kind: 'fdb',
    dev,
    mac: m.attrMac(c.NDA_LLADDR),
    dst: m.attrIPv4(c.NDA_DST),
    permanent: (m.u16(body + 8) & c.NUD_PERMANENT) !== 0,
    plain: !extra && (flags & ~c.NTF_OFFLOADED) === c.NTF_SELF,
  };
}

/** `bridge fdb … MAC dev DEV dst DST self permanent` */
export function writeFdb(w: Writer, flags: number, fdb: Fdb, index: number): void {
  writeEntry(w, c.RTM_NEWNEIGH, flags, fdb, index);
}

/** With its destination, for a wrong one deletes nothing (and the kernel says 0 all the same); but one with a port or a nexthop goes as a whole. */
export function writeFdbDelete(w: Writer, fdb: Fdb, index: number): void {
  writeEntry(w, c.RTM_DELNEIGH, 0, fdb.plain ? fdb : { ...fdb, dst: '' }, index);
}

function writeEntry(w: Writer, type: number, flags: number, fdb: Fdb, index: number): void {
  const at = w.begin(type, flags, NDMSG);
  w.u8[at] = c.AF_BRIDGE;
  w.u32(at + 4, index);
  w.u16(at + 8, c.NUD_PERMANENT);
  w.u8[at + 10] = c.NTF_SELF;
  w.attrMac(c.NDA_LLADDR, fdb.mac);
  if (fdb.dst) w.attrIPv4(c.NDA_DST, fdb.dst);
  w.end();
}
