/**
 * The daemon under everything that others do to the firewall, with a ping between two containers that goes on all the while: what it
 * lost is printed (a figure for docs/benchmarks.md is made by the bench); asserted is that all of ours is back, to the byte, and that it flows.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { Daemon } from '../../helpers/daemon.ts';
import { IPTABLES } from '../../helpers/docker-rules.ts';
import { eventually } from '../../helpers/eventually.ts';
import { feed } from '../../helpers/firewall-hosts.ts';
import { createLab, type Lab, type LabHost } from '../../helpers/lab.ts';
import { attachContainer, type LabContainer } from '../../helpers/lab-container.ts';
import { ContinuousPing } from '../../helpers/ping.ts';

const ENGINES = ['iptables-nft', 'iptables-legacy'] as const;

for (const iptables of ENGINES) {
  describe(`a daemon and the firewall, with Docker's rules in ${iptables}`, () => {
    let lab: Lab;
    let host: LabHost;
    let daemons: Daemon[];
    let containers: LabContainer[];
    let ping: ContinuousPing;
    let docker: string;
    let original: string;

    /** What of the firewall is ours. */
    const ours = async (): Promise<string> => {
      const [table, chain, save] = await Promise.all([
        host.ns.exec('nft', 'list', 'table', 'ip', 'selvage'),
        host.ns.exec(iptables, '-S', 'SELVAGE-FWD'),
        host.ns.exec(`${iptables}-save`),
      ]);
      const lines = save.stdout.split('\n').filter((line) => /selvage/i.test(line) && !line.startsWith(':'));
      return [table.stdout, chain.stdout, ...lines].join('\n');
    };
    const whole = (text: string): boolean => /snat to ip saddr/.test(text) && /-A SELVAGE-FWD.*ACCEPT/.test(text);
    const flows = async (): Promise<void> => {
      const { received } = ping;
      await eventually(() => ping.received > received + 5, { what: 'the ping to go on', timeout: 60_000 });
    };

    before(async () => {
      lab = await createLab();
      [host] = lab.hosts as [LabHost];
      daemons = lab.hosts.map((each) => each.startDaemon(['--ip-masq', '--iptables-resync=1']));
      containers = await Promise.all(lab.hosts.map(attachContainer));
      const [own, other] = containers as [LabContainer, LabContainer];
      docker = IPTABLES.docker20!.replaceAll('10.5.1.0/24', own.subnet);
      await feed(host.ns, `${iptables}-restore`, ['--noflush'], docker);
      ping = new ContinuousPing(other.ns, own.address, other.address);
      await eventually(() => ping.received > 5, { what: 'the containers to reach each other', timeout: 60_000 });
      await eventually(async () => whole(await ours()), { what: 'our rules' });
      original = await ours();
    });
    after(async () => {
      await ping?.stop();
      await Promise.all((daemons ?? []).map((daemon) => daemon.kill()));
      await Promise.all((containers ?? []).map(({ ns }) => ns.destroy()));
      await lab?.destroy();
    });

    /** Docker, or its package, back again: the tables are replaced by its own. */
    const dockerBack = (): Promise<void> => feed(host.ns, `${iptables}-restore`, [], docker);
    const cases: { name: string; disturb: () => Promise<unknown> }[] = [
      {
        name: 'our jump is deleted and our chain emptied',
        disturb: async () => {
          const jump = ['-m', 'comment', '--comment', 'selvage', '-j', 'SELVAGE-FWD'];
          await host.ns.exec(iptables, '-D', 'DOCKER-USER', ...jump);
          await host.ns.exec(iptables, '-F', 'SELVAGE-FWD');
        },
      },
      {
        name: 'dockerd is restarted: its jumps are first again',
        disturb: () =>
          feed(
            host.ns,
            `${iptables}-restore`,
            ['--noflush'],
            '*filter\n-D FORWARD -j DOCKER-USER\n-I FORWARD -j DOCKER-ISOLATION-STAGE-1\n-I FORWARD -j DOCKER-USER\nCOMMIT\n',
          ),
      },
      { name: 'iptables -F', disturb: () => host.ns.exec(iptables, '-F') },
      { name: 'nft flush ruleset', disturb: () => host.ns.exec('nft', 'flush', 'ruleset') },
      {
        name: 'systemctl restart nftables: a file that begins with a flush',
        disturb: () =>
          feed(
            host.ns,
            'nft',
            ['-f', '-'],
            'flush ruleset\ntable inet filter {\n chain forward {\n type filter hook forward priority filter; policy accept;\n }\n}\n',
          ),
      },
      { name: "iptables-restore, and firewalld's reload, of what was there before us", disturb: dockerBack },
    ];

    for (const { name, disturb } of cases) {
      it(name, async (t: TestContext) => {
        assert.equal(await ours(), original);
        const { received } = ping;
        await disturb();
        await flows();
        t.diagnostic(`${name}: the ping got ${ping.received - received} answers until it flowed again`);
        await dockerBack();
        await eventually(async () => (await ours()) === original, {
          what: 'our rules to be as they were',
          timeout: 60_000,
        });
        await flows();
      });
    }

    it('who it was is in the log, and in the report of the round that put it back', async () => {
      if (iptables === 'iptables-nft')
        await eventually(() => daemons[0]!.log().includes('The firewall was changed by'), {
          what: 'the log to name somebody',
        });
      const byWhom = async (): Promise<string | undefined> => {
        await host.ns.exec('nft', 'delete', 'table', 'ip', 'selvage');
        await eventually(async () => (await ours()) === original, { what: 'our rules to be as they were' });
        return (await host.lastReport())?.drift.find(({ key }) => key === 'nft ip selvage')?.by?.name;
      };
      // Another round may have followed before the report is asked for.
      await eventually(async () => (await byWhom()) === 'nft', { what: 'the report to name nft' });
      assert.equal((await host.lastReport())?.converged, true);
    });
  });
}
