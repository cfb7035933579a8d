/** Hosts on Google Compute Engine: a route for each, by operations that take their time. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createVpcLab, type VpcLab } from '../../helpers/cloud/vpc-lab.ts';
import type { Daemon } from '../../helpers/daemon.ts';
import { askDoctor, assertSays, assertWell } from '../../helpers/doctor.ts';
import { eventually } from '../../helpers/eventually.ts';
import { type LabHost, PREFIX } from '../../helpers/lab.ts';
import { Mesh } from '../../helpers/mesh.ts';

const nameOf = (host: LabHost): string => `flannel-${host.containerAddress.replace(/1$/, '0').replace(/\./g, '-')}-24`;

const RESYNC = '--cloud-resync=2s';

describe('gce', () => {
  let lab: VpcLab;
  let daemons: Daemon[];

  before(async () => {
    lab = await createVpcLab({ kind: 'gce', hosts: 3, config: { Network: '10.5.0.0/16', Backend: { Type: 'gce' } } });
    daemons = await lab.startDaemons([RESYNC]);
    await lab.allConverged();
  });
  after(async () => {
    await Promise.all(daemons.map((daemon) => daemon.kill()));
    await lab.destroy();
  });

  it("reaches every host, by routes and leases as flannel's", async () => {
    const mesh = await Mesh.start(lab.hosts);
    await mesh.stopAndExpectNoLoss();
    assert.deepEqual(
      await lab.cloud.call('gceRoutes'),
      Object.fromEntries(lab.hosts.map((host) => [nameOf(host), host.name])),
    );
    for (const [key, value] of await lab.leases()) {
      assert.ok(key.startsWith(PREFIX));
      assert.match(value, /^\{"PublicIP":"[\d.]+","PublicIPv6":null\}$/);
    }
  });

  it('survives a SIGKILL without a lost packet, and repairs a route that somebody deletes', async () => {
    const [one, two] = lab.hosts as [LabHost, LabHost];
    const mesh = await Mesh.start(lab.hosts);
    await daemons[0]!.kill();
    await mesh.answered(10);
    daemons[0] = one.startDaemon([RESYNC]);
    await lab.allConverged();
    await mesh.stopAndExpectNoLoss();
    await lab.cloud.call('removeGceRoute', nameOf(one));
    await eventually(() => two.ping(one), { what: 'the repair', timeout: 30_000 });
  });

  it('cleans up after a host that is gone once its lease is, and not before', async () => {
    const gone = lab.hosts[2]!;
    const [name, subnet] = [nameOf(gone), gone.containerAddress.replace(/1$/, '0-24')];
    await daemons[2]!.kill();
    await lab.kill(gone);
    lab.hosts.splice(2, 1);
    daemons.splice(2, 1);
    // Two passes of the others later it is still there.
    const calls = await lab.cloud.call('calls');
    await eventually(async () => (await lab.cloud.call('calls')) > calls + 8, { what: 'two passes', timeout: 30_000 });
    assert.ok(name in (await lab.cloud.call('gceRoutes')));
    await lab.delete(`${PREFIX}/subnets/${subnet}`);
    await eventually(async () => !(name in (await lab.cloud.call('gceRoutes'))), {
      what: 'its route to go',
      timeout: 30_000,
    });
  });

  it('repairs by --once', async () => {
    const [one] = lab.hosts as [LabHost];
    await Promise.all(daemons.map((daemon) => daemon.kill()));
    await lab.cloud.call('removeGceRoute', nameOf(one));
    const { code, report } = await one.report(['--once']);
    assert.equal(code, 0, JSON.stringify([report.held, report.outcomes]));
    assert.deepEqual(
      report.outcomes.map(({ kind, key, result }) => [kind, key, result]),
      [['cloud-route', nameOf(one), 'done']],
    );
    assert.equal((await one.report(['drift'])).code, 0);
  });

  it('doctor says that an instance may not forward packets', async () => {
    const [one] = lab.hosts as [LabHost];
    await lab.cloud.call('setCanIpForward', one.address, false);
    assertSays(await askDoctor(one), 'cloud-check', 'wrong', /canIpForward is false.*--can-ip-forward/);
    await lab.cloud.call('setCanIpForward', one.address, true);
    assertWell(await askDoctor(one), 'cloud-check');
  });
});
