/**
 * Owns what the firewall of an instance is made of: the parts that are wanted, found, compared and changed one by one.
 *
 * - A part is ours by name or by comment, never by memory: the table, the chain and the comment are named after the etcd prefix (`tagOf`).
 * - Equal lines mean an equal part; the lines are what `nft` or `iptables -S` prints.
 */
import { createHash } from 'node:crypto';
import type { Place } from './place.ts';
import { iptablesText, nftText, type Rule } from './rule.ts';
import type { BaseChain, Engine, Family } from './ruleset.ts';

/** Whose a part is: an instance of selvage, or flannel. */
export type Tag = string;

export const FLANNEL: Tag = 'flannel';
const DEFAULT_PREFIX = '/coreos.com/network';

/** "selvage", and "selvage-1f2e3d" for another prefix than flannel's default: every instance has its own. */
export function tagOf(prefix: string): Tag {
  if (prefix === DEFAULT_PREFIX) return 'selvage';
  return `selvage-${createHash('sha256').update(prefix).digest('hex').slice(0, 6)}`;
}

/** "SELVAGE-FWD": within the 28 characters that iptables takes. */
export const forwardChain = (tag: Tag): string => tag.replace('selvage', 'SELVAGE-FWD');

/** The tag of the instance whose forward chain has this name. */
export function tagOfChain(chain: string): Tag | undefined {
  return /^SELVAGE-FWD(-[0-9a-f]{6})?$/.test(chain) ? chain.replace('SELVAGE-FWD', 'selvage') : undefined;
}

export const isOurTag = (tag: string | undefined): tag is Tag =>
  tag !== undefined && /^selvage(-[0-9a-f]{6})?$/.test(tag);

export interface TableChain {
  name: string;
  base: BaseChain;
  rules: readonly Rule[];
}

interface Common {
  kind: 'firewall';
  engine: Engine;
  family: Family;
  table: string;
  tag: Tag;
}

/** A whole table of nf_tables, with its chains and the names of its sets. */
export interface TablePart extends Common {
  part: 'table';
  /** For people: which etcd prefix it is for. Given when the table is made, and not compared. */
  comment?: string;
  chains: readonly TableChain[];
  sets: readonly string[];
}

/** A chain of our own in a table that is everybody's. */
export interface ChainPart extends Common {
  part: 'chain';
  chain: string;
  rules: readonly Rule[];
}

/** Rules of ours, together, in a chain that isn't. */
export interface RulesPart extends Common {
  part: 'rules';
  chain: string;
  rules: readonly Rule[];
  place: Place;
  /** Observed: whether they stand where that is. */
  inPlace: boolean;
}

/** An address in a set of our table. */
export interface ElementPart extends Common {
  part: 'element';
  set: string;
  address: string;
}

export type FirewallPart = TablePart | ChainPart | RulesPart | ElementPart;

/** The identity of a part within its host: "nft ip filter DOCKER-USER selvage". */
export function partKey(part: FirewallPart): string {
  const table = `${part.engine} ${part.family} ${part.table}`;
  switch (part.part) {
    case 'table':
      return table;
    case 'chain':
      return `${table} ${part.chain}`;
    case 'rules':
      return `${table} ${part.chain} ${part.tag}`;
    case 'element':
      return `${table} @${part.set} ${part.address}`;
  }
}

/** As the tool prints it whose table it is, one rule a line. */
export function partLines(part: FirewallPart): string[] {
  switch (part.part) {
    case 'table':
      return [
        `table ${part.family} ${part.table} {`,
        ...part.sets.map((set) => `  set ${set} { type ipv4_addr; }`),
        ...part.chains.flatMap(chainLines),
        '}',
      ];
    case 'chain':
      return [`-N ${part.chain}`, ...part.rules.map((rule) => `-A ${part.chain} ${iptablesText(rule)}`)];
    case 'rules':
      return part.rules.map((rule) => `-A ${part.chain} ${iptablesText(rule)}`);
    case 'element':
      return [`add element ${part.family} ${part.table} ${part.set} { ${part.address} }`];
  }
}

function chainLines({ name, base, rules }: TableChain): string[] {
  const { type, hook, priority, policy } = base;
  return [
    `  chain ${name} {`,
    `    type ${type} hook ${hook} priority ${priority}; policy ${policy};`,
    ...rules.map((rule) => `    ${nftText(rule)}`),
    '  }',
  ];
}

/** Names of what differs; both have the same key. Empty: as it should be. */
export function differingParts(want: FirewallPart, have: FirewallPart): string[] {
  const fields: string[] = [];
  if (partLines(want).join('\n') !== partLines(have).join('\n')) fields.push('rules');
  if (have.part === 'rules' && !have.inPlace) fields.push('place');
  return fields;
}
