/** The daemon is started anew in the middle of a move, and goes on with it: nothing is lost, whether etcd answers or not. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../helpers/lab.ts';
import { allMoved, flannelDevices, Mesh } from '../helpers/mesh.ts';
import { EDGES_ONLY } from '../helpers/scenario.ts';

const onVni = (VNI: number) => ({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan', VNI } });
const BOTH = ['flannel.1', 'flannel.5'];

describe('a daemon that is started anew in the middle of a move', () => {
  let lab: Lab;
  let host: LabHost;
  let daemon: Daemon;
  let late: Daemon;
  let mesh: Mesh | undefined;

  before(async () => {
    lab = await createLab({ config: onVni(1) });
    host = lab.hosts[0]!;
    daemon = host.startDaemon([EDGES_ONLY]);
    late = lab.hosts[1]!.startDaemon([EDGES_ONLY]);
    await Promise.all(lab.hosts.map((each) => each.attachContainerNet()));
    await allMoved(lab, /"VNI":1,/);
    // All reach each other now: who stops before it has heard of the other never would.
    mesh = await Mesh.start(lab.hosts);
    await late.stop();
    await lab.putConfig(onVni(5));
    await eventually(async () => [...(await lab.leases()).values()].some((value) => value.includes('"VNI":5,')), {
      what: 'the first host to have moved',
    });
  });
  after(async () => {
    await mesh?.stop();
    await Promise.all([daemon, late].map((each) => each?.kill()));
    await lab?.destroy();
  });

  /** The one way on which the other host is reached. */
  const route = () => host.ip('route', 'show', 'proto', '115');

  it('keeps both ways, and goes on using the one that the other lease names', async () => {
    const hasLeft = async () => /"left":\{"vxlan 1":\d+\}/.test(readFileSync(host.stateCache, 'utf8').split('\n')[0]!);
    await eventually(hasLeft, { what: 'the copy to say that the path was left' });
    await daemon.stop();
    daemon = host.startDaemon([EDGES_ONLY]);
    await eventually(async () => (await host.lastReport())?.converged, { what: 'the daemon to converge' });
    assert.deepEqual(await flannelDevices(host), BOTH);
    assert.match(await route(), /dev flannel\.1/);
  });

  it('does so too while etcd can’t be reached, and after it has come back', async () => {
    await daemon.stop();
    await lab.etcd.kill();
    daemon = host.startDaemon([EDGES_ONLY]);
    await eventually(async () => (await host.lastReport())?.source.kind === 'cache', { what: 'a round from the copy' });
    assert.match(await route(), /dev flannel\.1/);
    await lab.etcd.start();
    await eventually(async () => (await host.lastReport())?.source.kind === 'etcd-v3', {
      what: 'a round from etcd',
      timeout: 30_000,
    });
    assert.deepEqual(await flannelDevices(host), BOTH);
    assert.match(await route(), /dev flannel\.1/);
  });

  it('ends it when the other one follows', async () => {
    late = lab.hosts[1]!.startDaemon([EDGES_ONLY]);
    await allMoved(lab, /"VNI":5,/);
    await daemon.kill();
    daemon = host.startDaemon([EDGES_ONLY]);
    await eventually(async () => (await flannelDevices(host)).join() === 'flannel.5', {
      what: 'the old device to go',
      timeout: 30_000,
    });
    const moving = mesh;
    mesh = undefined;
    await moving?.stopAndExpectNoLoss();
  });
});
