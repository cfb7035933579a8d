/** host-gw, and vxlan with DirectRouting: who is on the link, and what becomes of those who aren't. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, DEFAULT_CONFIG, type Lab, type LabHost, PREFIX } from '../helpers/lab.ts';
import { fakePeer, leaseKey } from '../helpers/leases.ts';
import { allMoved, flannelDevices, Mesh, repair } from '../helpers/mesh.ts';

/** On no link of the lab's hosts. */
const AWAY = { subnet: '10.5.200.0/24', publicIP: '172.30.0.9', mac: '02:5e:00:00:00:99' };

describe('host-gw', () => {
  let lab: Lab;
  let daemon: Daemon;
  let host: LabHost;
  let other: LabHost;

  before(async () => {
    lab = await createLab({ config: { ...DEFAULT_CONFIG, Backend: { Type: 'host-gw' } } });
    [host, other] = lab.hosts as [LabHost, LabHost];
    daemon = host.startDaemon();
    await repair(other);
    await eventually(() => host.subnetEnv(), { what: 'subnet.env' });
    await repair(other);
    for (const value of (await lab.leases()).values()) assert.match(value, /"BackendType":"host-gw"}$/);
    await Promise.all(lab.hosts.map((each) => each.attachContainerNet()));
  });
  after(async () => {
    await daemon.kill();
    await lab.destroy();
  });

  const routeTo = async (subnet: string) => (await host.ip('route', 'show', subnet)).trim();
  const heldAs = (why: string) =>
    eventually(async () => (await host.lastReport())?.held.find((entry) => entry.why === why), {
      what: `a hold: ${why}`,
    });

  it("routes through the peer's own address on the external interface, with its MTU and without a device", async () => {
    const mesh = await Mesh.start(lab.hosts);
    await mesh.stopAndExpectNoLoss();
    assert.deepEqual(await flannelDevices(host), []);
    assert.equal(host.subnetEnv()?.FLANNEL_MTU, '1500');
    const subnet = other.containerAddress.replace(/1$/, '0/24');
    assert.match(await routeTo(subnet), new RegExp(`^${subnet} via ${other.address} dev eth0 proto 115`));
  });

  it('repairs a route that somebody deletes', async () => {
    const subnet = other.containerAddress.replace(/1$/, '0/24');
    await host.ip('route', 'del', subnet);
    await eventually(async () => (await routeTo(subnet)) !== '', { what: 'the route to be back' });
  });

  it('holds a peer that is not on the link, with a way out, until it is', async () => {
    await lab.put(
      leaseKey(PREFIX, AWAY.subnet),
      `{"PublicIP":"${AWAY.publicIP}","PublicIPv6":null,"BackendType":"host-gw"}`,
    );
    const held = await heldAs('unreachable');
    assert.equal(held.key, AWAY.subnet);
    for (const words of [
      AWAY.subnet,
      AWAY.publicIP,
      host.containerAddress.replace(/1$/, '0/24'),
      '--iface',
      'DirectRouting',
    ])
      assert.ok(held.detail.includes(words), `${words} in: ${held.detail}`);
    assert.equal(await routeTo(AWAY.subnet), '');
    assert.equal(daemon.log().match(/172\.30\.0\.9 is not on the link/g)?.length, 1, 'said once');

    await host.ip('address', 'add', '172.30.0.2/24', 'dev', 'eth0');
    await eventually(async () => (await routeTo(AWAY.subnet)).includes(`via ${AWAY.publicIP} dev eth0`), {
      what: 'the route once there is an address on its link',
    });
    await host.ip('address', 'del', '172.30.0.2/24', 'dev', 'eth0');
    await heldAs('unreachable');
    await eventually(async () => (await routeTo(AWAY.subnet)) === '', { what: 'the route to go' });

    await host.ip('route', 'add', '172.30.0.0/24', 'dev', 'eth0');
    await eventually(async () => (await routeTo(AWAY.subnet)) !== '', { what: 'the route once the link leads there' });
    await host.ip('route', 'del', '172.30.0.0/24', 'dev', 'eth0');
    await lab.delete(leaseKey(PREFIX, AWAY.subnet));
    await eventually(async () => (await routeTo(AWAY.subnet)) === '', { what: 'the route to go' });
  });

  it('holds peers of other backends, and counts them', async () => {
    const peer = { ...fakePeer(0), subnet: '10.5.201.0/24' };
    await lab.putPeer(peer);
    const { detail } = await heldAs('other backend');
    assert.match(detail, /backend vxlan.*host-gw/);
    const report = await eventually(
      async () => {
        const last = await host.lastReport();
        return last?.held.some(({ key }) => key === peer.subnet) ? last : undefined;
      },
      { what: 'the report to have it' },
    );
    assert.equal(report.summary.held, report.held.length);
    assert.equal(report.converged, true);
    await lab.deletePeer(peer);
  });

  it('tells of a strict reverse-path filter before the network moves, with its cure', async () => {
    await host.ns.sysctl('net.ipv4.conf.eth0.rp_filter', '1');
    const { report } = await host.report(['drift']);
    const held = report.held.find(({ kind }) => kind === 'sysctl');
    assert.match(held?.detail ?? '', /sysctl -w net\.ipv4\.conf\.eth0\.rp_filter=2/);
    await host.ns.sysctl('net.ipv4.conf.eth0.rp_filter', '2');
    const { report: cured } = await host.report(['drift']);
    assert.equal(cured.held.filter(({ kind }) => kind === 'sysctl').length, 0);
  });

  it('says that it is behind a NAT where its public address is not its own', async () => {
    const { report } = await host.report(['drift', '--public-ip=203.0.113.9']);
    assert.match(
      report.held.find(({ why }) => why === 'behind a NAT')?.detail ?? '',
      /203\.0\.113\.9.*192\.168\.64\.2/,
    );
    assert.equal(report.converged, false);
  });
});

