/** Whatever others have in both engines is byte-identical after we have come, moved and gone: rules, policies, sets, the order of everything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FirewallFacts } from '../../../reconciler/firewall/facts.ts';
import { iptablesText, nftText, type Rule } from '../../../reconciler/firewall/rule.ts';
import { converge, factsOf } from '../../helpers/firewall-converge.ts';
import { feed, firewallHost } from '../../helpers/firewall-hosts.ts';
import type { Netns } from '../../helpers/netns.ts';
import { holds } from '../../helpers/property.ts';
import { filterRule, nativeRule } from '../../helpers/rule-arbitrary.ts';

/** Some of Docker's chains, with somebody's rules in them. */
const someIptables = fc
  .record({
    policy: fc.constantFrom('ACCEPT', 'DROP'),
    forward: fc.array(filterRule, { maxLength: 6 }),
    some: fc.array(
      filterRule.filter(({ verdict }) => !('chain' in verdict)),
      { maxLength: 3 },
    ),
    dockerUser: fc.option(fc.array(filterRule, { maxLength: 4 }), { nil: undefined }),
    jumpAt: fc.nat(6),
    raw: fc.boolean(),
  })
  .map(({ policy, forward, some, dockerUser, jumpAt, raw }) => {
    const lines = forward.map(notOurs).map((rule) => `-A FORWARD ${iptablesText(rule)}`);
    if (dockerUser) lines.splice(jumpAt, 0, '-A FORWARD -j DOCKER-USER');
    return [
      `*filter\n:FORWARD ${policy} [0:0]\n:SOME - [0:0]`,
      ...(dockerUser ? [':DOCKER-USER - [0:0]'] : []),
      ...lines,
      ...some.map(notOurs).map((rule) => `-A SOME ${iptablesText(rule)}`),
      ...(dockerUser ?? []).map(notOurs).map((rule) => `-A DOCKER-USER ${iptablesText(rule)}`),
      'COMMIT',
      ...(raw ? ['*raw\n-A PREROUTING -d 10.5.1.2/32 ! -i docker0 -j DROP\nCOMMIT'] : []),
      '*nat\n-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\nCOMMIT\n',
    ].join('\n');
  });

/** With our comment a rule would be ours. */
const notOurs = (rule: Rule): Rule => (rule.comment === 'selvage' ? { ...rule, comment: 'somebody' } : rule);

const nftTable = fc
  .array(nativeRule, { maxLength: 5 })
  .map(
    (rules) =>
      `table ip somebody { set peers { type ipv4_addr; elements = { 192.0.2.1 } }\n chain nat { type nat hook postrouting priority 100; policy accept;\n${rules.map(nftText).join('\n')}\n}\n chain fw { type filter hook forward priority 10; policy drop; ct state established accept; }\n}\n`,
  );

const facts: fc.Arbitrary<Partial<FirewallFacts>> = fc.record({
  ipMasq: fc.boolean(),
  forwardRules: fc.boolean(),
  tunnels: fc.constantFrom(['flannel.1'], ['flannel.1', 'flannel.2'], []),
  direct: fc.constantFrom(undefined, 'eth0'),
  directPeers: fc.subarray(['192.168.64.2', '192.168.64.3', '192.168.64.4']),
});

/** All there is, without counters, times and what has our name. */
async function everything(host: Netns): Promise<string> {
  const texts = await Promise.all(
    [['iptables-nft-save'], ['iptables-legacy-save'], ['nft', 'list', 'ruleset']].map(async ([cmd, ...args]) => {
      const { stdout } = await host.exec(cmd!, ...args);
      return stdout;
    }),
  );
  return texts
    .join('\n')
    .replace(/^#.*\n/gm, '')
    .replace(/\[\d+:\d+\]|counter packets \d+ bytes \d+/g, '')
    .replace(/^table ip selvage \{.*?^\}\n/ms, '')
    .replace(/^\s*chain SELVAGE-FWD \{.*?^\t\}\n\n?/gms, '')
    .replace(/^.*(?:SELVAGE-FWD|comment selvage|comment "selvage").*\n/gm, '')
    .replace(/\n+/g, '\n')
    .replace(/^\t\}\n\}$/gm, '\t}\n}');
}

test('what is foreign is the same after us, and before us, to the byte', async (t) => {
  const { host, client } = await firewallHost(t);
  const arbitrary = fc.tuple(someIptables, someIptables, nftTable, facts, facts);
  await holds(
    t,
    arbitrary,
    async ([nft, legacy, native, first, second]) => {
      await host.exec('nft', 'flush', 'ruleset');
      await feed(host, 'iptables-nft-restore', [], nft);
      await feed(host, 'iptables-legacy-restore', [], legacy);
      await feed(host, 'nft', ['-f', '-'], native);
      const before = await everything(host);
      await converge({ host, client }, factsOf(first));
      assert.equal(await everything(host), before, 'after we have come');
      await converge({ host, client }, factsOf(second));
      await host.exec('nft', 'delete', 'table', 'ip', 'selvage');
      await converge({ host, client }, factsOf({ ...second, forwardRules: false }));
      assert.equal(await everything(host), before, 'after we have gone');
    },
    4,
  );
});
