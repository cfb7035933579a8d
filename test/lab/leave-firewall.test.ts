/** The firewall of a host that is handed back: flannel's own rules take the place of ours under a ping between containers, and nothing of ours stays. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type DockerShape, IPTABLES } from '../helpers/docker-rules.ts';
import { eventually } from '../helpers/eventually.ts';
import { feed } from '../helpers/firewall-hosts.ts';
import { createLab, type Lab, type LabHost } from '../helpers/lab.ts';
import { attachContainer, type LabContainer } from '../helpers/lab-container.ts';
import { ContinuousPing } from '../helpers/ping.ts';
import { driftIds, repair } from '../helpers/scenario.ts';

const MASQ = ['--ip-masq'];

describe('the firewall of a host that is handed back to flannel', () => {
  let lab: Lab;
  let host: LabHost;
  let containers: LabContainer[] = [];
  before(async () => {
    lab = await createLab();
    [host] = lab.hosts as [LabHost];
    for (const each of lab.hosts) await repair(each, MASQ);
    containers = await Promise.all(lab.hosts.map(attachContainer));
    for (const each of lab.hosts) await repair(each, MASQ);
  });
  after(async () => {
    await Promise.all(containers.map(({ ns }) => ns.destroy()));
    await lab?.destroy();
  });

  const ruleset = async () =>
    `${(await host.ns.exec('nft', 'list', 'ruleset')).stdout}\n${(await host.ns.exec('iptables-nft-save')).stdout}`;

  const handBack = async (shape: DockerShape) => {
    const [own, other] = containers as [LabContainer, LabContainer];
    await host.ns.exec('nft', 'flush', 'ruleset');
    const text = IPTABLES[shape];
    if (text) {
      const here = text.replaceAll('10.5.1.0/24', own.subnet).replaceAll('10.5.1.2', own.address);
      await feed(host.ns, 'iptables-nft-restore', [], here);
    }
    await repair(host, MASQ);
    assert.match(await ruleset(), /table ip selvage/);
    const ping = new ContinuousPing(other.ns, own.address, other.address);
    await eventually(() => ping.received > 20, { what: 'the containers to reach each other' });
    const planned = await host.report(['leave', '--hand-back', '--dry-run']);
    const { code, report } = await host.report(['leave', '--hand-back']);
    assert.equal(code, 0, JSON.stringify(report));
    assert.deepEqual(driftIds(planned.report), driftIds(report), 'a dry run says what is done');
    const { received } = ping;
    await eventually(() => ping.received > received + 50, { what: 'the ping to go on' });
    assert.equal((await ping.stop()).lost, 0);
    const again = await host.report(['leave', '--hand-back']);
    assert.deepEqual([again.report.drift, again.report.outcomes], [[], []]);
    return { held: report.held.map(({ why }) => why), rules: await ruleset() };
  };

  it('without iptables: the table of its nftables form, which flanneld fills anew or deletes', async () => {
    const { held, rules } = await handBack('none');
    assert.doesNotMatch(rules, /selvage/i);
    assert.match(rules, /table ip flannel-ipv4[\s\S]*masquerade fully-random/);
    assert.deepEqual(held, []);
  });

  it('with Docker 20: its chains, in nat and behind all others in FORWARD', async () => {
    const { held, rules } = await handBack('docker20');
    assert.doesNotMatch(rules, /selvage/i);
    assert.match(rules, /-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD/);
    assert.match(rules, /-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG/);
    assert.match(rules, /-A FLANNEL-POSTRTG -s 10\.5\.0\.0\/16 ! -d 224\.0\.0\.0\/4 .* -j MASQUERADE --random-fully/);
    assert.doesNotMatch(rules, /flannel-ipv4|incompatible/);
    assert.deepEqual(held, []);
    const taken = await repair(host, MASQ);
    assert.doesNotMatch(await ruleset(), /FLANNEL/, 'and taken over again');
    assert.equal(taken.converged, true);
  });

  for (const shape of ['docker28', 'docker28-direct'] as const) {
    it(`with ${shape}, which drops before flannel’s rules are asked, ours stay, and that is said`, async () => {
      const { held, rules } = await handBack(shape);
      assert.match(rules, /SELVAGE-FWD/);
      assert.deepEqual(held, ["Docker's rules"]);
    });
  }
});
