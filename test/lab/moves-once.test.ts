/** The same moves without a daemon: `selvage --once` on one host after the other, each with no memory, and nothing is lost. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createLab, type Lab, type LabHost } from '../helpers/lab.ts';
import { flannelDevices, Mesh, repair, settled } from '../helpers/mesh.ts';
import { overlayOf } from '../helpers/overlay.ts';

const NETWORK = '10.5.0.0/16';
const config = (backend: object) => ({ Network: NETWORK, Backend: backend });
const VXLAN_1 = config({ Type: 'vxlan' });

describe('a network that moves by repair runs', () => {
  let lab: Lab;
  let mesh: Mesh | undefined;

  before(async () => {
    lab = await createLab({ hosts: 3, config: VXLAN_1 });
    for (const host of lab.hosts) {
      await repair(host);
      await host.attachContainerNet();
    }
    await everywhere();
  });
  afterEach(async () => {
    await mesh?.stop();
    mesh = undefined;
  });
  after(() => lab.destroy());

  /** One run on each host, in turn. */
  async function everywhere(args: string[] = []): Promise<void> {
    for (const host of lab.hosts) await repair(host, args);
  }

  const devices = () => Promise.all(lab.hosts.map(flannelDevices));
  const onAll = (...names: string[]) => lab.hosts.map(() => names);

  async function inSync(host: LabHost): Promise<void> {
    const { code, report } = await host.report(['drift']);
    assert.deepEqual([code, report.drift], [0, []], host.name);
  }

  /** Two runs on every host: the first moves, and keeps the way on which others still come; one that is late enough lets go of it. */
  async function move(to: object): Promise<void> {
    await lab.putConfig(to);
    await everywhere();
    await mesh?.answered(5);
    await settled(lab.hosts);
    await everywhere();
    for (const host of lab.hosts) await inSync(host);
  }

  it('from VNI 1 to VNI 5, the old device being kept while a lease names it', async () => {
    mesh = await Mesh.start(lab.hosts);
    await lab.putConfig(config({ Type: 'vxlan', VNI: 5 }));
    const report = await repair(lab.hosts[0]!);
    assert.equal(report.held.filter(({ why }) => why === 'not moved yet').length, 2);
    assert.deepEqual(await devices(), [['flannel.1', 'flannel.5'], ['flannel.1'], ['flannel.1']]);
    await mesh.answered(20);
    await move(config({ Type: 'vxlan', VNI: 5 }));
    assert.deepEqual(await devices(), onAll('flannel.5'));
    await mesh.stopAndExpectNoLoss();
  });

  it('runs twice on one host at once: it still receives from those who have not heard of its new lease', async () => {
    mesh = await Mesh.start(lab.hosts);
    await lab.putConfig(config({ Type: 'vxlan', VNI: 6 }));
    const last = lab.hosts.at(-1)!;
    await everywhere();
    for (const _ of [1, 2]) assert.deepEqual((await repair(last)).drift, []);
    assert.deepEqual(await devices(), onAll('flannel.5', 'flannel.6'));
    await mesh.answered(20);
    await mesh.stopAndExpectNoLoss();
    await settled(lab.hosts);
    await everywhere();
    assert.deepEqual(await devices(), onAll('flannel.6'));
  });

  it('from vxlan to host-gw, and back', async () => {
    mesh = await Mesh.start(lab.hosts);
    await move(config({ Type: 'host-gw' }));
    assert.deepEqual(await devices(), onAll());
    await move(VXLAN_1);
    assert.deepEqual(await devices(), onAll('flannel.1'));
    await mesh.stopAndExpectNoLoss();
  });

  it('on and on, before everybody has followed and anything was cleaned up', async () => {
    mesh = await Mesh.start(lab.hosts);
    for (const to of [{ Type: 'vxlan', VNI: 2 }, { Type: 'host-gw' }, { Type: 'vxlan', VNI: 3 }]) {
      await lab.putConfig(config(to));
      for (const host of lab.hosts) {
        await repair(host);
        await mesh.answered(5);
      }
    }
    // One follows a config that the others never see.
    await lab.putConfig(config({ Type: 'vxlan', VNI: 4 }));
    await repair(lab.hosts[0]!);
    await mesh.answered(5);
    await lab.putConfig(config({ Type: 'host-gw' }));
    // In the order in which they ran before, so that each has heard of the others before it lets go: on a slow machine more than the settling time goes by.
    for (const host of [...lab.hosts.toReversed(), lab.hosts[2]!, lab.hosts[1]!]) {
      await repair(host);
      await mesh.answered(5);
    }
    await move(VXLAN_1);
    assert.deepEqual(await devices(), onAll('flannel.1'));
    await mesh.stopAndExpectNoLoss();
  });

  it('changes nothing for an invalid config, and follows when it is repaired', async () => {
    mesh = await Mesh.start(lab.hosts);
    const before = await Promise.all(lab.hosts.map(overlayOf));
    await lab.putConfig({ Network: NETWORK, SubnetLen: 33, Backend: { Type: 'vxlan' } });
    for (const host of lab.hosts) {
      const { code, stderr } = await host.selvage(['--once']);
      assert.equal(code, 78);
      assert.match(stderr, /SubnetLen/);
    }
    assert.deepEqual(await Promise.all(lab.hosts.map(overlayOf)), before);
    await move(config({ Type: 'vxlan', VNI: 7 }));
    assert.deepEqual(await devices(), onAll('flannel.7'));
    await mesh.stopAndExpectNoLoss();
  });

  it('lets go of an earlier path at once with --migration-grace=0', async () => {
    await lab.putConfig(VXLAN_1);
    await everywhere(['--migration-grace=0']);
    await everywhere(['--migration-grace=0']);
    assert.deepEqual(await devices(), onAll('flannel.1'));
  });

  it('to another Network: new leases, and nothing of the old one is left; what that costs is told', async (t) => {
    mesh = await Mesh.start(lab.hosts);
    await lab.putConfig({ Network: '10.9.0.0/16', Backend: { Type: 'vxlan' } });
    await everywhere();
    await everywhere();
    const lost = Math.max(...(await mesh.stop()).values());
    t.diagnostic(
      `another Network: ${lost} packets to the old addresses lost in two rounds of runs, at one every 10 ms`,
    );
    const keys = [...(await lab.leases()).keys()];
    assert.equal(keys.length, 3);
    assert.ok(keys.every((key) => key.includes('/10.9.')));
    for (const host of lab.hosts) {
      await inSync(host);
      const ours = (await host.ip('route')) + (await host.ip('address', 'show', 'dev', 'flannel.1'));
      assert.doesNotMatch(ours.replace(/^.*cni0.*$/gm, ''), /10\.5\./, host.name);
      await host.ip('address', 'add', host.subnetEnv()!.FLANNEL_SUBNET!, 'dev', 'cni0');
    }
    mesh = await Mesh.start(lab.hosts);
    await mesh.stopAndExpectNoLoss();
  });
});
