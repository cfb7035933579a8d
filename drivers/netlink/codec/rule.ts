/** Policy rules on the wire (RTM_GETRULE, struct fib_rule_hdr of linux/fib_rules.h). Read only: selvage makes none. */
import type { Rule } from '../../../reconciler/contracts/routing.ts';
import * as c from './constants.ts';
import type { Message } from './message.ts';
import type { Writer } from './writer.ts';

const FIB_RULE_HDR = 12;
/** fr_action; what isn't here leads nowhere else. */
const ACTIONS = new Map<number, Rule['action']>([
  [1, 'lookup'],
  [6, 'blackhole'],
  [7, 'unreachable'],
  [8, 'prohibit'],
]);
/** A flag of a rule that matches what its conditions don't. */
const FIB_RULE_INVERT = 2;

export function writeRuleDump(w: Writer): void {
  w.u8[w.begin(c.RTM_GETRULE, c.NLM_F_DUMP, FIB_RULE_HDR)] = c.AF_INET;
  w.end();
}

/** What a rule may have that is no condition; an attribute that isn't here counts as one, so that those of later kernels do. */
const NO_CONDITIONS: ReadonlySet<number> = new Set([
  c.FRA_PRIORITY,
  c.FRA_SUPPRESS_PREFIXLEN,
  c.FRA_TABLE,
  c.FRA_PROTOCOL,
]);
/** FRA_SUPPRESS_PREFIXLEN of a rule that takes routes of any length. */
const NONE_SUPPRESSED = 0xffffffff;

/** Words a rule as priority and number of the table ("32766 254"); one that not all packets follow, or with another action, is "". */
export function readRule(m: Message): string {
  const { body } = m;
  const [dstLength, srcLength, tos, action] = [m.byte(body + 1), m.byte(body + 2), m.byte(body + 3), m.byte(body + 7)];
  if (ACTIONS.get(action) !== 'lookup' || dstLength + srcLength + tos > 0 || m.u32(body + 8) & FIB_RULE_INVERT)
    return '';
  m.scan(body + FIB_RULE_HDR);
  if (m.types().some((type) => !NO_CONDITIONS.has(type))) return '';
  if (m.attrU32(c.FRA_SUPPRESS_PREFIXLEN, NONE_SUPPRESSED) !== NONE_SUPPRESSED) return '';
  return `${m.attrU32(c.FRA_PRIORITY)} ${m.attrU32(c.FRA_TABLE, m.byte(body + 4))}`;
}

/** The rules that every IPv4 namespace is born with. */
export const BORN_RULES: ReadonlySet<string> = new Set(['0 255', '32766 254', '32767 253']);

/** A rule with what a sentence needs of it; undefined for one that decides nothing (goto, nop). */
export function readWholeRule(m: Message): Rule | undefined {
  const { body } = m;
  const action = ACTIONS.get(m.byte(body + 7));
  if (action === undefined) return undefined;
  const [dstLength, srcLength, flags] = [m.byte(body + 1), m.byte(body + 2), m.u32(body + 8)];
  m.scan(body + FIB_RULE_HDR);
  const priority = m.attrU32(c.FRA_PRIORITY);
  const table = m.attrU32(c.FRA_TABLE, m.byte(body + 4));
  const to = dstLength ? `${m.attrIPv4(c.FRA_DST)}/${dstLength}` : '';
  const from = srcLength ? `${m.attrIPv4(c.FRA_SRC)}/${srcLength}` : 'all';
  const conditions = [
    flags & FIB_RULE_INVERT ? 'not ' : '',
    `from ${from}`,
    to && ` to ${to}`,
    m.has(c.FRA_FWMARK) ? ` fwmark 0x${m.attrU32(c.FRA_FWMARK).toString(16)}` : '',
    m.has(c.FRA_IIFNAME) ? ` iif ${m.attrString(c.FRA_IIFNAME)}` : '',
    m.has(c.FRA_OIFNAME) ? ` oif ${m.attrString(c.FRA_OIFNAME)}` : '',
  ];
  const leads = action === 'lookup' ? `lookup ${table}` : action;
  const inverted = (flags & FIB_RULE_INVERT) !== 0;
  return { priority, table, action, to: inverted ? '' : to, text: `${conditions.join('')} ${leads}` };
}
