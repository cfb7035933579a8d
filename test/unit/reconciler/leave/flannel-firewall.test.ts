import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { partKey } from '../../../../reconciler/firewall/part.ts';
import type { Rule } from '../../../../reconciler/firewall/rule.ts';
import type { ChainView, Engine, Ruleset, TableView } from '../../../../reconciler/firewall/ruleset.ts';
import { type FlannelFacts, flannelFirewall } from '../../../../reconciler/leave/flannel-firewall.ts';

const facts: FlannelFacts = {
  network: '10.5.0.0/16',
  subnet: '10.5.1.0/24',
  ipMasq: true,
  fullyRandom: true,
  forwardRules: true,
  nftables: false,
};
const base = (hook: 'forward' | 'postrouting' | 'prerouting', policy: 'accept' | 'drop' = 'accept') =>
  ({ type: hook === 'postrouting' ? 'nat' : 'filter', hook, priority: 0, policy }) as const;
const table = (engine: Engine, name: string, chains: Record<string, ChainView>): TableView => ({
  engine,
  name,
  family: 'ip',
  chains: new Map(Object.entries(chains)),
});
const nat = (engine: Engine) => table(engine, 'nat', { POSTROUTING: { base: base('postrouting'), rules: [] } });
const filter = (engine: Engine, rules: Rule[] = [], more: Record<string, ChainView> = {}) =>
  table(engine, 'filter', { FORWARD: { base: base('forward', 'drop'), rules }, ...more });
const seen = (tables: TableView[], more: Partial<Ruleset> = {}): Ruleset => ({
  tables,
  nft: 'usable',
  flanneld: false,
  ...more,
});
const keys = (ruleset: Ruleset, more: Partial<FlannelFacts> = {}) =>
  flannelFirewall({ ...facts, ...more }, ruleset)?.map(partKey);
const drop: Rule = { out: { name: 'docker0' }, verdict: { to: 'drop' } };

describe("flannel's own rules in the place of ours", () => {
  it('are where iptables has its tables, in the engine that has them', () => {
    for (const engine of ['nft', 'legacy'] as const)
      assert.deepEqual(keys(seen([nat(engine), filter(engine)])), [
        `${engine} ip nat FLANNEL-POSTRTG`,
        `${engine} ip nat POSTROUTING flannel`,
        `${engine} ip filter FLANNEL-FWD`,
        `${engine} ip filter FORWARD flannel`,
      ]);
  });

  it('are its table of nftables where iptables has none, and where the config says so', () => {
    assert.deepEqual(keys(seen([])), ['nft ip flannel-ipv4']);
    assert.deepEqual(keys(seen([nat('nft'), filter('nft')]), { nftables: true }), ['nft ip flannel-ipv4']);
    assert.deepEqual(keys(seen([], { nft: 'absent' })), []);
  });

  it('are only those that it would make', () => {
    assert.deepEqual(keys(seen([nat('nft')]), { ipMasq: false }), []);
    assert.deepEqual(keys(seen([nat('nft'), filter('nft')]), { ipMasq: false, forwardRules: false }), []);
    assert.deepEqual(keys(seen([nat('nft'), filter('nft')], { flanneld: true })), [], 'who runs has its own');
  });

  it('can not take their place where something drops before FORWARD comes to its end', () => {
    const jump = (chain: string): Rule => ({ verdict: { to: 'jump', chain } });
    assert.equal(keys(seen([filter('nft', [drop])])), undefined);
    assert.equal(
      keys(seen([filter('nft', [jump('DOCKER-FORWARD')], { 'DOCKER-FORWARD': { rules: [drop] } })])),
      undefined,
    );
    const raw = table('legacy', 'raw', {
      PREROUTING: { base: base('prerouting'), rules: [{ dst: { net: '10.5.1.2/32' }, verdict: { to: 'drop' } }] },
    });
    assert.equal(keys(seen([raw])), undefined);
    const apart = { 'DOCKER-ISOLATION-STAGE-1': { rules: [drop] }, 'DOCKER-USER': { rules: [drop] } };
    const harmless = Object.keys(apart).map(jump);
    assert.ok(keys(seen([filter('nft', harmless, apart)])), 'what keeps bridges apart, and what users say');
    assert.ok(keys(seen([filter('nft', [drop])]), { forwardRules: false }));
  });
});
