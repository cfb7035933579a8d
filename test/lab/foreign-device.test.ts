/** Somebody else's flannel.9, under a ping between all hosts: it is left alone, also where the network moves to that very VNI. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../helpers/lab.ts';
import { allMoved, flannelDevices, GRACE, Mesh, repair, settled } from '../helpers/mesh.ts';
import { holds } from '../helpers/scenario.ts';

const onVni = (VNI: number) => ({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan', VNI } });
const VNI_9 = /"VNI":9,/;

describe('a foreign flannel.9', () => {
  let lab: Lab;
  let host: LabHost;
  let daemons: Daemon[];
  let mesh: Mesh | undefined;

  before(async () => {
    lab = await createLab({ hosts: 3, config: onVni(1) });
    host = lab.hosts[0]!;
    start();
    await Promise.all(lab.hosts.map((each) => each.attachContainerNet()));
    await allMoved(lab, /"VNI":1,/);
  });
  afterEach(async () => {
    await mesh?.stop();
    mesh = undefined;
  });
  after(async () => {
    await Promise.all(daemons.map((daemon) => daemon.kill()));
    await lab?.destroy();
  });

  const start = () => {
    daemons = lab.hosts.map((each) => each.startDaemon([GRACE]));
  };
  const bridge = () => host.ns.ipBatch(['link add flannel.9 type bridge', 'address add 172.31.9.1/24 dev flannel.9']);
  const look = async () =>
    (await host.ip('-d', 'link', 'show', 'flannel.9')) + (await host.ip('address', 'show', 'flannel.9'));
  const movedHosts = async () => [...(await lab.leases()).values()].filter((value) => VNI_9.test(value)).length;

  it('stays as it is, and is told of', async () => {
    mesh = await Mesh.start(lab.hosts);
    await bridge();
    const before = await look();
    await eventually(async () => holds((await host.lastReport())!).includes('link flannel.9: foreign device'), {
      what: 'the report to say so',
    });
    await mesh.answered(20);
    assert.equal(await look(), before);
    assert.equal((await host.lastReport())!.converged, true);
    await mesh.stopAndExpectNoLoss();
  });

  it('keeps this host where it is when the others move to VNI 9, and nothing is lost until it is gone', async () => {
    const before = await look();
    mesh = await Mesh.start(lab.hosts);
    await lab.putConfig(onVni(9));
    await eventually(async () => (await movedHosts()) === 2, { what: 'the two others to move' });
    await mesh.answered(100);
    assert.equal(await movedHosts(), 2, 'what is not built is not told');
    assert.equal((await host.lastReport())!.converged, false);
    assert.equal(await look(), before);
    await host.ip('link', 'delete', 'flannel.9');
    await allMoved(lab, VNI_9);
    await mesh.stopAndExpectNoLoss();
  });

  it('neither costs packets in repair runs', async () => {
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    await lab.putConfig(onVni(1));
    const round = async () => {
      for (const each of lab.hosts) await each.report(['--once']);
    };
    await round();
    await settled(lab.hosts);
    await round();
    for (const each of lab.hosts) assert.deepEqual(await flannelDevices(each), ['flannel.1']);

    await bridge();
    mesh = await Mesh.start(lab.hosts);
    await lab.putConfig(onVni(9));
    await round();
    await round();
    const { code, report } = await host.report(['--once']);
    assert.equal(code, 1);
    assert.ok(holds(report).includes('link flannel.9: foreign device'));
    assert.equal(await movedHosts(), 2);
    await mesh.answered(20);
    await host.ip('link', 'delete', 'flannel.9');
    for (const each of lab.hosts) await repair(each);
    await settled(lab.hosts);
    for (const each of lab.hosts) await repair(each);
    assert.equal(await movedHosts(), 3);
    for (const each of lab.hosts) assert.deepEqual(await flannelDevices(each), ['flannel.9']);
    await mesh.stopAndExpectNoLoss();
  });
});