describe('vxlan with DirectRouting', () => {
  let lab: Lab;
  let daemons: Daemon[];

  before(async () => {
    lab = await createLab({ config: { ...DEFAULT_CONFIG, Backend: { Type: 'vxlan', DirectRouting: true } } });
    daemons = lab.hosts.map((each) => each.startDaemon());
    await Promise.all(lab.hosts.map((each) => each.attachContainerNet()));
    await allMoved(lab, /"vxlan"/);
  });
  after(async () => {
    await Promise.all(daemons.map((daemon) => daemon.kill()));
    await lab.destroy();
  });

  it('moves a peer between the link and the tunnel as the link changes, and loses nothing', async () => {
    const [host] = lab.hosts as [LabHost, LabHost];
    const mesh = await Mesh.start(lab.hosts);
    const route = async (subnet: string) => (await host.ip('route', 'show', subnet)).trim();
    await lab.putPeer(AWAY);
    await eventually(async () => (await route(AWAY.subnet)).includes('dev flannel.1'), { what: 'the tunnel' });
    assert.match(await host.ip('neighbour', 'show', 'dev', 'flannel.1'), new RegExp(AWAY.mac));
    await host.ip('address', 'add', '172.30.0.2/24', 'dev', 'eth0');
    await eventually(async () => (await route(AWAY.subnet)).includes(`via ${AWAY.publicIP} dev eth0`), {
      what: 'the link',
    });
    await eventually(async () => !(await host.ip('neighbour', 'show', 'dev', 'flannel.1')).includes(AWAY.mac), {
      what: 'its ARP entry to go',
    });
    await host.ip('address', 'del', '172.30.0.2/24', 'dev', 'eth0');
    await eventually(async () => (await route(AWAY.subnet)).includes('dev flannel.1'), { what: 'the tunnel again' });
    await mesh.stopAndExpectNoLoss();
    const report = await host.lastReport();
    assert.ok(!report?.held.some(({ why }) => why === 'not supported'));
  });
});
