/** IPv4 addresses on the wire (RTM_*ADDR, struct ifaddrmsg). */
import type { Address } from '../../../reconciler/kinds/index.ts';
import * as c from './constants.ts';
import type { Message } from './message.ts';
import { prefixLength } from './text.ts';
import type { Writer } from './writer.ts';

const IFADDRMSG = 8;

export interface AddressRecord {
  index: number;
  /** "10.5.34.0/32": the local address, not a point-to-point link's far end. */
  address: string;
  /** rtnetlink's scope number. */
  scope: number;
  flags: number;
}

/** All addresses, or those of one device (0: all). A kernel without strict checking ignores the filter. */
export function writeAddressDump(w: Writer, index = 0): void {
  const at = w.begin(c.RTM_GETADDR, c.NLM_F_DUMP, IFADDRMSG);
  w.u8[at] = c.AF_INET;
  w.u32(at + 4, index);
  w.end();
}

export const addressIndex = (m: Message): number => m.u32(m.body + 4);

/** undefined for another family. */
export function readAddress(m: Message): AddressRecord | undefined {
  const { body } = m;
  if (m.byte(body) !== c.AF_INET) return undefined;
  m.scan(body + IFADDRMSG);
  const local = m.attrIPv4(c.IFA_LOCAL) || m.attrIPv4(c.IFA_ADDRESS);
  const flags = m.attrU32(c.IFA_FLAGS, m.byte(body + 2));
  return { index: m.u32(body + 4), address: `${local}/${m.byte(body + 1)}`, scope: m.byte(body + 3), flags };
}

/** `type` RTM_NEWADDR or RTM_DELADDR; scope global. */
export function writeAddress(w: Writer, type: number, flags: number, address: Address, index: number): void {
  const at = w.begin(type, flags, IFADDRMSG);
  w.u8[at] = c.AF_INET;
  w.u8[at + 1] = prefixLength(address.address);
  w.u8[at + 3] = c.RT_SCOPE_UNIVERSE;
  w.u32(at + 4, index);
  w.attrIPv4(c.IFA_LOCAL, address.address);
  w.attrIPv4(c.IFA_ADDRESS, address.address);
  w.end();
}
