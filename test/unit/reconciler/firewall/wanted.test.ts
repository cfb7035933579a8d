import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FirewallFacts } from '../../../../reconciler/firewall/facts.ts';
import { foundParts } from '../../../../reconciler/firewall/found.ts';
import { firewallNotices } from '../../../../reconciler/firewall/notices.ts';
import { forwardChain, partKey, partLines, tagOf, tagOfChain } from '../../../../reconciler/firewall/part.ts';
import { earlierNetworks, rangesLivedIn } from '../../../../reconciler/firewall/ranges.ts';
import type { Rule } from '../../../../reconciler/firewall/rule.ts';
import type { ChainView, Engine, Ruleset, TableView } from '../../../../reconciler/firewall/ruleset.ts';
import { wantedParts } from '../../../../reconciler/firewall/wanted.ts';
import { factsOf } from '../../../helpers/firewall-converge.ts';

const table = (
  engine: Engine,
  name: string,
  chains: Record<string, { policy?: 'accept' | 'drop'; rules?: Rule[] }>,
  family: TableView['family'] = 'ip',
): TableView => ({
  engine,
  family,
  name,
  chains: new Map(
    Object.entries(chains).map(([chain, { policy, rules = [] }]): [string, ChainView] => [
      chain,
      policy ? { base: { type: 'filter', hook: 'forward', priority: 0, policy }, rules } : { rules },
    ]),
  ),
});

const ruleset = (tables: TableView[] = [], more: Partial<Ruleset> = {}): Ruleset => ({
  tables,
  nft: 'usable',
  flanneld: false,
  ...more,
});

const lines = (facts: FirewallFacts, seen: Ruleset): string[] => wantedParts(facts, seen).flatMap(partLines);
const keys = (facts: FirewallFacts, seen: Ruleset): string[] => wantedParts(facts, seen).map(partKey);
const dropping = (engine: Engine): TableView => table(engine, 'filter', { FORWARD: { policy: 'drop' } });

describe('our own table', () => {
  test('keeps sources within the network, and masquerades what leaves it with --ip-masq only', () => {
    assert.deepEqual(lines(factsOf(), ruleset()), [
      'table ip selvage {',
      '  chain postrouting {',
      '    type nat hook postrouting priority 99; policy accept;',
      '    meta mark & 0x00004000 == 0x00004000 return',
      '    ip saddr 10.5.1.0/24 ip daddr 10.5.1.0/24 return',
      '    ip saddr 10.5.0.0/16 ip daddr 10.5.0.0/16 snat to ip saddr',
      '    ip saddr 10.5.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random',
      '    ip saddr != 10.5.0.0/16 ip daddr 10.5.1.0/24 return',
      '    ip saddr != 10.5.0.0/16 ip daddr 10.5.0.0/16 masquerade fully-random',
      '  }',
      '}',
    ]);
    assert.doesNotMatch(lines(factsOf({ fullyRandom: false }), ruleset()).join('\n'), /fully-random/);
    assert.doesNotMatch(lines(factsOf({ ipMasq: false }), ruleset()).join('\n'), /masquerade/);
    assert.match(lines(factsOf({ ipMasq: false }), ruleset()).join('\n'), /snat to ip saddr/);
  });

  test('has the rules of an earlier network too while something lives in it', () => {
    const earlier = { network: '10.9.0.0/16', subnet: '10.9.7.0/24' };
    const { ranges } = factsOf();
    const text = lines(factsOf({ ranges: [...ranges, earlier] }), ruleset()).join('\n');
    assert.match(text, /ip saddr 10\.9\.0\.0\/16 ip daddr 10\.9\.0\.0\/16 snat to ip saddr/);
  });

  test('an element for each peer without a tunnel, and none without forward rules', () => {
    const facts = factsOf({ direct: 'eth0', directPeers: ['192.168.64.2', '192.168.64.3'] });
    assert.deepEqual(keys(facts, ruleset()), [
      'nft ip selvage',
      'nft ip selvage @peers 192.168.64.2',
      'nft ip selvage @peers 192.168.64.3',
    ]);
    assert.deepEqual(keys({ ...facts, forwardRules: false }, ruleset()), ['nft ip selvage']);
  });
});

