/**
 * Owns a rule as the kernel has it, between its expressions and what it means (reconciler/firewall/rule.ts).
 *
 * - Two forms are written: iptables-nft's own (with a counter, so that `iptables -S` shows it and `iptables -D` takes it away), and nft's.
 * - Read are both, and the compat forms (`match`, `target`) of iptables 1.8; what isn't understood is opaque, and never lost in silence.
 */
import type { DeviceMatch, MarkMatch, NetMatch, Rule, Verdict } from '../../../reconciler/firewall/rule.ts';
import { ipv4At, ipv4Number, prefixLength } from '../codec/text.ts';
import { host32, hostBytes32 } from './attributes.ts';
import * as c from './constants.ts';
import type { Expr } from './expressions.ts';
import { commentData, commentIn, type RuleObject } from './objects.ts';
import { masqueradeTarget, readMatch, readTarget } from './xtables.ts';

export type Form = 'iptables' | 'nft';

/** As it is sent. @throws TypeError for a rule that has no wire form: one with what isn't understood */
export function writeRule(rule: Rule, form: Form): Pick<RuleObject, 'exprs' | 'userdata'> {
  if (rule.opaque?.length) throw new TypeError(`a rule with ${rule.opaque.join(', ')} can't be written`);
  const matches = form === 'iptables' ? iptablesOrder(rule) : nftOrder(rule);
  const counter: Expr[] = form === 'iptables' ? [{ name: 'counter' }] : [];
  const userdata = rule.comment === undefined ? '' : commentData(c.NFTNL_UDATA_RULE_COMMENT, rule.comment);
  return { exprs: [...matches, ...counter, ...statement(rule.verdict, form)], userdata };
}

/** iptables/nft-ipv4.c: interfaces, then addresses, then the matches. */
const iptablesOrder = (rule: Rule): Expr[] => [...devices(rule, 1), ...addresses(rule), ...marks(rule)];

const nftOrder = (rule: Rule): Expr[] => [...marks(rule), ...devices(rule, c.IFNAMSIZ), ...addresses(rule)];

/** iptables-nft compares a name and its NUL, nft all that a name may have. */
const devices = (rule: Rule, size: number): Expr[] => [
  ...(rule.in ? deviceMatch(c.NFT_META_IIFNAME, rule.in, size) : []),
  ...(rule.out ? deviceMatch(c.NFT_META_OIFNAME, rule.out, size) : []),
];

const addresses = (rule: Rule): Expr[] => [
  ...(rule.src ? netMatch(c.IPV4_SADDR, rule.src) : []),
  ...(rule.srcSet ? lookup(c.IPV4_SADDR, rule.srcSet) : []),
  ...(rule.dst ? netMatch(c.IPV4_DADDR, rule.dst) : []),
  ...(rule.dstSet ? lookup(c.IPV4_DADDR, rule.dstSet) : []),
];

const marks = (rule: Rule): Expr[] => (rule.mark ? markMatch(rule.mark) : []);

const compare = (data: string, not: boolean | undefined): Expr => ({
  name: 'cmp',
  op: not ? c.NFT_CMP_NEQ : c.NFT_CMP_EQ,
  sreg: c.NFT_REG_1,
  data,
});

const load = (offset: number, len: number): Expr => ({
  name: 'payload',
  base: c.NFT_PAYLOAD_NETWORK_HEADER,
  offset,
  len,
  dreg: c.NFT_REG_1,
});

/** One that ends in "+" is compared as far as it goes. */
function deviceMatch(key: number, { name, not }: DeviceMatch, size: number): Expr[] {
  const open = name.endsWith('+');
  const bytes = Buffer.alloc(open ? name.length - 1 : Math.max(size, name.length + 1));
  bytes.write(open ? name.slice(0, -1) : name, 'latin1');
  return [{ name: 'meta', key, dreg: c.NFT_REG_1 }, compare(bytes.toString('hex'), not)];
}

/** A prefix of whole bytes is loaded as such (both tools do so since 2021); any other is masked. */
function netMatch(offset: number, { net, not }: NetMatch): Expr[] {
  const length = prefixLength(net);
  const address = Buffer.alloc(4);
  address.writeUInt32BE(ipv4Number(net));
  if (length > 0 && length % 8 === 0) {
    const bytes = length / 8;
    return [load(offset, bytes), compare(address.toString('hex', 0, bytes), not)];
  }
  const mask = maskOf(length);
  return [load(offset, 4), bitwise(mask, ZERO), compare(address.toString('hex'), not)];
}

const ZERO = '00000000';

function maskOf(length: number): string {
  const mask = Buffer.alloc(4);
  mask.writeUInt32BE(length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0);
  return mask.toString('hex');
}

const bitwise = (mask: string, xor: string): Expr => ({
  name: 'bitwise',
  sreg: c.NFT_REG_1,
  dreg: c.NFT_REG_1,
  len: 4,
  mask,
  xor,
});

