/**
 * Owns the shape of what is seen of a host's packet filters, as far as selvage has to know it. Made by drivers/firewall/, judged here.
 */
import type { Rule } from './rule.ts';

/** nf_tables (nft, and iptables as iptables-nft), or the older tables of iptables-legacy. Both can be in force at once. */
export type Engine = 'nft' | 'legacy';

export type HookName = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

export type Family = 'ip' | 'ip6' | 'inet';

/** Where packets come to a chain by themselves, in what order, and what becomes of those that no rule has decided on. */
export interface BaseChain {
  type: 'filter' | 'nat' | 'route';
  hook: HookName;
  priority: number;
  policy: 'accept' | 'drop';
}

export interface ChainView {
  base?: BaseChain;
  rules: readonly Rule[];
}

export interface TableView {
  engine: Engine;
  /** As nft names it ("filter", "docker-bridges"). */
  name: string;
  family: Family;
  /** Chains by name: not all of the table, but those that were asked for. */
  chains: ReadonlyMap<string, ChainView>;
  /** What a table of ours has in its sets: addresses by the name of the set. */
  sets?: ReadonlyMap<string, readonly string[]>;
}

export interface Ruleset {
  tables: readonly TableView[];
  /** Whether the kernel has nf_tables and lets us write. */
  nft: 'usable' | 'absent' | 'denied';
  /** A flanneld runs in this network namespace. */
  flanneld: boolean;
  /** What could not be read, as a sentence: then nothing is deleted. */
  problem?: string;
}

export const tableOf = (ruleset: Ruleset, engine: Engine, name: string, family: Family = 'ip'): TableView | undefined =>
  ruleset.tables.find((table) => table.engine === engine && table.name === name && table.family === family);

export const chainOf = (table: TableView | undefined, name: string): ChainView | undefined => table?.chains.get(name);

/** Docker's chain for what its users say (since 17.06): it jumps there before all else, and never flushes it. */
export const DOCKER_USER = 'DOCKER-USER';
