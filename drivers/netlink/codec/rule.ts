/** Policy rules on the wire (RTM_GETRULE, struct fib_rule_hdr): only as much as tells whether there are any but the kernel's own. */
import * as c from './constants.ts';
import type { Message } from './message.ts';
import type { Writer } from './writer.ts';

const FIB_RULE_HDR = 12;

export function writeRuleDump(w: Writer): void {
  w.u8[w.begin(c.RTM_GETRULE, c.NLM_F_DUMP, FIB_RULE_HDR)] = c.AF_INET;
  w.end();
}

/** "0 local", "32766 main", "32767 default" as priority and table number, or "" for a rule that has any condition or another action. */
export function readRule(m: Message): string {
  const { body } = m;
  const FR_ACT_TO_TBL = 1;
  if (m.byte(body + 7) !== FR_ACT_TO_TBL || m.byte(body + 1) !== 0 || m.byte(body + 2) !== 0) return '';
  m.scan(body + FIB_RULE_HDR);
  return `${m.attrU32(c.FRA_PRIORITY)} ${m.byte(body + 4)}`;
}

/** The rules that every IPv4 namespace is born with. */
export const BORN_RULES: ReadonlySet<string> = new Set(['0 255', '32766 254', '32767 253']);