describe('forward rules', () => {
  test('only in engines whose FORWARD can drop, or that Docker has been in', () => {
    const quiet = table('nft', 'filter', { FORWARD: { policy: 'accept' } });
    assert.deepEqual(keys(factsOf(), ruleset([quiet])), ['nft ip selvage']);
    assert.deepEqual(keys(factsOf(), ruleset([quiet, dropping('legacy')])), [
      'nft ip selvage',
      'legacy ip filter SELVAGE-FWD',
      'legacy ip filter FORWARD selvage',
    ]);
    const docker = table('nft', 'filter', { FORWARD: { policy: 'accept' }, 'DOCKER-USER': {} });
    assert.equal(keys(factsOf(), ruleset([docker])).length, 3);
    assert.deepEqual(keys(factsOf({ forwardRules: false }), ruleset([dropping('nft')])), ['nft ip selvage']);
  });

  test('are narrow: our devices and our subnet', () => {
    assert.deepEqual(lines(factsOf({ tunnels: ['flannel.1'] }), ruleset([dropping('nft')])).slice(11), [
      '-N SELVAGE-FWD',
      '-A SELVAGE-FWD -d 10.5.1.0/24 -i flannel.1 -j ACCEPT',
      '-A SELVAGE-FWD -s 10.5.1.0/24 -o flannel.1 -j ACCEPT',
      '-A FORWARD -m comment --comment selvage -j SELVAGE-FWD',
    ]);
  });

  test("Docker's raw DROP is answered in its own table", () => {
    const raw = table('nft', 'raw', {
      PREROUTING: {
        rules: [{ dst: { net: '10.5.1.2/32' }, in: { name: 'docker0', not: true }, verdict: { to: 'drop' } }],
      },
    });
    assert.equal(
      lines(factsOf(), ruleset([raw])).at(-1),
      '-A PREROUTING -s 10.5.0.0/16 -d 10.5.1.0/24 -i flannel.1 -m comment --comment selvage -j ACCEPT',
    );
    const other = table('nft', 'raw', {
      PREROUTING: { rules: [{ dst: { net: '172.17.0.2/32' }, verdict: { to: 'drop' } }] },
    });
    assert.deepEqual(keys(factsOf(), ruleset([other])), ['nft ip selvage']);
  });

  test('without nf_tables all is in the older tables, masquerading in the text of flannel', () => {
    const facts = factsOf({ direct: 'eth0', directPeers: ['192.168.64.2'] });
    const text = lines(facts, ruleset([dropping('legacy')], { nft: 'absent' }));
    assert.ok(
      text.includes('-A FLANNEL-POSTRTG -s 10.5.1.0/24 -d 10.5.0.0/16 -m comment --comment "flanneld masq" -j RETURN'),
    );
    assert.ok(text.includes('-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG'));
    assert.ok(text.includes('-A SELVAGE-FWD -s 192.168.64.2/32 -d 10.5.1.0/24 -i eth0 -j ACCEPT'));
    assert.ok(!text.some((line) => line.includes('table ip')));
  });
});

describe('names', () => {
  test('each instance has its own, within what iptables takes', () => {
    assert.equal(tagOf('/coreos.com/network'), 'selvage');
    const other = tagOf('/other/network');
    assert.match(other, /^selvage-[0-9a-f]{6}$/);
    assert.ok(forwardChain(other).length <= 28);
    assert.equal(tagOfChain(forwardChain(other)), other);
    assert.equal(tagOfChain('SELVAGE-FWDX'), undefined);
  });

  test("another instance's parts are told apart", () => {
    const rules: Rule[] = [
      { verdict: { to: 'jump', chain: 'SELVAGE-FWD-0a1b2c' } },
      { verdict: { to: 'jump', chain: 'SELVAGE-FWD' } },
    ];
    const seen = ruleset([
      table('nft', 'filter', { FORWARD: { policy: 'drop', rules }, 'SELVAGE-FWD': {}, 'SELVAGE-FWD-0a1b2c': {} }),
    ]);
    assert.deepEqual(
      foundParts(seen, []).map(({ tag }) => tag),
      ['selvage-0a1b2c', 'selvage', 'selvage', 'selvage-0a1b2c'],
    );
  });
});

