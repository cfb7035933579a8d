/** A network moves into the cloud's route tables and out of them, while everybody pings everybody. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createVpcLab, type VpcLab } from '../../helpers/cloud/vpc-lab.ts';
import type { Daemon } from '../../helpers/daemon.ts';
import { eventually } from '../../helpers/eventually.ts';
import type { LabHost } from '../../helpers/lab.ts';
import { allMoved, flannelDevices, GRACE, Mesh } from '../../helpers/mesh.ts';

const NETWORK = '10.5.0.0/16';
const subnetOf = (host: LabHost): string => host.containerAddress.replace(/1$/, '0/24');
/** As flannel names a route of GCE's. */
const routeNameOf = (host: LabHost): string => `flannel-${subnetOf(host).replace(/[./]/g, '-')}`;
/** The wait after a failed call is seconds, and this machine may be busy, ms. */
const PATIENCE = 90_000;
/** What is asked of each cloud, and what keeps one of its hosts waiting. */
const CLOUDS = [
  {
    kind: 'aws-vpc' as const,
    create: 'CreateRoute',
    routes: (lab: VpcLab, table: string) => lab.cloud.call('madeRoutes', table),
    expected: (lab: VpcLab) => Object.fromEntries(lab.hosts.map((host) => [subnetOf(host), lab.eni(host).id])),
  },
  {
    kind: 'gce' as const,
    create: 'POST global/routes',
    routes: (lab: VpcLab) => lab.cloud.call('gceRoutes'),
    expected: (lab: VpcLab) => Object.fromEntries(lab.hosts.map((host) => [routeNameOf(host), host.name])),
  },
];
const IN_CLOUD = /^\{"PublicIP":"[\d.]+","PublicIPv6":null\}$/;

for (const { kind, create, routes, expected } of CLOUDS)
  describe(`a network that moves between vxlan and ${kind}`, () => {
    let lab: VpcLab;
    let table: string;
    let daemons: Daemon[];

    before(async () => {
      lab = await createVpcLab({ kind, hosts: 3, config: { Network: NETWORK, Backend: { Type: 'vxlan' } } });
      table = await lab.cloud.call('addTable', { main: true });
      daemons = await lab.startDaemons(['--cloud-resync=2s', GRACE]);
      await allMoved(lab, /"vxlan"/, PATIENCE);
    });
    after(async () => {
      await Promise.all(daemons.map((daemon) => daemon.kill()));
      await lab.destroy();
    });

    it('loses nothing on the way in, also where the cloud shows late what was written and keeps one host waiting', async () => {
      const mesh = await Mesh.start(lab.hosts);
      await lab.cloud.call('setLag', 2);
      await lab.cloud.call('inject', create, { status: 500, code: 'InternalError' }, 5);
      await lab.putConfig({ Network: NETWORK, Backend: { Type: kind } });
      await allMoved(lab, IN_CLOUD, PATIENCE);
      for (const host of lab.hosts)
        await eventually(async () => (await flannelDevices(host)).length === 0, {
          what: 'the tunnel to go',
          timeout: PATIENCE,
        });
      await mesh.stopAndExpectNoLoss();
      assert.deepEqual(await routes(lab, table), expected(lab));
      await lab.cloud.call('setLag', 0);
    });

    it('loses nothing on the way out, and leaves no route in the cloud', async () => {
      const mesh = await Mesh.start(lab.hosts);
      await lab.putConfig({ Network: NETWORK, Backend: { Type: 'vxlan' } });
      await allMoved(lab, /"vxlan"/, PATIENCE);
      await eventually(async () => Object.keys(await routes(lab, table)).length === 0, {
        what: 'the routes to go',
        timeout: PATIENCE,
      });
      await mesh.stopAndExpectNoLoss();
    });
  });
