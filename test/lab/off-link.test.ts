/** A host behind a router: what it has to do with DirectRouting and host-gw, under a ping between all hosts. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../helpers/lab.ts';
import { allMoved, flannelDevices, GRACE, Mesh } from '../helpers/mesh.ts';

const config = (backend: object) => ({ Network: '10.5.0.0/16', Backend: backend });
const AWAY = '192.168.72.4';

describe('a host that is not on the link of the others', () => {
  let lab: Lab;
  let near: [LabHost, LabHost];
  let far: LabHost;
  let daemons: Daemon[];
  let mesh: Mesh | undefined;

  before(async () => {
    lab = await createLab({ hosts: 3, config: config({ Type: 'vxlan', DirectRouting: true }) });
    near = [lab.hosts[0]!, lab.hosts[1]!];
    far = lab.hosts[2]!;
    await lab.underlay.sysctl('net.ipv4.ip_forward', '1');
    await lab.underlay.ipBatch(['link set port3 nomaster', 'address add 192.168.72.1/24 dev port3']);
    await far.ns.ipBatch([
      'address flush dev eth0',
      `address add ${AWAY}/24 dev eth0`,
      'route add default via 192.168.72.1',
    ]);
    daemons = lab.hosts.map((host) => host.startDaemon([GRACE]));
    await Promise.all(lab.hosts.map((host) => host.attachContainerNet()));
    await allMoved(lab, /"vxlan"/);
  });
  afterEach(async () => {
    await mesh?.stop();
    mesh = undefined;
  });
  after(async () => {
    await Promise.all((daemons ?? []).map((daemon) => daemon.kill()));
    await lab?.destroy();
  });

  /** The devices that lead from one host to two others: in the order of `to`. */
  const ways = async (from: LabHost, ...to: LabHost[]): Promise<string[]> => {
    const routes = await from.ip('route', 'show', 'proto', '115');
    return to.map(({ containerAddress }) => {
      const line = routes.split('\n').find((each) => each.startsWith(containerAddress.replace(/\.1$/, '.0/24')));
      return / dev (\S+)/.exec(line ?? '')?.[1] ?? 'none';
    });
  };
  const come = (expected: [string, string]) =>
    eventually(
      async () => {
        for (const [from, other] of [near, near.toReversed()] as [LabHost, LabHost][])
          assert.deepEqual(await ways(from, other, far), expected);
        return true;
      },
      { what: `routes by ${expected}`, interval: 50 },
    );

  it('has the tunnel, while the others reach each other without; each moves with its own, and nothing is lost', async () => {
    mesh = await Mesh.start(lab.hosts);
    await come(['eth0', 'flannel.1']);
    await lab.putConfig(config({ Type: 'vxlan', VNI: 5, DirectRouting: true }));
    await allMoved(lab, /"VNI":5,/);
    await come(['eth0', 'flannel.5']);
    for (const host of lab.hosts)
      await eventually(async () => (await flannelDevices(host)).join() === 'flannel.5', { what: 'the old one to go' });
    await lab.putConfig(config({ Type: 'vxlan', VNI: 5 }));
    await come(['flannel.5', 'flannel.5']);
    await lab.putConfig(config({ Type: 'vxlan', VNI: 5, DirectRouting: true }));
    await come(['eth0', 'flannel.5']);
    await mesh.stopAndExpectNoLoss();
  });

  it('is out of reach with host-gw, which each host says once for each peer; the others lose nothing, and vxlan brings it back', async () => {
    mesh = await Mesh.start(near);
    await lab.putConfig(config({ Type: 'host-gw' }));
    await come(['eth0', 'none']);
    for (const host of near) {
      const held = await eventually(
        async () => (await host.lastReport())?.held.find(({ why }) => why === 'unreachable'),
        {
          what: 'the report to say so',
        },
      );
      assert.ok(held.detail.includes(AWAY));
    }
    await mesh.answered(100);
    const said = daemons.map((daemon) => daemon.log().match(/"msg":"[^"]*is not on the link/g)?.length);
    assert.deepEqual(said, [1, 1, 2]);
    await lab.putConfig(config({ Type: 'vxlan' }));
    await allMoved(lab, /"VNI":1,/);
    await come(['flannel.1', 'flannel.1']);
    await mesh.stopAndExpectNoLoss();
    mesh = await Mesh.start(lab.hosts);
    await mesh.stopAndExpectNoLoss();
  });
});
