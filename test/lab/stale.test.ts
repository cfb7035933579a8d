/** What earlier configs and backends left: removed where it is certainly flannel's or ours, else held and reported. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createLab, DEFAULT_CONFIG, type Lab, type LabHost } from '../helpers/lab.ts';
import { flannelDevices } from '../helpers/mesh.ts';
import { peerAt } from '../helpers/peers.ts';
import { assertInSync, driftIds, holds, repair } from '../helpers/scenario.ts';

/** Away from the peers, and from what is left lying about. */
const CONFIG = { ...DEFAULT_CONFIG, SubnetMax: '10.5.50.0' };
const VXLAN = 'dev eth0 local 192.168.64.2 dstport 8472 nolearning';

describe('what earlier configs left', () => {
  let lab: Lab;
  let host: LabHost;

  before(async () => {
    lab = await createLab({ hosts: 1, config: CONFIG });
    host = lab.hosts[0]!;
    await lab.putPeers([peerAt(0), peerAt(1)]);
  });
  beforeEach(async () => {
    await repair(host);
    await assertInSync(host);
  });
  after(() => lab?.destroy());

  const held = async (args: string[] = []) => holds((await host.report(['drift', ...args])).report);

  it('flannel.<another VNI>, whoever of flannel and selvage made it, goes', async () => {
    await host.ns.ipBatch([
      `link add flannel.3 type vxlan id 3 ${VXLAN}`,
      'address add 10.5.77.0/32 dev flannel.3',
      'link set flannel.3 up',
      'route add 10.5.90.0/24 via 10.5.90.0 dev flannel.3 onlink',
      `link add flannel.4 type vxlan id 4 ${VXLAN}`,
      'link set flannel.4 alias selvage:/coreos.com/network up',
    ]);
    const { report } = await host.report(['drift']);
    assert.deepEqual(driftIds(report), ['link flannel.3', 'link flannel.4']);
    const { summary } = await repair(host);
    assert.equal(summary.delete, 2);
    assert.deepEqual(await flannelDevices(host), ['flannel.1']);
    await assertInSync(host);
  });

  it('one that is no vxlan device, is enslaved, or has an address of another network stays, and is told of', async () => {
    await host.ns.ipBatch([
      'link add flannel.9 type bridge',
      `link add flannel.10 type vxlan id 10 ${VXLAN}`,
      'link add br9 type bridge',
      'link set flannel.10 alias selvage:/coreos.com/network',
      'link set flannel.10 master br9',
      `link add flannel.11 type vxlan id 11 ${VXLAN}`,
      'link set flannel.11 alias selvage:/coreos.com/network up',
      'address add 172.31.0.1/24 dev flannel.11',
    ]);
    const before = await host.ip('-d', 'link');
    const expected = [
      'link flannel.10: enslaved device',
      'link flannel.11: foreign address',
      'link flannel.9: foreign device',
    ];
    assert.deepEqual((await held()).sort(), expected);
    const report = await repair(host);
    assert.deepEqual(report.drift, []);
    assert.equal(await host.ip('-d', 'link'), before);
    for (const name of ['flannel.9', 'flannel.10', 'flannel.11', 'br9']) await host.ip('link', 'del', name);
  });

  it("flannel0 of flannel's udp backend goes, and one that only has its name stays", async () => {
    await host.ns.ipBatch([
      'tuntap add flannel0 mode tun',
      'link set flannel0 up',
      'address add 10.5.77.0/32 dev flannel0',
    ]);
    assert.deepEqual(await held(), ['link flannel0: unmarked device']);
    await host.ip('route', 'add', '10.5.0.0/16', 'dev', 'flannel0');
    assert.deepEqual(driftIds((await host.report(['drift'])).report), ['link flannel0']);
    await repair(host);
    assert.deepEqual(await flannelDevices(host), ['flannel.1']);
  });

  it('routes, ARP, FDB, nexthops and addresses on our device that nobody wants go', async () => {
    await host.ns.ipBatch([
      'route add 10.5.0.0/16 dev flannel.1',
      'address add 10.5.66.0/32 dev flannel.1',
      'neighbour add 10.5.66.0 lladdr 02:00:00:00:66:00 dev flannel.1 nud permanent',
      'nexthop add id 168116736 via 10.5.66.1 dev flannel.1 onlink proto 115',
    ]);
    await host.ns.bridgeBatch(['fdb add 02:00:00:00:66:00 dev flannel.1 dst 172.20.66.1 self permanent']);
    const { summary } = await repair(host);
    assert.equal(summary.delete, 5);
    await assertInSync(host);
  });

  it('routes of flannel by host-gw, made for leases that are there, are moved into the tunnel', async () => {
    const { subnet, publicIP } = peerAt(1);
    await host.ns.ipBatch([
      `address add ${publicIP.replace(/\d+$/, '250')}/24 dev eth0`,
      `route del ${subnet} proto 115`,
      `route add ${subnet} via ${publicIP} dev eth0`,
    ]);
    await repair(host);
    assert.match(await host.ip('route', 'show', subnet), /dev flannel\.1/);
    await host.ip('address', 'del', `${publicIP.replace(/\d+$/, '250')}/24`, 'dev', 'eth0');
  });

  it('stays with --keep-stale, and is reported', async () => {
    await host.ns.ipBatch([
      `link add flannel.3 type vxlan id 3 ${VXLAN}`,
      'address add 10.5.77.0/32 dev flannel.3',
      'link set flannel.3 up',
      'route add 10.5.90.0/24 via 10.5.90.0 dev flannel.1 onlink',
    ]);
    const report = await repair(host, ['--keep-stale']);
    assert.deepEqual(holds(report).sort(), ['link flannel.3: stale', 'route 254|10.5.90.0/24|0|0: stale']);
    assert.deepEqual(await flannelDevices(host), ['flannel.1', 'flannel.3']);
    assert.equal((await repair(host)).summary.delete, 2);
  });
});
