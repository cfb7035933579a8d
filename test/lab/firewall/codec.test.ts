/**
 * The codec against the tools, both ways: what we write, `iptables -S` and `nft -j` print as we would; what they write, we read as they print it.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { see } from '../../../drivers/firewall/see.ts';
import { readLegacy } from '../../../drivers/iptables-legacy/state.ts';
import { NLM_F_CREATE } from '../../../drivers/netlink/codec/constants.ts';
import type { NftClient, Order } from '../../../drivers/netlink/nft/client.ts';
import * as c from '../../../drivers/netlink/nft/constants.ts';
import { encodeExpressions } from '../../../drivers/netlink/nft/expressions.ts';
import {
  addressSetAttributes,
  chainAttributes,
  ruleAttributes,
  tableAttributes,
} from '../../../drivers/netlink/nft/objects.ts';
import { type Form, readRule, writeRule } from '../../../drivers/netlink/nft/rules.ts';
import { iptablesText, nftText, type Rule } from '../../../reconciler/firewall/rule.ts';
import { feed, firewallHost } from '../../helpers/firewall-hosts.ts';
import { rulesOfJson } from '../../helpers/nft-json.ts';
import { filterRule, nativeRule } from '../../helpers/rule-arbitrary.ts';

/** Many rules in one chain: each tool is started once. */
const MANY = { minLength: 120, maxLength: 120 };

