/**
 * Owns what a packet-filter rule is to us, whichever engine has it, and how `iptables -S` and `nft list` print it.
 *
 * - What isn't understood of a rule is kept as an opaque match or target: such a rule is never taken for one of ours, and may drop.
 * - Counters, handles and the order of matches are no part of a rule, so equal text means an equal rule.
 */

/** An address range ("10.5.0.0/16", always with its length), or all but it. */
export interface NetMatch {
  net: string;
  not?: boolean;
}

/** A device by name; a final "+" stands for any ending, as in iptables. */
export interface DeviceMatch {
  name: string;
  not?: boolean;
}

export interface MarkMatch {
  value: number;
  mask: number;
  not?: boolean;
}

export type Verdict =
  | { to: 'accept' | 'drop' | 'return' | 'none' }
  | { to: 'jump' | 'goto'; chain: string }
  | { to: 'masquerade'; fullyRandom: boolean }
  /** Source NAT to the source that it has: settles NAT for the flow and changes nothing. */
  | { to: 'keep-source' }
  /** mark = (mark & ~mask) | value */
  | { to: 'mark'; value: number; mask: number }
  /** A target or statement that isn't understood, by name. */
  | { to: 'other'; name: string };

export interface Rule {
  in?: DeviceMatch;
  out?: DeviceMatch;
  src?: NetMatch;
  dst?: NetMatch;
  /** Named sets of the same table (nftables only). */
  srcSet?: string;
  dstSet?: string;
  mark?: MarkMatch;
  comment?: string;
  /** Matches that aren't understood: the names of what has them. */
  opaque?: readonly string[];
  verdict: Verdict;
}

/** Whether a packet meets the rule whatever it is. */
export function isUnconditional(rule: Rule): boolean {
  const { src, dst, srcSet, dstSet, mark, opaque } = rule;
  return !(rule.in || rule.out || src || dst || srcSet || dstSet || mark || opaque?.length);
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/** As `iptables -S` prints it, without "-A CHAIN". */
export function iptablesText(rule: Rule): string {
  const words: string[] = [];
  const add = (not: boolean | undefined, ...more: string[]): void => {
    words.push(...(not ? ['!'] : []), ...more);
  };
  if (rule.src) add(rule.src.not, '-s', rule.src.net);
  if (rule.dst) add(rule.dst.not, '-d', rule.dst.net);
  if (rule.in) add(rule.in.not, '-i', rule.in.name);
  if (rule.out) add(rule.out.not, '-o', rule.out.name);
  if (rule.mark) {
    words.push('-m', 'mark');
    add(rule.mark.not, '--mark', markText(rule.mark));
  }
  if (rule.srcSet) words.push(`[src @${rule.srcSet}]`);
  if (rule.dstSet) words.push(`[dst @${rule.dstSet}]`);
  for (const name of rule.opaque ?? []) words.push('-m', name, '…');
  if (rule.comment !== undefined) words.push('-m', 'comment', '--comment', quoted(rule.comment));
  words.push(...targetWords(rule.verdict));
  return words.join(' ');
}

const markText = ({ value, mask }: MarkMatch): string =>
  mask === 0xffffffff ? hex(value) : `${hex(value)}/${hex(mask)}`;

const quoted = (text: string): string => (/^[\w.-]+$/.test(text) ? text : `"${text.replace(/["\\']/g, '\\$&')}"`);

function targetWords(verdict: Verdict): string[] {
  switch (verdict.to) {
    case 'accept':
    case 'drop':
    case 'return':
      return ['-j', verdict.to.toUpperCase()];
    case 'jump':
      return ['-j', verdict.chain];
    case 'goto':
      return ['-g', verdict.chain];
    case 'masquerade':
      return verdict.fullyRandom ? ['-j', 'MASQUERADE', '--random-fully'] : ['-j', 'MASQUERADE'];
    case 'mark':
      return ['-j', 'MARK', '--set-xmark', `${hex(verdict.value)}/${hex(verdict.mask)}`];
    case 'keep-source':
      return ['-j', '[snat to its own source]'];
    case 'other':
      return ['-j', verdict.name];
    case 'none':
      return [];
  }
}

/** As `nft list ruleset` prints it (nft 1.0.6), without handle and counter. */
export function nftText(rule: Rule): string {
  const words: string[] = [];
  const is = (not: boolean | undefined): string[] => (not ? ['!='] : []);
  if (rule.mark) {
    const { value, mask, not } = rule.mark;
    const left = mask === 0xffffffff ? 'meta mark' : `meta mark & ${hex8(mask)}`;
    words.push(left, not ? '!=' : mask === 0xffffffff ? '' : '==', hex8(value));
  }
  if (rule.in) words.push('iifname', ...is(rule.in.not), deviceText(rule.in.name));
  if (rule.out) words.push('oifname', ...is(rule.out.not), deviceText(rule.out.name));
  if (rule.src) words.push('ip saddr', ...is(rule.src.not), rule.src.net.replace(/\/32$/, ''));
  if (rule.srcSet) words.push(`ip saddr @${rule.srcSet}`);
  if (rule.dst) words.push('ip daddr', ...is(rule.dst.not), rule.dst.net.replace(/\/32$/, ''));
  if (rule.dstSet) words.push(`ip daddr @${rule.dstSet}`);
  for (const name of rule.opaque ?? []) words.push(`[${name}]`);
  words.push(statementText(rule.verdict));
  if (rule.comment !== undefined) words.push(`comment "${rule.comment}"`);
  return words.filter((word) => word !== '').join(' ');
}

const hex8 = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

const deviceText = (name: string): string => `"${name.endsWith('+') ? `${name.slice(0, -1)}*` : name}"`;

function statementText(verdict: Verdict): string {
  switch (verdict.to) {
    case 'jump':
    case 'goto':
      return `${verdict.to} ${verdict.chain}`;
    case 'masquerade':
      return verdict.fullyRandom ? 'masquerade fully-random' : 'masquerade';
    case 'keep-source':
      return 'snat to ip saddr';
    case 'mark':
      return markStatement(verdict.value, verdict.mask);
    case 'other':
      return `[${verdict.name}]`;
    case 'none':
      return '';
    default:
      return verdict.to;
  }
}

/** mark = (mark & ~mask) | value, in nft's words: with `or` alone where nothing is cleared; what is set anyway is not said to be cleared. */
function markStatement(value: number, mask: number): string {
  if (value === mask) return `meta mark set meta mark | ${hex8(value)}`;
  return `meta mark set meta mark & ${hex8((~mask | value) >>> 0)} | ${hex8(value)}`;
}

/** Equal as rules, comments included. */
export const sameRule = (a: Rule, b: Rule): boolean => iptablesText(a) === iptablesText(b);