const lookup = (offset: number, set: string): Expr[] => [load(offset, 4), { name: 'lookup', set, sreg: c.NFT_REG_1 }];

const hostHex = (value: number): string => hostBytes32(value).toString('hex');

function markMatch({ value, mask, not }: MarkMatch): Expr[] {
  const masked = mask === 0xffffffff ? [] : [bitwise(hostHex(mask), ZERO)];
  return [{ name: 'meta', key: c.NFT_META_MARK, dreg: c.NFT_REG_1 }, ...masked, compare(hostHex(value), not)];
}

function statement(verdict: Verdict, form: Form): Expr[] {
  switch (verdict.to) {
    case 'accept':
      return [{ name: 'verdict', code: c.NF_ACCEPT, chain: '' }];
    case 'drop':
      return [{ name: 'verdict', code: c.NF_DROP, chain: '' }];
    case 'return':
      return [{ name: 'verdict', code: c.NFT_RETURN, chain: '' }];
    case 'jump':
    case 'goto':
      return [{ name: 'verdict', code: verdict.to === 'jump' ? c.NFT_JUMP : c.NFT_GOTO, chain: verdict.chain }];
    case 'masquerade':
      if (form === 'iptables') return [{ name: 'target', ...masqueradeTarget(verdict.fullyRandom) }];
      return [{ name: 'masq', flags: verdict.fullyRandom ? c.NF_NAT_RANGE_PROTO_RANDOM_FULLY : 0 }];
    case 'keep-source':
      return [load(c.IPV4_SADDR, 4), KEEP_SOURCE];
    case 'mark':
      return [
        { name: 'meta', key: c.NFT_META_MARK, dreg: c.NFT_REG_1 },
        bitwise(hostHex(~verdict.mask), hostHex(verdict.value)),
        { name: 'meta set', key: c.NFT_META_MARK, sreg: c.NFT_REG_1 },
      ];
    case 'none':
      return [];
    case 'other':
      throw new TypeError(`a rule with ${verdict.name} can't be written`);
  }
}

const KEEP_SOURCE: Expr = {
  name: 'nat',
  type: c.NFT_NAT_SNAT,
  family: c.NFPROTO_IPV4,
  addrMin: c.NFT_REG_1,
  addrMax: c.NFT_REG_1,
  flags: c.NF_NAT_RANGE_MAP_IPS,
};

/** What was loaded into a register and not yet compared. */
interface Loaded {
  from: Expr;
  bitwise?: Expr & { name: 'bitwise' };
}

/** What a rule means. */
export function readRule({ exprs, userdata }: Pick<RuleObject, 'exprs' | 'userdata'>): Rule {
  const rule: Rule = { verdict: { to: 'none' } };
  const opaque: string[] = [];
  let loaded: Loaded | undefined;
  const comment = commentIn(userdata);
  if (comment !== undefined) rule.comment = comment;
  for (const expr of exprs) {
    switch (expr.name) {
      case 'payload':
      case 'meta':
        if (loaded) opaque.push(nameOf(loaded.from));
        loaded = { from: expr };
        break;
      case 'bitwise':
        if (loaded && !loaded.bitwise && expr.len === 4) loaded.bitwise = expr;
        else opaque.push('bitwise');
        break;
      case 'cmp':
      case 'lookup':
        if (!loaded || !takeMatch(rule, loaded, expr)) opaque.push(loaded ? nameOf(loaded.from) : expr.name);
        loaded = undefined;
        break;
      case 'counter':
        break;
      case 'match':
        if (!readMatch(rule, expr)) opaque.push(expr.xt);
        break;
      default: {
        const verdict = takeStatement(expr, loaded);
        if (loaded && (!verdict || !usesRegister(expr))) opaque.push(nameOf(loaded.from));
        loaded = undefined;
        if (verdict && rule.verdict.to === 'none') rule.verdict = verdict;
        else opaque.push(nameOf(expr));
      }
    }
  }
  if (loaded) opaque.push(nameOf(loaded.from));
  const last = exprs.at(-1);
  // What ends a rule and isn't understood is taken for its target (reject, queue).
  if (rule.verdict.to === 'none' && last && opaque.at(-1) === nameOf(last))
    rule.verdict = { to: 'other', name: opaque.pop()! };
  if (opaque.length) rule.opaque = opaque;
  return rule;
}

const usesRegister = ({ name }: Expr): boolean => name === 'nat' || name === 'meta set';

function nameOf(expr: Expr): string {
  if (expr.name === 'other') return expr.of;
  return expr.name === 'target' || expr.name === 'match' ? expr.xt : expr.name;
}

