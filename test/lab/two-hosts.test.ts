/** Two hosts with one address, as clones have it and VirtualBox's first interface (10.0.2.15): etcd takes them for one host. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { assertInSync, holds, repair } from '../helpers/scenario.ts';

const SHARED = '10.0.2.15';

describe('two hosts with one address', () => {
  let lab: Lab;
  let one: LabHost;
  let two: LabHost;
  labWith({ hosts: 2 }, async (made) => {
    lab = made;
    [one, two] = lab.hosts as [LabHost, LabHost];
    for (const { ns } of lab.hosts)
      await ns.ipBatch([
        'link add nat0 up type veth peer name nat1',
        'link set nat1 up',
        `address add ${SHARED}/24 dev nat0`,
      ]);
  });

  const keyOf = ({ held }: Awaited<ReturnType<typeof repair>>, why: string) =>
    held.find((entry) => entry.why === why)?.key;
  const forgetsAll = async (host: LabHost) => {
    await host.ip('link', 'del', 'flannel.1');
    rmSync(host.subnetFile);
    rmSync(host.stateCache);
  };

  it('share a lease: the second one says so, with the cure, and so does drift before it', async () => {
    await repair(one, ['--iface=nat0']);
    const [[key] = []] = [...(await lab.leases())];
    const { report: planned } = await two.report(['drift', '--iface=nat0']);
    assert.equal(keyOf(planned, 'taken over by its address'), key);
    const report = await repair(two, ['--iface=nat0']);
    assert.equal(keyOf(report, 'taken over by its address'), key);
    assert.match(report.held.map(({ detail }) => detail).join(), /10\.0\.2\.15.*--iface or --public-ip/);
    assert.equal((await lab.leases()).size, 1);
    for (const host of [one, two])
      assert.deepEqual(
        holds(await repair(host, ['--iface=nat0'])).filter((text) => text.includes('taken over')),
        [],
      );
  });

  it('with the address cured alone they write one lease in turn, and both say so', async () => {
    await repair(one);
    for (const [host, other] of [
      [two, one],
      [one, two],
    ] as const) {
      const report = await repair(host);
      assert.ok(keyOf(report, 'named another host'), holds(report).join());
      assert.match(report.held.map(({ detail }) => detail).join(), new RegExp(`named ${other.address},`));
    }
    await forgetsAll(two);
    const report = await repair(two);
    assert.equal(keyOf(report, 'named another host'), undefined);
    assert.equal((await lab.leases()).size, 2);
    await repair(one);
    await repair(two);
    await Promise.all([one.attachContainerNet(), two.attachContainerNet()]);
    assert.ok(await one.ping(two));
  });

  it('a lease that is left of the shared address is held on both, and leads nowhere', async () => {
    const value = [...(await lab.leases()).values()][0]!.replace(/"PublicIP":"[^"]*"/, `"PublicIP":"${SHARED}"`);
    await lab.put(
      '/coreos.com/network/subnets/10.5.199.0-24',
      value.replace(/"VtepMAC":"[^"]*"/, '"VtepMAC":"82:4b:b6:2f:54:4e"'),
    );
    for (const host of [one, two]) {
      const report = await assertInSync(host);
      const entry = report.held.find(({ key }) => key === '10.5.199.0/24');
      assert.match(entry?.detail ?? '', /10\.0\.2\.15 is an address of this host's own/);
      assert.equal(await host.ip('route', 'show', '10.5.199.0/24'), '');
    }
  });
});