describe('earlier networks', () => {
  const inForce = table('nft', 'selvage', {
    postrouting: {
      rules: [{ src: { net: '10.9.0.0/16' }, dst: { net: '10.9.0.0/16' }, verdict: { to: 'keep-source' } }],
    },
  });
  test('are known from memory or from our table, and never overlap with the one in force', () => {
    assert.deepEqual(earlierNetworks('10.5.0.0/16', ['10.5.0.0/16', '10.8.0.0/16'], 'selvage', ruleset([inForce])), [
      '10.8.0.0/16',
      '10.9.0.0/16',
    ]);
  });
  test('are lived in while an interface that is no tunnel has an address there', () => {
    const address = (name: string, text: string) => ({
      name,
      addresses: [{ address: text, scope: 'global', permanent: true, deprecated: false }],
    });
    const networks = ['10.9.0.0/16', '10.8.0.0/16'];
    const interfaces = [address('docker0', '10.9.7.1/24'), address('flannel.7', '10.8.1.0/32')];
    assert.deepEqual(rangesLivedIn(networks, interfaces, ['flannel.1']), [
      { network: '10.9.0.0/16', subnet: '10.9.7.0/24', dev: 'docker0' },
    ]);
  });
});

describe('what a person is told', () => {
  const told = (seen: Ruleset, facts = factsOf()): string[] =>
    firewallNotices(facts, seen, '/etc/docker/daemon.json').map(({ why, detail }) => `${why}: ${detail}`);
  const dockerNft = (chains: Record<string, Rule[]>): TableView =>
    table(
      'nft',
      'docker-bridges',
      Object.fromEntries(Object.entries(chains).map(([name, rules]) => [name, { rules }])),
    );

  test('nothing where nothing is in the way', () => {
    assert.deepEqual(told(ruleset([dropping('nft'), dropping('legacy')])), []);
  });

  test('not permitted, and no nf_tables', () => {
    assert.match(told(ruleset([], { nft: 'denied' })).join(), /CAP_NET_ADMIN/);
    assert.match(told(ruleset([], { nft: 'absent' })).join(), /modprobe nf_tables/);
  });

  test("the two lines for Docker's nftables backend, or the one that is missing", () => {
    const raw: Rule = { dst: { net: '10.5.1.2/32' }, opaque: ['lookup'], verdict: { to: 'drop' } };
    const mark: Rule = { mark: { value: 0x73, mask: 0xff }, verdict: { to: 'accept' } };
    assert.match(
      told(ruleset([dockerNft({ 'raw-PREROUTING': [raw] })])).join(),
      /"allow-direct-routing": true and "bridge-accept-fwmark": "0x73\/0xff" into \/etc\/docker\/daemon.json/,
    );
    assert.match(told(ruleset([dockerNft({})])).join(), /put "bridge-accept-fwmark"/);
    const open = ruleset([dockerNft({ 'filter-forward-in__docker0': [mark] })]);
    assert.deepEqual(told(open), []);
    assert.match(
      lines(factsOf(), open).join('\n'),
      /iifname "flannel.1" .* meta mark set meta mark & 0xffffff73 \| 0x00000073/,
    );
  });

  test('what is dead although our part is whole', () => {
    const ours: Rule = { comment: 'selvage', verdict: { to: 'jump', chain: 'SELVAGE-FWD' } };
    const flushed = table('nft', 'filter', { FORWARD: { policy: 'drop', rules: [ours] }, 'DOCKER-USER': {} });
    assert.match(told(ruleset([flushed])).join(), /systemctl restart docker/);
  });

  test('firewalld until it has heard of the tunnel, and any other table that may drop', () => {
    const reject: Rule = { verdict: { to: 'other', name: 'reject' } };
    const trusting: Rule = { in: { name: 'flannel.1' }, verdict: { to: 'goto', chain: 'filter_FWD_trusted' } };
    const firewalld = (rules: Rule[]): TableView =>
      table('nft', 'firewalld', { filter_FORWARD: { policy: 'accept', rules } }, 'inet');
    assert.match(told(ruleset([firewalld([reject])])).join(), /--zone=trusted --add-interface=flannel.1/);
    assert.deepEqual(told(ruleset([firewalld([trusting, reject])])), []);
    const somebody = table('nft', 'somebody', { fw: { policy: 'drop' } }, 'inet');
    assert.match(told(ruleset([somebody])).join(), /chain fw of the nftables table inet somebody may drop/);
    assert.deepEqual(told(ruleset([somebody]), factsOf({ forwardRules: false })), []);
  });
});
