/**
 * Owns the reading of an iptables-legacy table as the kernel hands it out (linux/netfilter_ipv4/ip_tables.h: struct ipt_entry, after
 * IPT_SO_GET_ENTRIES), into chains and rules as reconciler/firewall/rule.ts has them. Read only; writing is restore.ts's.
 */
import { endianness } from 'node:os';
import type { DeviceMatch, NetMatch, Rule, Verdict } from '../../reconciler/firewall/rule.ts';
import type { BaseChain, ChainView } from '../../reconciler/firewall/ruleset.ts';
import { readMatch, readTarget } from '../netlink/nft/xtables.ts';

/** What IPT_SO_GET_INFO says: offsets into the entries by hook number, −1 for a hook that the table has not. */
export interface TableInfo {
  hookEntry: number[];
  underflow: number[];
  entries: number;
  /** Bytes of all entries. */
  size: number;
}

/** Built-in chains by hook number. */
const BUILT_IN = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];
const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;

// struct ipt_entry
const OUT = 32;
const IN = 16;
const PROTO = 80;
const FLAGS = 82;
const INVERTED = 83;
const TARGET_OFFSET = 88;
const NEXT_OFFSET = 90;
const MATCHES = 112;
const IPT_F_FRAG = 1;
const IPT_F_GOTO = 2;
const IPT_INV = { in: 1, out: 2, src: 8, dst: 16, protocol: 64 };
// struct xt_entry_match and xt_entry_target
const NAME = 2;
const REVISION = 31;
const DATA = 32;
const XT_RETURN = -5;

const LITTLE = endianness() === 'LE';
const u16 = (b: Buffer, at: number): number => (LITTLE ? b.readUInt16LE(at) : b.readUInt16BE(at));
const i32 = (b: Buffer, at: number): number => (LITTLE ? b.readInt32LE(at) : b.readInt32BE(at));

/** What Rule leaves open: the protocol's number (−1: all but one), and the matches as the kernel has them. */
export interface RawRule {
  protocol: number;
  matches: { xt: string; info: string }[];
  isFragment: boolean;
}

interface Entry {
  at: number;
  rule: Rule;
  raw: RawRule;
  /** The verdict of a standard target, or the offset that it jumps to. */
  standard: number | undefined;
  isGoto: boolean;
  /** Name of the chain that begins here; "ERROR" at the end of the table. */
  header: string | undefined;
}

/** Chains by name, in the order of the table. `raw` is filled with what each of their rules really says. */
export function readEntries(blob: Buffer, info: TableInfo, raw?: Map<Rule, RawRule>): Map<string, ChainView> {
  const entries: Entry[] = [];
  for (let at = 0; at + MATCHES <= blob.length; ) {
    const next = u16(blob, at + NEXT_OFFSET);
    if (next < MATCHES || at + next > blob.length) break;
    entries.push(readEntry(blob.subarray(at, at + next), at));
    at += next;
  }
  // A chain is known by the offset of its first rule: that is where jumps go.
  const starts = new Map<number, string>();
  for (const [i, { header }] of entries.entries()) {
    const first = entries[i + 1];
    if (header !== undefined && first) starts.set(first.at, header);
  }
  const hooks = new Map(info.hookEntry.flatMap((offset, hook) => (offset >= 0 ? [[offset, hook] as const] : [])));
  const chains = new Map<string, { base?: BaseChain; rules: Rule[] }>();
  let chain: { base?: BaseChain; rules: Rule[] } | undefined;
  for (const [i, entry] of entries.entries()) {
    const hook = hooks.get(entry.at);
    if (hook !== undefined) {
      chain = { base: { type: 'filter', hook: HOOKS[hook]!, priority: 0, policy: 'accept' }, rules: [] };
      chains.set(BUILT_IN[hook]!, chain);
    }
    if (entry.header !== undefined) {
      chain = { rules: [] };
      if (entry.header !== 'ERROR') chains.set(entry.header, chain);
      continue;
    }
    if (!chain) continue;
    const policyOf = info.underflow.indexOf(entry.at);
    const { base } = chain;
    if (base && policyOf >= 0 && base.hook === HOOKS[policyOf]) {
      chain.base = { ...base, policy: entry.standard === -1 ? 'drop' : 'accept' };
      chain = undefined;
    } else if (!isImplicitReturn(entry, entries[i + 1])) {
      const rule = withTarget(entry, entries[i + 1], starts);
      raw?.set(rule, entry.raw);
      chain.rules.push(rule);
    }
  }
  return chains;
}

