/** selvage in the place of flanneld, and a network that moves, with the firewall in it and a ping between containers all the while. */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../../helpers/daemon.ts';
import { IPTABLES } from '../../helpers/docker-rules.ts';
import { eventually } from '../../helpers/eventually.ts';
import { feed } from '../../helpers/firewall-hosts.ts';
import { flannelForms } from '../../helpers/flannel-rules.ts';
import { createLab, type Lab, type LabHost } from '../../helpers/lab.ts';
import { attachContainer, type LabContainer } from '../../helpers/lab-container.ts';
import { ContinuousPing } from '../../helpers/ping.ts';

describe('from flanneld to selvage, and to another network', () => {
  let lab: Lab;
  let host: LabHost;
  let daemons: Daemon[];
  let containers: LabContainer[];
  const table = async (): Promise<string> => (await host.ns.exec('nft', 'list', 'table', 'ip', 'selvage')).stdout;
  const saved = async (): Promise<string> => (await host.ns.exec('iptables-nft-save')).stdout;

  before(async () => {
    lab = await createLab();
    [host] = lab.hosts as [LabHost];
    daemons = lab.hosts.map((each) => each.startDaemon(['--ip-masq']));
    containers = await Promise.all(lab.hosts.map(attachContainer));
  });
  after(async () => {
    await Promise.all((daemons ?? []).map((daemon) => daemon.kill()));
    await Promise.all((containers ?? []).map(({ ns }) => ns.destroy()));
    await lab?.destroy();
  });

  it("a running flanneld's rules are left alone and no drift; then taken over without a lost packet", async () => {
    const [own, other] = containers as [LabContainer, LabContainer];
    await daemons[0]!.kill();
    copyFileSync('/bin/sleep', join(host.folder, 'flanneld'));
    const flanneld = host.ns.spawn(join(host.folder, 'flanneld'), ['600'], { stdio: 'ignore' });
    await host.ns.exec('nft', 'delete', 'table', 'ip', 'selvage');
    await feed(host.ns, 'iptables-nft-restore', [], IPTABLES.docker20!.replaceAll('10.5.1.0/24', own.subnet));
    for (const { tool, text } of flannelForms('10.5.0.0/16', own.subnet))
      if (tool === 'iptables') await feed(host.ns, 'iptables-nft-restore', ['--noflush'], text);
    const ping = new ContinuousPing(other.ns, own.address, other.address);
    await eventually(() => ping.received > 20, { what: "the containers to reach each other by flannel's rules" });

    await host.selvage(['--once', '--ip-masq']);
    const beside = await host.report(['drift', '--ip-masq']);
    assert.deepEqual(beside.report.drift, [], 'nothing of a running flanneld is drift');
    assert.match(await saved(), /FLANNEL-FWD/);
    assert.match(await saved(), /SELVAGE-FWD/);

    flanneld.kill('SIGKILL');
    await eventually(() => flanneld.exitCode !== null || flanneld.signalCode !== null, { what: 'flanneld to be gone' });
    const { report } = await host.report(['--once', '--ip-masq']);
    const gone = report.drift.filter(({ op, kind }) => op === 'delete' && kind === 'firewall').map(({ key }) => key);
    assert.deepEqual(gone.sort(), [
      'nft ip filter FLANNEL-FWD',
      'nft ip filter FORWARD flannel',
      'nft ip nat FLANNEL-POSTRTG',
      'nft ip nat POSTROUTING flannel',
    ]);
    assert.doesNotMatch(await saved(), /FLANNEL|flanneld|-s 10\.5\.0\.0\/16 -j ACCEPT/);
    assert.equal(report.converged, true);
    const { received } = ping;
    await eventually(() => ping.received > received + 50, { what: 'the ping to go on' });
    assert.equal((await ping.stop()).lost, 0);
    assert.equal((await host.report(['--once', '--ip-masq'])).report.outcomes.length, 0, 'nothing is left to do');
  });

  it('drift shows rules as the tools print them', async () => {
    await host.ns.exec('iptables-nft', '-F', 'SELVAGE-FWD');
    const { report, code } = await host.report(['drift', '--ip-masq']);
    assert.equal(code, 2);
    const [entry] = report.drift;
    const subnet = containers[0]!.subnet;
    assert.deepEqual(
      [entry?.kind, entry?.op, entry?.key, entry?.fields],
      ['firewall', 'update', 'nft ip filter SELVAGE-FWD', ['rules']],
    );
    assert.deepEqual(entry?.want, {
      rules: [
        '-N SELVAGE-FWD',
        `-A SELVAGE-FWD -d ${subnet} -i flannel.1 -j ACCEPT`,
        `-A SELVAGE-FWD -s ${subnet} -o flannel.1 -j ACCEPT`,
      ],
    });
    assert.doesNotMatch(await saved(), /SELVAGE-FWD.*ACCEPT/, 'a report writes nothing');
  });

  it("an earlier network's rules stay while a bridge is in it, and go when it has moved", async () => {
    daemons[0] = host.startDaemon(['--ip-masq', '--docker=off']);
    await eventually(async () => /ip saddr 10\.5\.0\.0\/16 ip daddr 10\.5\.0\.0\/16 snat/.test(await table()), {
      what: 'our table',
    });
    await lab.putConfig({ Network: '10.6.0.0/16', Backend: { Type: 'vxlan' } });
    const keeps = (network: string, text: string): boolean =>
      text.includes(`ip saddr ${network} ip daddr ${network} snat to ip saddr`);
    await eventually(async () => keeps('10.6.0.0/16', await table()), {
      what: 'the rules of the new network',
      timeout: 60_000,
    });
    assert.ok(keeps('10.5.0.0/16', await table()), 'containers still live in the earlier one');
    const subnet = await eventually(
      () => {
        const own = host.subnetEnv()?.FLANNEL_SUBNET ?? '';
        return own.startsWith('10.6.') ? own : '';
      },
      { what: 'the new subnet' },
    );
    await host.ns.ipBatch(['address flush dev docker0', `address add ${subnet} dev docker0`]);
    await eventually(async () => !keeps('10.5.0.0/16', await table()), {
      what: "the earlier network's rules to go",
      timeout: 90_000,
    });
    assert.ok(keeps('10.6.0.0/16', await table()));
  });
});
