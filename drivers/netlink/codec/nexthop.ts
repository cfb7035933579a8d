/** Nexthop objects on the wire (RTM_*NEXTHOP, struct nhmsg; kernel ≥ 5.3). */
import type { Nexthop } from '../../../reconciler/kinds/index.ts';
import * as c from './constants.ts';
import type { Message } from './message.ts';
import type { Writer } from './writer.ts';

const NHMSG = 8;

export function writeNexthopDump(w: Writer): void {
  w.begin(c.RTM_GETNEXTHOP, c.NLM_F_DUMP, NHMSG);
  w.end();
}

export function writeNexthopGet(w: Writer, id: number): void {
  w.begin(c.RTM_GETNEXTHOP, 0, NHMSG);
  w.attrU32(c.NHA_ID, id);
  w.end();
}

export interface NexthopRecord {
  nexthop: Nexthop;
  /** Index of its device, 0 for none; `nexthop.dev` is still "". */
  index: number;
}

export function readNexthop(m: Message): NexthopRecord {
  const { body } = m;
  m.scan(body + NHMSG);
  const gateway = m.attrIPv4(c.NHA_GATEWAY);
  const odd = m.has(c.NHA_GROUP) || m.has(c.NHA_BLACKHOLE) || m.has(c.NHA_ENCAP) || m.has(c.NHA_FDB);
  return {
    index: m.attrU32(c.NHA_OIF),
    nexthop: {
      kind: 'nexthop',
      id: m.attrU32(c.NHA_ID),
      dev: '',
      gateway,
      onlink: (m.u32(body + 4) & c.RTNH_F_ONLINK) !== 0,
      protocol: m.byte(body + 2),
      plain: !odd && m.byte(body) === c.AF_INET && (gateway !== '' || !m.has(c.NHA_GATEWAY)),
    },
  };
}

export function writeNexthop(w: Writer, flags: number, nexthop: Nexthop, index: number): void {
  const at = w.begin(c.RTM_NEWNEXTHOP, flags, NHMSG);
  w.u8[at] = c.AF_INET;
  w.u8[at + 2] = nexthop.protocol;
  if (nexthop.onlink) w.u32(at + 4, c.RTNH_F_ONLINK);
  w.attrU32(c.NHA_ID, nexthop.id);
  w.attrU32(c.NHA_OIF, index);
  if (nexthop.gateway) w.attrIPv4(c.NHA_GATEWAY, nexthop.gateway);
  w.end();
}

/** Names it by id alone: the kernel takes no other qualifier. */
export function writeNexthopDelete(w: Writer, id: number): void {
  w.begin(c.RTM_DELNEXTHOP, 0, NHMSG);
  w.attrU32(c.NHA_ID, id);
  w.end();
}
