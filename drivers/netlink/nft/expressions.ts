/**
 * Owns the expressions of a rule between wire and value: those that our rules, iptables-nft's and Docker's are made of; any other is kept
 * as its bytes. Numbers and attribute names are those of linux/netfilter/nf_tables.h and nf_tables_compat.h.
 *
 * - What is decoded and encoded again is the same to the byte, but for counts, which nobody compares.
 */
import { Attributes, attr, be32, be64, each, nest, text } from './attributes.ts';
import * as c from './constants.ts';

/** Data is in hex, as it lies in the register. */
export type Expr =
  | { name: 'payload'; base: number; offset: number; len: number; dreg: number }
  | { name: 'meta'; key: number; dreg: number }
  | { name: 'meta set'; key: number; sreg: number }
  | { name: 'cmp'; op: number; sreg: number; data: string }
  | { name: 'bitwise'; sreg: number; dreg: number; len: number; mask: string; xor: string }
  | { name: 'counter' }
  | { name: 'immediate'; dreg: number; data: string }
  | { name: 'verdict'; code: number; chain: string }
  | { name: 'lookup'; set: string; sreg: number }
  | { name: 'nat'; type: number; family: number; addrMin: number; addrMax: number; flags: number }
  | { name: 'masq'; flags: number }
  | { name: 'match' | 'target'; xt: string; revision: number; info: string }
  /** Kept as it came; `of` is the kernel's name. */
  | { name: 'other'; of: string; data: string };

const fromHex = (hex: string): Buffer => Buffer.from(hex, 'hex');
const value = (type: number, hex: string): Buffer => nest(type, attr(c.NFTA_DATA_VALUE, fromHex(hex)));

/** The value of NFTA_RULE_EXPRESSIONS. */
export const encodeExpressions = (exprs: readonly Expr[]): Buffer => Buffer.concat(exprs.map(encode));

const element = (name: string, ...data: Uint8Array[]): Buffer =>
  nest(c.NFTA_LIST_ELEM, text(c.NFTA_EXPR_NAME, name), nest(c.NFTA_EXPR_DATA, ...data));

function encode(expr: Expr): Buffer {
  switch (expr.name) {
    case 'payload':
      return element('payload', be32(1, expr.dreg), be32(2, expr.base), be32(3, expr.offset), be32(4, expr.len));
    case 'meta':
      return element('meta', be32(2, expr.key), be32(1, expr.dreg));
    case 'meta set':
      return element('meta', be32(2, expr.key), be32(3, expr.sreg));
    case 'cmp':
      return element('cmp', be32(1, expr.sreg), be32(2, expr.op), value(3, expr.data));
    case 'bitwise':
      return element(
        'bitwise',
        be32(1, expr.sreg),
        be32(2, expr.dreg),
        be32(6, 0), // NFT_BITWISE_BOOL
        be32(3, expr.len),
        value(4, expr.mask),
        value(5, expr.xor),
      );
    case 'counter':
      return element('counter', be64(1, 0n), be64(2, 0n));
    case 'immediate':
      return element('immediate', be32(1, expr.dreg), value(2, expr.data));
    case 'verdict':
      return element('immediate', be32(1, c.NFT_REG_VERDICT), nest(2, verdict(expr)));
    case 'lookup':
      return element('lookup', text(1, expr.set), be32(2, expr.sreg));
    case 'nat':
      return element('nat', ...natAttributes(expr));
    case 'masq':
      return element('masq', ...(expr.flags === 0 ? [] : [be32(1, expr.flags)]));
    case 'match':
    case 'target':
      return element(expr.name, text(1, expr.xt), be32(2, expr.revision), attr(3, fromHex(expr.info)));
    case 'other':
      return nest(
        c.NFTA_LIST_ELEM,
        text(c.NFTA_EXPR_NAME, expr.of),
        attr(c.NFTA_EXPR_DATA | 0x8000, fromHex(expr.data)),
      );
  }
}

