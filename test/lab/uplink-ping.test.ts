/** The external interface changes under a continuous ping: what can be followed without loss is, and the lease and its subnet are kept. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../helpers/lab.ts';
import { allMoved, Mesh } from '../helpers/mesh.ts';
import { connect } from '../helpers/netns.ts';

for (const type of ['vxlan', 'host-gw']) {
  describe(`the external interface, under a ping, with ${type}`, () => {
    let lab: Lab;
    let host: LabHost;
    let other: LabHost;
    let daemons: Daemon[];
    let mesh: Mesh | undefined;
    let subnets: string[];

    const keys = async () => [...(await lab.leases()).keys()].sort();
    /** The lease says this address, and both hosts act on it. */
    const followed = (address: string) =>
      eventually(
        async () => {
          const values = [...(await lab.leases()).values()];
          assert.equal(values.filter((value) => value.includes(`"PublicIP":"${address}"`)).length, 1);
          for (const each of lab.hosts) assert.equal((await each.lastReport())?.converged, true, each.name);
          assert.equal(await host.ping(other), true);
          assert.equal(await other.ping(host), true);
          return true;
        },
        { what: `all to follow ${address}`, interval: 50 },
      );
    const defaultRoute = () => host.ip('route', 'replace', 'default', 'via', '192.168.64.1');

    before(async () => {
      lab = await createLab({ config: { Network: '10.5.0.0/16', Backend: { Type: type } } });
      [host, other] = lab.hosts as [LabHost, LabHost];
      daemons = lab.hosts.map((each) => each.startDaemon());
      await Promise.all(lab.hosts.map((each) => each.attachContainerNet()));
      await allMoved(lab, new RegExp(`"${type}"`));
      await host.ns.sysctl('net.ipv4.conf.eth0.promote_secondaries', '1');
      subnets = await keys();
    });
    afterEach(async () => {
      await mesh?.stop();
      mesh = undefined;
      assert.deepEqual(await keys(), subnets, 'the leases are kept');
    });
    after(async () => {
      await Promise.all(daemons.map((daemon) => daemon.kill()));
      await lab?.destroy();
    });

    it('its address is replaced: nothing is lost while both are there', async () => {
      mesh = await Mesh.start(lab.hosts);
      await host.ns.ipBatch([
        'address add 192.168.64.22/24 dev eth0',
        'address change 192.168.64.2/24 dev eth0 preferred_lft 0',
      ]);
      await followed('192.168.64.22');
      await host.ip('address', 'del', '192.168.64.2/24', 'dev', 'eth0');
      await mesh.answered(20);
      await mesh.stopAndExpectNoLoss();
    });

    it('its address goes all of a sudden: the other one is followed, over connections that were made anew', async () => {
      await host.ip('address', 'add', '192.168.64.32/24', 'dev', 'eth0');
      await host.ip('address', 'del', '192.168.64.22/24', 'dev', 'eth0');
      await defaultRoute();
      await followed('192.168.64.32');
    });

    it('its MTU changes', async () => {
      mesh = await Mesh.start(lab.hosts);
      await host.ip('link', 'set', 'eth0', 'mtu', '1400');
      await eventually(() => host.subnetEnv()?.FLANNEL_MTU === (type === 'vxlan' ? '1350' : '1400'), {
        what: 'subnet.env to follow',
      });
      await mesh.stopAndExpectNoLoss();
      await host.ip('link', 'set', 'eth0', 'mtu', '1500');
      await eventually(() => host.subnetEnv()?.FLANNEL_MTU === (type === 'vxlan' ? '1450' : '1500'), { what: 'back' });
    });

    it('it goes down, which is reported, and comes up', async () => {
      mesh = await Mesh.start(lab.hosts);
      await host.ip('link', 'set', 'eth0', 'down');
      await eventually(async () => (await host.lastReport())?.held.some(({ why }) => why === 'no external interface'), {
        what: 'the report to say so',
      });
      await host.ip('link', 'set', 'eth0', 'up');
      await defaultRoute();
      await followed('192.168.64.32');
      await mesh.answered(20);
    });

    it('it is deleted and made again', async () => {
      await host.ip('link', 'del', 'eth0');
      await eventually(async () => (await host.lastReport())?.converged === false, { what: 'the report to say so' });
      await connect(lab.underlay, 'port1', host.ns, 'eth0');
      await lab.underlay.ip('link', 'set', 'port1', 'master', 'br0');
      await host.ip('address', 'add', '192.168.64.32/24', 'dev', 'eth0');
      await defaultRoute();
      await followed('192.168.64.32');
    });

    if (type !== 'vxlan') return;
    it('the default route moves to another one, and back', async () => {
      await connect(lab.underlay, 'port9', host.ns, 'eth1');
      await lab.underlay.ip('address', 'add', '192.168.72.1/24', 'dev', 'port9');
      await lab.underlay.sysctl('net.ipv4.ip_forward', '1');
      await host.ip('address', 'add', '192.168.72.9/24', 'dev', 'eth1');
      mesh = await Mesh.start(lab.hosts);
      await host.ip('route', 'replace', 'default', 'via', '192.168.72.1', 'dev', 'eth1');
      await followed('192.168.72.9');
      const [link] = await host.ns.ipJson('link', 'show', 'flannel.1');
      assert.deepEqual([link?.linkinfo?.info_data?.local, link?.linkinfo?.info_data?.link], ['192.168.72.9', 'eth1']);
      await host.ip('route', 'replace', 'default', 'via', '192.168.64.1', 'dev', 'eth0');
      await followed('192.168.64.32');
      await mesh.stopAndExpectNoLoss();
    });
  });
}
