/** What a change of the config costs in packets where the path can't be built beside the old one: told, and over when all have followed. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it, type TestContext } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../helpers/lab.ts';
import { flannelDevices, GRACE, Mesh } from '../helpers/mesh.ts';
import { EDGES_ONLY } from '../helpers/scenario.ts';

const NETWORK = '10.5.0.0/16';
const config = (backend: object, more: object = {}) => ({
  Network: NETWORK,
  ...more,
  Backend: { Type: 'vxlan', ...backend },
});

describe('a config that changes, under a ping between all hosts', () => {
  let lab: Lab;
  let daemons: Daemon[];
  let mesh: Mesh | undefined;

  before(async () => {
    lab = await createLab({ hosts: 3, config: config({}) });
    daemons = lab.hosts.map((host) => host.startDaemon([EDGES_ONLY, GRACE]));
    await Promise.all(lab.hosts.map((host) => host.attachContainerNet()));
    await everywhere('the start', async (host) => (await device(host))?.port === 8472);
  });
  afterEach(async () => {
    await mesh?.stop();
    mesh = undefined;
  });
  after(async () => {
    await Promise.all((daemons ?? []).map((daemon) => daemon.kill()));
    await lab?.destroy();
  });

  const device = async (host: LabHost, name = 'flannel.1') => {
    const links = await host.ns.ipJson('link', 'show');
    return links.find(({ ifname }) => ifname === name)?.linkinfo?.info_data;
  };
  const subnets = async () => [...(await lab.leases()).keys()].sort();

  /** It is so on every host, which has converged. */
  const everywhere = (what: string, isSo: (host: LabHost) => unknown) =>
    eventually(
      async () => {
        for (const host of lab.hosts) {
          if (!(await isSo(host)) || !(await host.lastReport())?.converged) return false;
        }
        return true;
      },
      { what: `${what} on every host`, interval: 50 },
    );

  /** Puts the config, and waits until all have followed and reach each other; the packets lost by the pair that lost most. */
  async function change(to: object, isSo: (host: LabHost) => unknown): Promise<number> {
    mesh = await Mesh.start(lab.hosts);
    await lab.putConfig(to);
    await everywhere(JSON.stringify(to), isSo);
    await mesh.answered(20);
    const lost = await mesh.stop();
    mesh = undefined;
    return Math.max(...lost.values());
  }

  const REMADE: [what: string, to: object, isSo: (host: LabHost) => Promise<unknown>][] = [
    ['the port', { Port: 4789 }, async (host) => (await device(host))?.port === 4789],
    ['the port, back', {}, async (host) => (await device(host))?.port === 8472],
    // iproute2 prints true, from 6.15 on null, and nothing where it is off.
    ['GBP', { GBP: true }, async (host) => 'gbp' in ((await device(host)) ?? {})],
    ['GBP, off', {}, async (host) => !('gbp' in ((await device(host)) ?? {}))],
  ];
  for (const [what, to, isSo] of REMADE) {
    it(`${what}: the device is made anew on every host, and all come together again on the same subnets`, async (t: TestContext) => {
      const before = await subnets();
      const lost = await change(config(to), isSo);
      t.diagnostic(`${what}: at most ${lost} packets lost between two hosts, at one every 10 ms`);
      assert.deepEqual(await subnets(), before);
      for (const host of lab.hosts) assert.deepEqual(await flannelDevices(host), ['flannel.1']);
    });
  }

  it('the port together with the VNI: nothing is lost, the two devices are there side by side', async () => {
    const only = (name: string) => async (host: LabHost) => (await flannelDevices(host)).join() === name;
    assert.equal(await change(config({ VNI: 5, Port: 4789 }), only('flannel.5')), 0);
    assert.equal(await change(config({}), only('flannel.1')), 0);
  });

  it('what the device can be told in place costs nothing', async () => {
    assert.equal(await change(config({ Learning: true }), async (host) => (await device(host))?.learning), 0);
    assert.equal(await change(config({}), async (host) => !(await device(host))?.learning), 0);
  });

  it('a range in which all leases lie keeps them; one in which they don’t moves them there', async (t) => {
    const before = await subnets();
    const number = (key: string) => Number(/10\.5\.(\d+)\.0-24$/.exec(key)?.[1]);
    const revision = await lab.revision();
    const within = { SubnetMin: '10.5.0.0', SubnetMax: '10.5.255.0' };
    const inSync = async (host: LabHost) => (await host.report(['drift'])).code === 0;
    assert.equal(await change(config({}, within), inSync), 0);
    assert.deepEqual(await subnets(), before);
    assert.equal(await lab.revision(), revision + 1, 'only the config was written');

    // Three that nobody has.
    const free = Array.from({ length: 250 }, (_, n) => n + 1).find(
      (first) => !before.some((key) => number(key) >= first && number(key) < first + 3),
    )!;
    mesh = await Mesh.start(lab.hosts);
    await lab.putConfig(config({}, { SubnetMin: `10.5.${free}.0`, SubnetMax: `10.5.${free + 2}.0` }));
    const inRange = [free, free + 1, free + 2].map((n) => `10.5.${n}.1/24`);
    await everywhere('a subnet in the new range', (host) => inRange.includes(host.subnetEnv()?.FLANNEL_SUBNET ?? ''));
    const moved = Math.max(...(await mesh.stop()).values());
    mesh = undefined;
    t.diagnostic(`another range: ${moved} packets to the old subnets lost, as their containers have to move`);
    assert.deepEqual((await subnets()).map(number).sort(), [free, free + 1, free + 2]);
    for (const host of lab.hosts) {
      const overlay =
        (await host.ip('route', 'show', 'proto', '115')) + (await host.ip('address', 'show', 'flannel.1'));
      for (const key of before) assert.ok(!overlay.includes(`10.5.${number(key)}.0`), `${host.name}: ${overlay}`);
      await host.ip('address', 'add', host.subnetEnv()!.FLANNEL_SUBNET!, 'dev', 'cni0');
    }
    mesh = await Mesh.start(lab.hosts);
    await mesh.stopAndExpectNoLoss();
    mesh = undefined;
  });
});