function verdict({ code, chain }: Expr & { name: 'verdict' }): Buffer {
  const name = chain === '' ? [] : [text(c.NFTA_VERDICT_CHAIN, chain)];
  return nest(c.NFTA_DATA_VERDICT, be32(c.NFTA_VERDICT_CODE, code), ...name);
}

function natAttributes(expr: Expr & { name: 'nat' }): Buffer[] {
  const parts = [be32(1, expr.type), be32(2, expr.family), be32(3, expr.addrMin), be32(4, expr.addrMax)];
  return expr.flags === 0 ? parts : [...parts, be32(7, expr.flags)];
}

/** Reads the value of NFTA_RULE_EXPRESSIONS. */
export function decodeExpressions(bytes: Uint8Array): Expr[] {
  const exprs: Expr[] = [];
  for (const [type, payload] of each(bytes)) if (type === c.NFTA_LIST_ELEM) exprs.push(decode(payload));
  return exprs;
}

function decode(bytes: Buffer): Expr {
  const element = new Attributes(bytes);
  const of = element.text(c.NFTA_EXPR_NAME);
  const raw = element.bytes(c.NFTA_EXPR_DATA);
  return known(of, new Attributes(raw)) ?? { name: 'other', of, data: raw.toString('hex') };
}

const dataOf = (a: Attributes, type: number): string => a.nest(type).bytes(c.NFTA_DATA_VALUE).toString('hex');
const only = (a: Attributes, ...types: number[]): boolean => types.every((type) => !a.has(type));

/** Undefined for what isn't known, or has an attribute that we would not write back. */
function known(of: string, a: Attributes): Expr | undefined {
  switch (of) {
    case 'payload':
      if (!a.has(1)) return undefined; // writes to the packet
      return { name: 'payload', dreg: a.u32(1), base: a.u32(2), offset: a.u32(3), len: a.u32(4) };
    case 'meta':
      if (a.has(3)) return { name: 'meta set', key: a.u32(2), sreg: a.u32(3) };
      return { name: 'meta', key: a.u32(2), dreg: a.u32(1) };
    case 'cmp':
      return { name: 'cmp', sreg: a.u32(1), op: a.u32(2), data: dataOf(a, 3) };
    case 'bitwise':
      if (a.u32(6) !== 0 || a.has(7)) return undefined; // a shift
      return {
        name: 'bitwise',
        sreg: a.u32(1),
        dreg: a.u32(2),
        len: a.u32(3),
        mask: dataOf(a, 4),
        xor: dataOf(a, 5),
      };
    case 'counter':
      return { name: 'counter' };
    case 'immediate':
      return a.nest(2).has(c.NFTA_DATA_VERDICT) ? readVerdict(a.nest(2).nest(c.NFTA_DATA_VERDICT)) : readImmediate(a);
    case 'lookup':
      if (a.u32(5) !== 0 || a.has(3)) return undefined; // inverted, or a map
      return { name: 'lookup', set: a.text(1), sreg: a.u32(2) };
    case 'nat':
      if (!only(a, 5, 6)) return undefined; // ports
      return {
        name: 'nat',
        type: a.u32(1),
        family: a.u32(2),
        addrMin: a.u32(3),
        addrMax: a.u32(4),
        flags: a.u32(7),
      };
    case 'masq':
      return only(a, 2, 3) ? { name: 'masq', flags: a.u32(1) } : undefined;
    case 'match':
    case 'target':
      return { name: of, xt: a.text(1), revision: a.u32(2), info: a.bytes(3).toString('hex') };
    default:
      return undefined;
  }
}

const readVerdict = (a: Attributes): Expr => ({
  name: 'verdict',
  code: a.i32(c.NFTA_VERDICT_CODE),
  chain: a.text(c.NFTA_VERDICT_CHAIN),
});

const readImmediate = (a: Attributes): Expr => ({ name: 'immediate', dreg: a.u32(1), data: dataOf(a, 2) });
