/**
 * Owns how a change of one part becomes messages to nf_tables, thought out for what is there now.
 *
 * - All of a batch takes effect in one moment: a chain that is emptied and filled again is never seen empty by a packet.
 * - Of a chain that isn't ours nothing is touched but rules of ours, by their handles; the new ones are put beside a foreign rule's handle.
 */

import { tagOfRule } from '../../reconciler/firewall/found.ts';
import { isOurTag, type RulesPart, type TableChain, type TablePart } from '../../reconciler/firewall/part.ts';
import { indexFor } from '../../reconciler/firewall/place.ts';
import { nftText, type Rule, sameRule } from '../../reconciler/firewall/rule.ts';
import type { Family } from '../../reconciler/firewall/ruleset.ts';
import { NLM_F_CREATE } from '../netlink/codec/constants.ts';
import { ipv4Number } from '../netlink/codec/text.ts';
import type { NftClient, Order } from '../netlink/nft/client.ts';
import * as c from '../netlink/nft/constants.ts';
import {
  addressSetAttributes,
  chainAttributes,
  elementAttributes,
  ruleAttributes,
  ruleKey,
  tableAttributes,
} from '../netlink/nft/objects.ts';
import { type Form, readRule, writeRule } from '../netlink/nft/rules.ts';
import type { PartChange } from './part-change.ts';

const FAMILY: Record<Family, number> = { ip: c.NFPROTO_IPV4, inet: c.NFPROTO_INET, ip6: 10 };

/** Messages of one change. `client` is asked for the handles in chains that are not ours. */
export function ordersOf(client: NftClient, change: PartChange): Order[] {
  const part = change.want ?? change.have;
  const orders = new Orders(FAMILY[part.family]);
  switch (part.part) {
    case 'table':
      tableOrders(orders, change as PartChange & { want?: TablePart; have?: TablePart });
      break;
    case 'chain':
      if (change.want) {
        orders.chain({ table: part.table, name: part.chain });
        if (change.op === 'update') orders.flush(part.table, part.chain);
        for (const rule of part.rules) orders.append(part.table, part.chain, rule, 'iptables');
      } else {
        orders.flush(part.table, part.chain);
        orders.deleteChain(part.table, part.chain);
      }
      break;
    case 'rules':
      rulesOrders(orders, client, change, part);
      break;
    case 'element':
      orders.element(part.table, part.set, part.address, change.want !== undefined);
  }
  return orders.all;
}

class Orders {
  readonly all: Order[] = [];
  readonly #family: number;
  #sets = 0;

  constructor(family: number) {
    this.#family = family;
  }

  #add(type: number, flags: number, body: Uint8Array): void {
    this.all.push({ type, flags, family: this.#family, body });
  }

  table(name: string, comment?: string): void {
    this.#add(c.NFT_MSG_NEWTABLE, NLM_F_CREATE, tableAttributes(name, comment));
  }

  deleteTable(name: string): void {
    this.#add(c.NFT_MSG_DELTABLE, 0, tableAttributes(name));
  }

  chain({ table, name, base }: { table: string; name: string; base?: TableChain['base'] }): void {
    const hook = base && { ...base, hook: c.HOOKS.indexOf(base.hook) };
    this.#add(c.NFT_MSG_NEWCHAIN, NLM_F_CREATE, chainAttributes({ table, name, ...(hook ? { base: hook } : {}) }));
  }

  deleteChain(table: string, name: string): void {
    this.#add(c.NFT_MSG_DELCHAIN, 0, chainAttributes({ table, name }));
  }

  flush(table: string, chain: string): void {
    this.#add(c.NFT_MSG_DELRULE, 0, ruleKey(table, chain));
  }

  deleteRule(table: string, chain: string, handle: bigint): void {
    this.#add(c.NFT_MSG_DELRULE, 0, ruleKey(table, chain, handle));
  }

  append(table: string, chain: string, rule: Rule, form: Form): void {
    const flags = NLM_F_CREATE | c.NLM_F_APPEND;
    this.#add(c.NFT_MSG_NEWRULE, flags, ruleAttributes({ table, chain, ...writeRule(rule, form) }));
  }

  insertBefore(table: string, chain: string, rule: Rule, handle: bigint): void {
    const body = ruleAttributes({ table, chain, ...writeRule(rule, 'iptables') }, handle);
    this.#add(c.NFT_MSG_NEWRULE, NLM_F_CREATE, body);
  }

  set(table: string, name: string): void {
    this.#sets++;
    this.#add(c.NFT_MSG_NEWSET, NLM_F_CREATE, addressSetAttributes(table, name, this.#sets));
  }

  deleteSet(table: string, name: string): void {
    this.#add(c.NFT_MSG_DELSET, 0, addressSetAttributes(table, name, 0));
  }

  element(table: string, set: string, address: string, there: boolean): void {
    const key = Buffer.alloc(4);
    key.writeUInt32BE(ipv4Number(address));
    const body = elementAttributes(table, set, [key.toString('hex')]);
    this.#add(there ? c.NFT_MSG_NEWSETELEM : c.NFT_MSG_DELSETELEM, there ? NLM_F_CREATE : 0, body);
  }
}

function tableOrders(orders: Orders, { want, have }: { want?: TablePart; have?: TablePart }): void {
  if (!want) {
    if (have) orders.deleteTable(have.table);
    return;
  }
  const { table } = want;
  orders.table(table, have ? undefined : want.comment);
  for (const set of want.sets) if (!have?.sets.includes(set)) orders.set(table, set);
  const before = new Map((have?.chains ?? []).map((chain) => [chain.name, chain]));
  for (const chain of want.chains) {
    const old = before.get(chain.name);
    before.delete(chain.name);
    if (old && sameBase(old, chain)) {
      if (old.rules.map(nftText).join('\n') === chain.rules.map(nftText).join('\n')) continue;
      orders.flush(table, chain.name);
    } else {
      if (old) removeChain(orders, table, chain.name);
      orders.chain({ table, name: chain.name, base: chain.base });
    }
    for (const rule of chain.rules) orders.append(table, chain.name, rule, 'nft');
  }
  for (const name of before.keys()) removeChain(orders, table, name);
  for (const set of have?.sets ?? []) if (!want.sets.includes(set)) orders.deleteSet(table, set);
}

function removeChain(orders: Orders, table: string, name: string): void {
  orders.flush(table, name);
  orders.deleteChain(table, name);
}

const sameBase = (a: TableChain, b: TableChain): boolean => JSON.stringify(a.base) === JSON.stringify(b.base);

/** What was there of ours goes, by handle, and what should be comes where it belongs, in the same moment. */
function rulesOrders(orders: Orders, client: NftClient, { want }: PartChange, part: RulesPart): void {
  const { table, chain } = part;
  const listed = client.rules(FAMILY[part.family], table, chain).items;
  const rules = listed.map((object) => ({ handle: object.handle, rule: readRule(object) }));
  const isOurs = (rule: Rule): boolean =>
    isOurTag(part.tag) ? tagOfRule(rule) === part.tag : part.rules.some((one) => sameRule(one, rule));
  const others = rules.filter(({ rule }) => !isOurs(rule));
  if (want?.part === 'rules') {
    const at = indexFor(
      others.map(({ rule }) => rule),
      want.place,
    );
    const next = others[at];
    for (const rule of want.rules) {
      if (next) orders.insertBefore(table, chain, rule, next.handle);
      else orders.append(table, chain, rule, 'iptables');
    }
  }
  for (const { handle, rule } of rules) if (isOurs(rule)) orders.deleteRule(table, chain, handle);
}
