/** A host with ufw: its own rules, made by hand in both engines. What it drops is said with the cure, by --once and by a daemon, until it lets it in. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Daemon } from '../../helpers/daemon.ts';
import { eventually } from '../../helpers/eventually.ts';
import { feed } from '../../helpers/firewall-hosts.ts';
import type { LabHost } from '../../helpers/lab.ts';
import { labWith } from '../../helpers/lab-with.ts';
import { daemonOn, holds, repair } from '../../helpers/scenario.ts';
import { UFW } from '../../helpers/ufw-rules.ts';

const ALLOW = ['-A', 'ufw-user-input', '-p', 'udp', '-m', 'udp', '--dport', '8472', '-j', 'ACCEPT'];

for (const [engine, key] of [
  ['iptables-nft', 'nft ip filter INPUT'],
  ['iptables-legacy', 'iptables-legacy filter INPUT'],
] as const)
  describe(`ufw in ${engine}`, () => {
    let host: LabHost;
    let other: LabHost;
    let daemon: Daemon | undefined;
    const said = `firewall ${key}: ufw`;

    labWith({ hosts: 2 }, async (lab) => {
      [host, other] = lab.hosts as [LabHost, LabHost];
      for (const each of [host, other, host]) await repair(each);
      for (const each of [host, other]) await each.attachContainerNet();
      assert.ok(await host.ping(other), 'the hosts reach each other before there is a ufw');
      await feed(host.ns, `${engine}-restore`, [], UFW);
    });
    afterEach(async () => {
      await daemon?.kill();
      daemon = undefined;
    });

    const allow = async (): Promise<void> => {
      assert.equal((await host.ns.exec(engine, ...ALLOW)).stderr, '');
    };
    const disallow = (): Promise<unknown> => host.ns.exec(engine, '-D', ...ALLOW.slice(1));

    it('the report says that it drops what other hosts send, and the command that lets it in', async () => {
      const report = await repair(host);
      assert.deepEqual(holds(report), [said]);
      assert.match(report.held[0]!.detail, /^ufw drops UDP 8472, .*: ufw allow 8472\/udp /);
      assert.equal(await other.ping(host), false, 'and so it is');
      await allow();
      try {
        assert.deepEqual(holds(await repair(host)), []);
        assert.ok(await other.ping(host), 'let in');
      } finally {
        await disallow();
      }
    });

    it('a daemon says so, and no more once it is let in', async () => {
      daemon = await daemonOn(host, ['--iptables-resync=1']);
      const says = (is: boolean) =>
        eventually(async () => holds((await host.lastReport())!).includes(said) === is, { what: `${said}: ${is}` });
      await says(true);
      await allow();
      await says(false);
      await disallow();
      await says(true);
    });
  });
