/**
 * Owns tables, chains, rules, set elements and generations between wire and value: the attributes of each message after its nfgenmsg.
 * What to do with them is in client.ts; what a rule means is in rules.ts.
 */
import { Attributes, attr, be32, each, nest, text } from './attributes.ts';
import * as c from './constants.ts';
import { decodeExpressions, type Expr, encodeExpressions } from './expressions.ts';

export interface ChainObject {
  family: number;
  table: string;
  name: string;
  /** Where packets enter it; undefined for a chain that is only jumped to. */
  base?: { type: string; hook: number; priority: number; policy: 'accept' | 'drop' };
}

export interface RuleObject {
  family: number;
  table: string;
  chain: string;
  handle: bigint;
  exprs: Expr[];
  /** Bytes of NFTA_RULE_USERDATA, in hex; "" for none. */
  userdata: string;
}

export interface Generation {
  id: number;
  /** Id of the process that made it; 0 and "" in the answer to a question. */
  pid: number;
  name: string;
}

/** Where a rule goes: at the end, at the head, or just before the rule with a handle. */
export type Position = 'end' | 'head' | { before: bigint };

export const tableAttributes = (name: string, comment?: string): Buffer =>
  Buffer.concat([
    text(c.NFTA_TABLE_NAME, name),
    ...(comment === undefined
      ? []
      : [attr(c.NFTA_TABLE_USERDATA, Buffer.from(commentData(c.NFTNL_UDATA_TABLE_COMMENT, comment), 'hex'))]),
  ]);

export function chainAttributes({ table, name, base }: Omit<ChainObject, 'family'>): Buffer {
  const parts = [text(c.NFTA_CHAIN_TABLE, table), text(c.NFTA_CHAIN_NAME, name)];
  if (base) {
    const hook = [be32(c.NFTA_HOOK_HOOKNUM, base.hook), be32(c.NFTA_HOOK_PRIORITY, base.priority)];
    parts.push(nest(c.NFTA_CHAIN_HOOK, ...hook));
    parts.push(be32(c.NFTA_CHAIN_POLICY, base.policy === 'drop' ? c.NF_DROP : c.NF_ACCEPT));
    parts.push(text(c.NFTA_CHAIN_TYPE, base.type));
  }
  return Buffer.concat(parts);
}

export function readChain(family: number, bytes: Uint8Array): ChainObject {
  const a = new Attributes(bytes);
  const chain = { family, table: a.text(c.NFTA_CHAIN_TABLE), name: a.text(c.NFTA_CHAIN_NAME) };
  if (!a.has(c.NFTA_CHAIN_HOOK)) return chain;
  const hook = a.nest(c.NFTA_CHAIN_HOOK);
  return {
    ...chain,
    base: {
      type: a.text(c.NFTA_CHAIN_TYPE),
      hook: hook.u32(c.NFTA_HOOK_HOOKNUM),
      priority: hook.i32(c.NFTA_HOOK_PRIORITY),
      policy: a.u32(c.NFTA_CHAIN_POLICY, c.NF_ACCEPT) === c.NF_DROP ? 'drop' : 'accept',
    },
  };
}

export function ruleAttributes(rule: Pick<RuleObject, 'table' | 'chain' | 'exprs' | 'userdata'>, at?: bigint): Buffer {
  const parts = [
    text(c.NFTA_RULE_TABLE, rule.table),
    text(c.NFTA_RULE_CHAIN, rule.chain),
    attr(c.NFTA_RULE_EXPRESSIONS | 0x8000, encodeExpressions(rule.exprs)),
  ];
  if (rule.userdata !== '') parts.push(attr(c.NFTA_RULE_USERDATA, Buffer.from(rule.userdata, 'hex')));
  if (at !== undefined) parts.push(handle(c.NFTA_RULE_POSITION, at));
  return Buffer.concat(parts);
}

