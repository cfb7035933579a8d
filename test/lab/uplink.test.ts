/** The external interface: away and back, not there yet, with another address or MTU. A running daemon follows by edges alone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { type Lab, type LabHost, PREFIX } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { fakePeer } from '../helpers/leases.ts';
import { peerAt } from '../helpers/peers.ts';
import { assertInSync, converged, daemonOn, holds, repair } from '../helpers/scenario.ts';

const PEERS = 4;

describe('the external interface', () => {
  let lab: Lab;
  let host: LabHost;
  let other: LabHost;

  labWith({ hosts: 2 }, async (made) => {
    lab = made;
    [host, other] = lab.hosts as [LabHost, LabHost];
    await lab.putPeers(Array.from({ length: PEERS }, (_, index) => peerAt(index)));
    await repair(host);
    await repair(other);
    await host.attachContainerNet();
    await other.attachContainerNet();
  });

  it('may go away and come back under a running daemon', async () => {
    const daemon = await daemonOn(host);
    const overlay = async () => (await host.ip('route', 'show', 'dev', 'flannel.1')).trim().split('\n').length;
    const newcomer = fakePeer(PEERS, '10.5.200.0');
    try {
      const routes = await overlay();
      await host.ip('link', 'set', 'eth0', 'down');
      await lab.putPeer(newcomer);
      await host.ip('link', 'set', 'eth0', 'up');
      assert.ok((await overlay()) >= routes, 'what was there stays; the newcomer may have been heard of already');
      await host.ip('route', 'add', 'default', 'via', '192.168.64.1');
      await eventually(async () => (await overlay()) === routes + 1, { what: 'the lease of meanwhile to be followed' });
      await converged(host, daemon);
      await assertInSync(host);
      assert.ok(await host.ping(other));
    } finally {
      assert.equal(await daemon.stop(), 0);
    }
  });

  it('may come after the daemon', async () => {
    const later = await lab.addHost();
    await later.ip('route', 'del', 'default');
    const daemon = later.startDaemon(['--resync=0 0 1 1 *']);
    try {
      await daemon.waitForLine(/No IPv4 default route/);
      await later.ip('route', 'add', 'default', 'via', '192.168.64.1');
      await eventually(async () => (await later.lastReport())?.converged, { what: 'the daemon to converge' });
      assert.deepEqual(holds((await later.lastReport())!), []);
    } finally {
      await daemon.kill();
    }
  });

  it('may get another address: the lease says so, on the same subnet, and the tunnel starts there', async () => {
    const daemon = await daemonOn(host);
    const neighbour = await daemonOn(other);
    try {
      const before = await host.lastReport();
      // The new one first, as with DHCP: without any address there would be no way to etcd.
      await host.ns.sysctl('net.ipv4.conf.eth0.promote_secondaries', '1');
      await host.ns.ipBatch(['address add 192.168.64.99/24 dev eth0', `address del ${host.address}/24 dev eth0`]);
      await host.ip('route', 'replace', 'default', 'via', '192.168.64.1');
      const key = `${PREFIX}/subnets/${before!.network.subnet.replace('/', '-')}`;
      await eventually(async () => (await lab.get(key)).includes('"192.168.64.99"'), { what: 'the lease to follow' });
      const named = [...(await lab.leases()).values()].filter((value) => /192\.168\.64\.(99|2)"/.test(value));
      assert.equal(named.length, 1);
      await converged(host, daemon);
      const [link] = await host.ns.ipJson('link', 'show', 'flannel.1');
      assert.equal(link!.linkinfo!.info_data!.local, '192.168.64.99');
      await converged(other, neighbour);
      await eventually(() => host.ping(other), { what: 'the hosts to reach each other' });
      await assertInSync(host);
    } finally {
      await Promise.all([daemon.kill(), neighbour.kill()]);
    }
  });

  it('may get another address before a repair run, which has no memory of the lease: its subnet is kept all the same', async () => {
    const subnet = host.subnetEnv()!.FLANNEL_SUBNET;
    await host.ip('address', 'flush', 'dev', 'eth0');
    await host.ip('address', 'add', '192.168.64.98/24', 'dev', 'eth0');
    await host.ip('route', 'replace', 'default', 'via', '192.168.64.1');
    await repair(host);
    await repair(other);
    assert.equal(host.subnetEnv()!.FLANNEL_SUBNET, subnet);
    assert.equal([...(await lab.leases()).values()].filter((value) => /192\.168\.64\.9/.test(value)).length, 1);
    assert.ok(await host.ping(other));
    await assertInSync(host);
  });

  it('may get another MTU: the device and subnet.env follow', async () => {
    const daemon = await daemonOn(host);
    try {
      await host.ip('link', 'set', 'eth0', 'mtu', '1400');
      await eventually(() => host.subnetEnv()?.FLANNEL_MTU === '1350', { what: 'subnet.env to follow' });
      await converged(host, daemon);
      assert.match(await host.ip('link', 'show', 'flannel.1'), /mtu 1350/);
      await assertInSync(host);
    } finally {
      await daemon.kill();
    }
  });
});
