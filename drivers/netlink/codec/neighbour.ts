/** ARP entries on the wire (RTM_*NEIGH in family AF_INET, struct ndmsg). */
import type { Neighbour } from '../../../reconciler/kinds/index.ts';
import * as c from './constants.ts';
import type { Message } from './message.ts';
import type { Writer } from './writer.ts';

export const NDMSG = 12;

/** The ARP table of one device. */
export function writeNeighbourDump(w: Writer, index: number): void {
  w.u8[w.begin(c.RTM_GETNEIGH, c.NLM_F_DUMP, NDMSG)] = c.AF_INET;
  w.attrU32(c.NDA_IFINDEX, index);
  w.end();
}

/** One entry (kernel ≥ 5.0). */
export function writeNeighbourGet(w: Writer, index: number, ip: string): void {
  const at = w.begin(c.RTM_GETNEIGH, 0, NDMSG);
  w.u8[at] = c.AF_INET;
  w.u32(at + 4, index);
  w.attrIPv4(c.NDA_DST, ip);
  w.end();
}

export const neighbourIndex = (m: Message): number => m.u32(m.body + 4);

/** undefined for another family, a proxy entry, and the kernel's own mapping of a multicast group, which nobody made. */
export function readNeighbour(m: Message, dev: string): Neighbour | undefined {
  const { body } = m;
  if (m.byte(body) !== c.AF_INET || (m.byte(body + 10) & c.NTF_PROXY) !== 0) return undefined;
  m.scan(body + NDMSG);
  if (m.attrIPv4Number(c.NDA_DST) >>> 28 === 0xe) return undefined;
  return {
    kind: 'neighbour',
    dev,
    ip: m.attrIPv4(c.NDA_DST),
    mac: m.attrMac(c.NDA_LLADDR),
    permanent: (m.u16(body + 8) & c.NUD_PERMANENT) !== 0,
    protocol: m.attrU8(c.NDA_PROTOCOL),
  };
}

export function writeNeighbour(w: Writer, flags: number, neighbour: Neighbour, index: number): void {
  const at = w.begin(c.RTM_NEWNEIGH, flags, NDMSG);
  w.u8[at] = c.AF_INET;
  w.u32(at + 4, index);
  w.u16(at + 8, c.NUD_PERMANENT);
  w.attrIPv4(c.NDA_DST, neighbour.ip);
  w.attrMac(c.NDA_LLADDR, neighbour.mac);
  if (neighbour.protocol) w.attrU8(c.NDA_PROTOCOL, neighbour.protocol);
  w.end();
}

export function writeNeighbourDelete(w: Writer, neighbour: Neighbour, index: number): void {
  const at = w.begin(c.RTM_DELNEIGH, 0, NDMSG);
  w.u8[at] = c.AF_INET;
  w.u32(at + 4, index);
  w.attrIPv4(c.NDA_DST, neighbour.ip);
  w.end();
}