/** All rules of a chain, or the one with a handle. */
export const ruleKey = (table: string, chain: string, one?: bigint): Buffer =>
  Buffer.concat([
    text(c.NFTA_RULE_TABLE, table),
    text(c.NFTA_RULE_CHAIN, chain),
    ...(one === undefined ? [] : [handle(c.NFTA_RULE_HANDLE, one)]),
  ]);

export function readRuleObject(family: number, bytes: Uint8Array): RuleObject {
  const a = new Attributes(bytes);
  return {
    family,
    table: a.text(c.NFTA_RULE_TABLE),
    chain: a.text(c.NFTA_RULE_CHAIN),
    handle: a.u64(c.NFTA_RULE_HANDLE),
    exprs: decodeExpressions(a.bytes(c.NFTA_RULE_EXPRESSIONS)),
    userdata: a.bytes(c.NFTA_RULE_USERDATA).toString('hex'),
  };
}

/** A named set of IPv4 addresses; `id` tells it apart within the batch that makes it. */
export const addressSetAttributes = (table: string, name: string, id: number): Buffer =>
  Buffer.concat([
    text(c.NFTA_SET_TABLE, table),
    text(c.NFTA_SET_NAME, name),
    be32(c.NFTA_SET_FLAGS, 0),
    be32(c.NFTA_SET_KEY_TYPE, c.TYPE_IPADDR),
    be32(c.NFTA_SET_KEY_LEN, 4),
    be32(c.NFTA_SET_ID, id),
  ]);

/** Elements of a set, as hex keys; none: the set itself, to be listed or emptied. */
export const elementAttributes = (table: string, set: string, keys: readonly string[]): Buffer =>
  Buffer.concat([
    text(c.NFTA_SET_ELEM_LIST_TABLE, table),
    text(c.NFTA_SET_ELEM_LIST_SET, set),
    ...(keys.length ? [nest(c.NFTA_SET_ELEM_LIST_ELEMENTS, ...keys.map(elementOf))] : []),
  ]);

const elementOf = (key: string): Buffer =>
  nest(c.NFTA_LIST_ELEM, nest(c.NFTA_SET_ELEM_KEY, attr(c.NFTA_DATA_VALUE, Buffer.from(key, 'hex'))));

export function readElements(bytes: Uint8Array): string[] {
  const keys: string[] = [];
  for (const [type, payload] of each(new Attributes(bytes).bytes(c.NFTA_SET_ELEM_LIST_ELEMENTS))) {
    if (type !== c.NFTA_LIST_ELEM) continue;
    const key = new Attributes(payload).nest(c.NFTA_SET_ELEM_KEY).bytes(c.NFTA_DATA_VALUE);
    keys.push(key.toString('hex'));
  }
  return keys;
}

export function readGeneration(bytes: Uint8Array): Generation {
  const a = new Attributes(bytes);
  return { id: a.u32(c.NFTA_GEN_ID), pid: a.u32(c.NFTA_GEN_PROC_PID), name: a.text(c.NFTA_GEN_PROC_NAME) };
}

/** libnftnl's user data: type, length, value, one after another. A rule's comment ends in NUL. */
export function commentData(type: number, comment: string): string {
  const bytes = Buffer.from(`${comment}\0`);
  return Buffer.concat([Buffer.from([type, bytes.length]), bytes]).toString('hex');
}

/** The comment in a rule's user data; undefined for none. */
export function commentIn(userdata: string): string | undefined {
  const bytes = Buffer.from(userdata, 'hex');
  for (let at = 0; at + 2 <= bytes.length; at += 2 + bytes[at + 1]!) {
    if (bytes[at] !== c.NFTNL_UDATA_RULE_COMMENT) continue;
    const value = bytes.subarray(at + 2, at + 2 + bytes[at + 1]!);
    const end = value.indexOf(0);
    return value.toString('utf8', 0, end < 0 ? value.length : end);
  }
  return undefined;
}

const handle = (type: number, value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return attr(type, bytes);
};