function sample<T>(t: TestContext, arbitrary: fc.Arbitrary<T>): T[] {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed ${seed}`);
  return fc.sample(fc.array(arbitrary, MANY), { numRuns: 1, seed })[0]!;
}

function write(
  client: NftClient,
  table: string,
  form: Form,
  base: { type: string; hook: number; priority: number },
  rules: readonly Rule[],
): void {
  const chain = table === 'filter' ? 'FORWARD' : 'ours';
  const order = (type: number, body: Uint8Array, flags = NLM_F_CREATE): Order => ({ type, flags, family: 2, body });
  const orders = [
    order(c.NFT_MSG_NEWTABLE, tableAttributes(table)),
    order(c.NFT_MSG_NEWSET, addressSetAttributes(table, 'peers', 1)),
    order(c.NFT_MSG_NEWCHAIN, chainAttributes({ table, name: 'SOME' })),
    order(c.NFT_MSG_NEWCHAIN, chainAttributes({ table, name: chain, base: { ...base, policy: 'accept' } })),
    ...rules.map((rule) =>
      order(
        c.NFT_MSG_NEWRULE,
        ruleAttributes({ table, chain, ...writeRule(rule, form) }),
        NLM_F_CREATE | c.NLM_F_APPEND,
      ),
    ),
  ];
  // iptables doesn't know sets, and says nothing of a table that has one.
  const { errno, extack, at } = client.transact(form === 'nft' ? orders : orders.filter((_, i) => i !== 1));
  assert.equal(errno, 0, `${extack} at ${at}`);
}

const FORWARD = { type: 'filter', hook: 2, priority: 0 };

test('iptables -S prints what we write as we would, and its own form is ours to the byte', async (t) => {
  const { host, client } = await firewallHost(t);
  const rules = sample(t, filterRule);
  write(client, 'filter', 'iptables', FORWARD, rules);
  const { stdout } = await host.exec('iptables-nft', '-S', 'FORWARD');
  const lines = stdout.trim().split('\n').slice(1);
  assert.deepEqual(
    lines,
    rules.map((rule) => `-A FORWARD ${iptablesText(rule)}`),
  );
  const before = client.rules(2, 'filter', 'FORWARD').items;
  assert.deepEqual(before.map(readRule).map(iptablesText), rules.map(iptablesText));
  // Written anew by iptables itself: the same expressions, but for the comment, which it keeps in a match.
  const text = (await host.exec('iptables-nft-save')).stdout;
  await host.exec('nft', 'flush', 'ruleset');
  await feed(host, 'iptables-nft-restore', [], text);
  const after = client.rules(2, 'filter', 'FORWARD').items;
  for (const [i, rule] of rules.entries()) {
    assert.equal(iptablesText(readRule(after[i]!)), iptablesText(rule), 'read as iptables has written it');
    const theirs = after[i]!.exprs.filter(({ name }) => name !== 'match');
    assert.deepEqual(partsOf(theirs), partsOf(before[i]!.exprs), iptablesText(rule));
  }
});

/** The bytes of each match and of the verdict, sorted: iptables 1.8.9 looks at interfaces before addresses, 1.8.11 (Debian 13) after them. */
function partsOf(exprs: Parameters<typeof encodeExpressions>[0]): string[] {
  const parts: (typeof exprs)[number][][] = [[]];
  for (const expr of exprs) {
    parts.at(-1)!.push(expr);
    if (expr.name === 'cmp') parts.push([]);
  }
  return parts.map((part) => encodeExpressions(part).toString('hex')).sort();
}

test('nft -j prints what we write as we would', async (t) => {
  const { host, client } = await firewallHost(t);
  const rules = sample(t, nativeRule);
  write(client, 'selvage', 'nft', { type: 'nat', hook: 4, priority: 99 }, rules);
  const { stdout } = await host.exec('nft', '-j', 'list', 'ruleset');
  assert.deepEqual(rulesOfJson(stdout, 'selvage', 'ours'), rules.map(nftText));
  const read = client.rules(2, 'selvage', 'ours').items;
  assert.deepEqual(read.map(readRule).map(nftText), rules.map(nftText));
  // The other way round: nft writes, we read.
  const text = (await host.exec('nft', 'list', 'ruleset')).stdout;
  await host.exec('nft', 'flush', 'ruleset');
  await feed(host, 'nft', ['-f', '-'], text);
  const again = client.rules(2, 'selvage', 'ours').items;
  assert.deepEqual(again.map(readRule).map(nftText), rules.map(nftText));
  for (const [i, { exprs }] of again.entries())
    assert.equal(
      encodeExpressions(exprs).toString('hex'),
      encodeExpressions(read[i]!.exprs).toString('hex'),
      nftText(rules[i]!),
    );
});

test('what iptables-legacy has is read as iptables-legacy-save prints it', async (t) => {
  const { host } = await firewallHost(t);
  const rules = sample(t, filterRule);
  const lines = rules.map((rule) => `-A FORWARD ${iptablesText(rule)}`);
  await feed(
    host,
    'iptables-legacy-restore',
    [],
    `*filter\n:FORWARD DROP\n:SOME - [0:0]\n${lines.join('\n')}\n-A SOME -j RETURN\nCOMMIT\n`,
  );
  const { tables } = readLegacy(host.path);
  const forward = tables.get('filter')?.get('FORWARD');
  assert.equal(forward?.base?.policy, 'drop');
  const { stdout } = await host.exec('iptables-legacy-save', '-t', 'filter');
  const saved = stdout.split('\n').filter((line) => line.startsWith('-A FORWARD '));
  assert.deepEqual(
    forward?.rules.map((rule) => `-A FORWARD ${iptablesText(rule)}`),
    saved,
  );
  assert.deepEqual(tables.get('filter')?.get('SOME')?.rules, [{ verdict: { to: 'return' } }]);
});

test('rules that are not understood are opaque, never lost, and what is read of others costs no process', async (t) => {
  const { host, client } = await firewallHost(t);
  const rules = [
    '-p tcp -m tcp --dport 80 -j ACCEPT',
    '-m conntrack --ctstate INVALID -j DROP',
    '-s 10.0.0.0/8 -m limit --limit 5/sec -j LOG',
    '-m addrtype --dst-type LOCAL -j REJECT',
    '-d 224.0.0.1/32 -m statistic --mode random --probability 0.5 -j RETURN',
    '-j TCPMSS --clamp-mss-to-pmtu -p tcp --tcp-flags SYN,RST SYN',
  ];
  const text = `*filter\n${rules.map((rule) => `-A FORWARD ${rule}`).join('\n')}\nCOMMIT\n`;
  await feed(host, 'iptables-nft-restore', [], text);
  await feed(host, 'iptables-legacy-restore', [], text);
  const { ruleset } = see(client, host.path, { elements: true });
  assert.equal(ruleset.tables.length, 2);
  for (const { engine, chains } of ruleset.tables) {
    const seen = chains.get('FORWARD')!.rules;
    assert.deepEqual(
      seen.map(({ opaque, verdict }) => [
        (opaque?.length ?? 0) > 0,
        verdict.to === 'other' ? verdict.name : verdict.to,
      ]),
      [
        [true, 'accept'],
        [true, 'drop'],
        [true, 'LOG'],
        [true, 'REJECT'],
        [true, 'return'],
        [true, 'TCPMSS'],
      ],
      engine,
    );
  }
});