/** A user's chain ends in a RETURN that nobody has written. */
const isImplicitReturn = (entry: Entry, next: Entry | undefined): boolean =>
  entry.standard === XT_RETURN && next?.header !== undefined;

function withTarget(
  { rule, standard, isGoto }: Entry,
  next: Entry | undefined,
  starts: ReadonlyMap<number, string>,
): Rule {
  if (standard === undefined) return rule;
  if (standard === next?.at) return { ...rule, verdict: { to: 'none' } };
  const verdict: Verdict = STANDARD.get(standard) ?? {
    to: isGoto ? 'goto' : 'jump',
    chain: starts.get(standard) ?? '?',
  };
  return { ...rule, verdict };
}

const STANDARD = new Map<number, Verdict>([
  [-1, { to: 'drop' }],
  [-2, { to: 'accept' }],
  [XT_RETURN, { to: 'return' }],
]);

function readEntry(b: Buffer, at: number): Entry {
  const rule: Rule = { verdict: { to: 'none' } };
  const inverted = b[INVERTED]!;
  const opaque: string[] = [];
  const sides = [
    ['src', 0, 8, IPT_INV.src],
    ['dst', 4, 12, IPT_INV.dst],
  ] as const;
  for (const [side, address, mask, flag] of sides) {
    const net = readNet(b, address, mask);
    if (net) rule[side] = { net, ...((inverted & flag) !== 0 ? { not: true } : {}) } satisfies NetMatch;
    else if (net === undefined) opaque.push(side);
  }
  for (const [side, name, flag] of [
    ['in', IN, IPT_INV.in],
    ['out', OUT, IPT_INV.out],
  ] as const) {
    const device = readDevice(b, name);
    if (device !== '')
      rule[side] = { name: device, ...((inverted & flag) !== 0 ? { not: true } : {}) } satisfies DeviceMatch;
  }
  const protocol = (inverted & IPT_INV.protocol) !== 0 ? -1 : u16(b, PROTO);
  const raw: RawRule = { protocol, matches: [], isFragment: (b[FLAGS]! & IPT_F_FRAG) !== 0 };
  if (protocol !== 0) opaque.push('protocol');
  if (raw.isFragment) opaque.push('fragment');
  const target = u16(b, TARGET_OFFSET);
  for (let m = MATCHES; m + DATA <= target; m += Math.max(DATA, u16(b, m))) {
    const extension = readExtension(b, m);
    raw.matches.push(extension);
    if (!readMatch(rule, extension)) opaque.push(extension.xt);
  }
  if (opaque.length) rule.opaque = opaque;
  const extension = readExtension(b, target);
  const isGoto = (b[FLAGS]! & IPT_F_GOTO) !== 0;
  if (extension.xt === '') return { at, rule, raw, standard: i32(b, target + DATA), isGoto, header: undefined };
  if (extension.xt === 'ERROR') {
    const header = text(b.subarray(target + DATA));
    return { at, rule, raw, standard: undefined, isGoto, header };
  }
  rule.verdict = readTarget(extension) ?? { to: 'other', name: extension.xt };
  return { at, rule, raw, standard: undefined, isGoto, header: undefined };
}

const readExtension = (b: Buffer, at: number) => ({
  xt: text(b.subarray(at + NAME, at + REVISION)),
  revision: b[at + REVISION]!,
  info: b.subarray(at + DATA, at + u16(b, at)).toString('hex'),
});

function text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

/** "" for any address; undefined for a mask with a hole. */
function readNet(b: Buffer, address: number, mask: number): string | undefined {
  const bits = b.readUInt32BE(mask);
  if (bits === 0) return '';
  const length = Math.clz32(~bits >>> 0);
  if (bits !== (0xffffffff << (32 - length)) >>> 0) return undefined;
  return `${b.subarray(address, address + 4).join('.')}/${length}`;
}

/** The mask covers the final NUL, unless the name ends in "+". */
function readDevice(b: Buffer, at: number): string {
  const mask = b.subarray(at + 2 * IN, at + 3 * IN);
  const name = text(b.subarray(at, at + IN));
  const covered = mask.filter((byte) => byte !== 0).length;
  if (covered === 0) return '';
  return covered > name.length ? name : `${name.slice(0, covered)}+`;
}