/** Whether the comparison was understood, and is the rule's first of its sort. */
function takeMatch(rule: Rule, { from, bitwise }: Loaded, expr: Expr & { name: 'cmp' | 'lookup' }): boolean {
  if (expr.name === 'lookup') return !bitwise && takeLookup(rule, from, expr.set);
  if (expr.op !== c.NFT_CMP_EQ && expr.op !== c.NFT_CMP_NEQ) return false;
  const not = expr.op === c.NFT_CMP_NEQ ? { not: true } : {};
  if (from.name === 'payload') return takeNet(rule, from, bitwise, expr.data, not);
  if (from.name !== 'meta') return false;
  if (from.key === c.NFT_META_MARK) {
    if (rule.mark || expr.data.length !== 8 || (bitwise && bitwise.xor !== ZERO)) return false;
    const mask = bitwise ? fromHost(bitwise.mask) : 0xffffffff;
    rule.mark = { value: fromHost(expr.data), mask, ...not };
    return true;
  }
  const side = from.key === c.NFT_META_IIFNAME ? 'in' : from.key === c.NFT_META_OIFNAME ? 'out' : undefined;
  if (!side || bitwise || rule[side]) return false;
  rule[side] = { name: deviceName(expr.data), ...not };
  return true;
}

const fromHost = (hex: string): number => host32(Buffer.from(hex, 'hex'));

function deviceName(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  const end = bytes.indexOf(0);
  return end < 0 ? `${bytes.toString('latin1')}+` : bytes.toString('latin1', 0, end);
}

const sideOf = (from: Expr): 'src' | 'dst' | undefined => {
  if (from.name !== 'payload' || from.base !== c.NFT_PAYLOAD_NETWORK_HEADER) return undefined;
  return from.offset === c.IPV4_SADDR ? 'src' : from.offset === c.IPV4_DADDR ? 'dst' : undefined;
};

function takeLookup(rule: Rule, from: Expr, set: string): boolean {
  const side = sideOf(from);
  const field = side === 'src' ? 'srcSet' : 'dstSet';
  if (!side || rule[field] !== undefined) return false;
  rule[field] = set;
  return true;
}

function takeNet(
  rule: Rule,
  from: Expr & { name: 'payload' },
  mask: (Expr & { name: 'bitwise' }) | undefined,
  data: string,
  not: { not?: boolean },
): boolean {
  const side = sideOf(from);
  if (!side || rule[side] || from.len > 4 || data.length !== 2 * from.len || (mask && mask.xor !== ZERO)) return false;
  const address = Buffer.alloc(4);
  address.set(Buffer.from(data, 'hex'));
  const length = mask ? lengthOf(mask.mask) : 8 * from.len;
  if (length === undefined) return false;
  rule[side] = { net: `${ipv4At(address, 0)}/${length}`, ...not };
  return true;
}

/** The prefix length of a mask in hex; undefined if it has a hole. */
function lengthOf(mask: string): number | undefined {
  for (let length = 0; length <= 32; length++) if (maskOf(length) === mask) return length;
  return undefined;
}

function takeStatement(expr: Expr, loaded: Loaded | undefined): Verdict | undefined {
  switch (expr.name) {
    case 'verdict':
      return verdictOf(expr);
    case 'masq':
      if (expr.flags & ~c.NF_NAT_RANGE_PROTO_RANDOM_FULLY) return undefined;
      return { to: 'masquerade', fullyRandom: expr.flags !== 0 };
    case 'nat': {
      const { from, bitwise } = loaded ?? {};
      if (!from || sideOf(from) !== 'src' || from.name !== 'payload' || from.len !== 4 || bitwise) return undefined;
      return sameNat(expr) ? { to: 'keep-source' } : undefined;
    }
    case 'meta set': {
      const { from, bitwise } = loaded ?? {};
      if (expr.key !== c.NFT_META_MARK || from?.name !== 'meta' || from.key !== c.NFT_META_MARK || !bitwise)
        return undefined;
      return { to: 'mark', value: fromHost(bitwise.xor), mask: ~fromHost(bitwise.mask) >>> 0 };
    }
    case 'target':
      return readTarget(expr);
    default:
      return undefined;
  }
}

/** Early kernels (before 4.x) don't tell the flag back, and a maximum that is the minimum may be left out. */
const sameNat = (expr: Expr & { name: 'nat' }): boolean =>
  expr.type === c.NFT_NAT_SNAT &&
  expr.addrMin === c.NFT_REG_1 &&
  (expr.addrMax === c.NFT_REG_1 || expr.addrMax === 0) &&
  (expr.flags & ~c.NF_NAT_RANGE_MAP_IPS) === 0;

function verdictOf({ code, chain }: Expr & { name: 'verdict' }): Verdict | undefined {
  switch (code) {
    case c.NF_ACCEPT:
      return { to: 'accept' };
    case c.NF_DROP:
      return { to: 'drop' };
    case c.NFT_RETURN:
      return { to: 'return' };
    case c.NFT_JUMP:
      return { to: 'jump', chain };
    case c.NFT_GOTO:
      return { to: 'goto', chain };
    default:
      return undefined;
  }
}
