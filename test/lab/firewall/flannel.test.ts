/** flannel's own rules, as its versions have left them: recognised to the letter, left alone beside a flanneld, and taken away once ours are there. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { changesOf, converge, factsOf, rulesetOf } from '../../helpers/firewall-converge.ts';
import { type FirewallHosts, feed, firewallHost } from '../../helpers/firewall-hosts.ts';
import { flannelForms } from '../../helpers/flannel-rules.ts';
import { createNetns, type Netns } from '../../helpers/netns.ts';

const OTHERS = `*filter
-A FORWARD -s 10.5.3.0/24 -j ACCEPT
-A FORWARD -d 192.0.2.0/24 -j DROP
COMMIT
*nat
-A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE
-A POSTROUTING -s 10.5.0.0/16 -d 192.0.2.0/24 -j RETURN
COMMIT
`;

async function saved({ host }: Pick<FirewallHosts, 'host'>): Promise<string> {
  const parts = await Promise.all([
    host.exec('iptables-nft-save'),
    host.exec('iptables-legacy-save'),
    host.exec('nft', 'list', 'ruleset'),
  ]);
  // Without our own table, times and counters.
  const all = parts.map(({ stdout }) => stdout).join('\n');
  return all
    .replace(/^table ip selvage \{.*?^\}\n/ms, '')
    .replace(/^#.*\n/gm, '')
    .replace(/\[\d+:\d+\]|packets \d+ bytes \d+/g, '');
}

/** A process of that name, in the namespace. Ended with it. */
function runAsFlanneld(t: TestContext, ns: Netns): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'slv-flanneld-'));
  t.after(() => rmSync(folder, { recursive: true }));
  copyFileSync('/bin/sleep', join(folder, 'flanneld'));
  const child = ns.spawn(join(folder, 'flanneld'), ['600']);
  return () => void child.kill('SIGKILL');
}

async function otherNamespace(t: TestContext): Promise<Netns> {
  const ns = await createNetns('other');
  t.after(() => ns.destroy());
  return ns;
}

for (const engine of ['iptables-nft', 'iptables-legacy'] as const) {
  test(`what flannel's versions have left is taken away, and nothing else (${engine})`, async (t) => {
    const hosts = await firewallHost(t);
    await feed(hosts.host, `${engine}-restore`, ['--noflush'], OTHERS);
    const before = await saved(hosts);
    const forms = flannelForms().filter(({ tool }) => tool === 'iptables' || engine === 'iptables-nft');
    const load = async (text: string, tool: string): Promise<void> =>
      tool === 'nft'
        ? feed(hosts.host, 'nft', ['-f', '-'], text)
        : feed(hosts.host, `${engine}-restore`, ['--noflush'], text);
    for (const { name, tool, text } of forms) {
      await load(text, tool);
      assert.notEqual(await saved(hosts), before, name);
      await converge(hosts, factsOf({ forwardRules: false }));
      assert.equal(await saved(hosts), before, name);
    }
    // An upgraded flannel leaves several behind.
    for (const { tool, text } of forms) await load(text, tool);
    await converge(hosts, factsOf({ forwardRules: false }));
    assert.equal(await saved(hosts), before, 'all at once');
    // Of another network: another flannel's.
    for (const { tool, text } of flannelForms('10.7.0.0/16', '10.7.1.0/24'))
      if (tool === 'iptables') await load(text, tool);
    const others = await saved(hosts);
    await converge(hosts, factsOf({ forwardRules: false }));
    assert.equal(await saved(hosts), others, 'for another network');
  });
}

test('beside a flanneld in this namespace its rules are left alone; in another it does not count', async (t) => {
  const hosts = await firewallHost(t);
  const form = flannelForms()[3]!;
  await feed(hosts.host, 'iptables-nft-restore', ['--noflush'], form.text);
  const facts = factsOf();
  runAsFlanneld(t, await otherNamespace(t));
  const ended = runAsFlanneld(t, hosts.host);
  await eventually(() => rulesetOf(hosts).flanneld, { what: 'the flanneld to be seen' });
  assert.deepEqual(
    changesOf(facts, rulesetOf(hosts)).filter(({ op }) => op === 'delete'),
    [],
    'nothing of a running flanneld is taken away',
  );
  ended();
  await eventually(() => !rulesetOf(hosts).flanneld, { what: 'the flanneld to be gone' });
  const deleted = changesOf(facts, rulesetOf(hosts)).filter(({ op }) => op === 'delete');
  assert.deepEqual(deleted.map(({ have }) => have?.part).sort(), ['chain', 'chain', 'rules', 'rules']);
});
