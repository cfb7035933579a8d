/**
 * Owns how a change of a part is written for people to run: nft's own language for our tables, iptables of the part's engine for the rest.
 *
 * - A table is remade by one nft script, which takes effect at once; the elements of its sets stay.
 * - Where our rules stand behind others they go before a final RETURN, as place.ts has it, found when the script runs.
 */

import type { ChainPart, ElementPart, FirewallPart, RulesPart, TablePart } from '../firewall/part.ts';
import { partLines } from '../firewall/part.ts';
import { iptablesText } from '../firewall/rule.ts';
import { type ChangeOf, type Command, quoted } from './command.ts';

export function firewallCommands(change: ChangeOf<FirewallPart>): Command[] {
  const part = change.op === 'delete' ? change.have : change.want;
  switch (part.part) {
    case 'table':
      return [{ tool: 'nft', lines: tableLines(change.op, part) }];
    case 'element':
      return [{ tool: 'nft', lines: elementLine(change.op, part) }];
    case 'chain':
      return [{ tool: 'sh', text: chainText(change.op, part) }];
    case 'rules':
      return rulesTexts(change, part).map((text) => ({ tool: 'sh', text }));
  }
}

type Op = ChangeOf<FirewallPart>['op'];

function tableLines(op: Op, part: TablePart): string {
  const table = `table ${part.family} ${part.table}`;
  if (op === 'delete') return `delete ${table}`;
  return [...(op === 'update' ? [`flush ${table}`] : []), ...partLines(part)].join('\n');
}

const elementLine = (op: Op, { family, table, set, address }: ElementPart): string =>
  `${op === 'delete' ? 'delete' : 'add'} element ${family} ${table} ${set} { ${address} }`;

/** Both engines may be installed, and `iptables` is either. */
const tool = ({ engine }: FirewallPart): string => `iptables-${engine}`;

function chainText(op: Op, part: ChainPart): string {
  const iptables = `${tool(part)} -w -t ${part.table}`;
  if (op === 'delete') return `${iptables} -F ${part.chain}\n${iptables} -X ${part.chain}`;
  // Named in a restore, a chain of a user's is made, or emptied.
  const lines = [`*${part.table}`, `:${part.chain} - [0:0]`, ...partLines(part).slice(1), 'COMMIT'];
  return `${tool(part)}-restore --noflush -w <<'END'\n${lines.join('\n')}\nEND`;
}

function rulesTexts(change: ChangeOf<FirewallPart>, part: RulesPart): string[] {
  const iptables = `${tool(part)} -w -t ${part.table}`;
  const remove = ({ chain, rules }: RulesPart): string[] =>
    rules.map((rule) => `${iptables} -D ${chain} ${iptablesText(rule)}`);
  if (change.op === 'delete') return remove(part);
  const before = change.op === 'update' && change.have.part === 'rules' ? remove(change.have) : [];
  return [...before, ...(part.place === 'first' ? insert(iptables, part) : append(iptables, part))];
}

const insert = (iptables: string, { chain, rules }: RulesPart): string[] =>
  rules.map((rule, at) => `${iptables} -I ${chain} ${at + 1} ${iptablesText(rule)}`);

function append(iptables: string, { chain, rules }: RulesPart): string[] {
  const last = quoted(`-A ${chain} -j RETURN`);
  const find = `at=$(${iptables} -S ${chain} | grep '^-A' | grep -nxm1 -e ${last} | cut -d: -f1)`;
  const place = `$([ -n "$at" ] && echo "-I ${chain} $at" || echo "-A ${chain}")`;
  return rules.map((rule) => `${find}\n${iptables} ${place} ${iptablesText(rule)}`);
}
