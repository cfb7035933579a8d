/** A network whose config changes under running daemons: every host follows without a restart, and nothing of the old one stays. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../helpers/lab.ts';
import { overlayOf } from '../helpers/overlay.ts';
import { assertInSync, EDGES_ONLY, holds } from '../helpers/scenario.ts';

const HOSTS = 2;

describe('a config that changes', () => {
  let lab: Lab;
  let hosts: [LabHost, LabHost];
  let daemons: Daemon[];

  before(async () => {
    lab = await createLab({ hosts: HOSTS, config: { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } } });
    hosts = lab.hosts as [LabHost, LabHost];
    daemons = hosts.map((host) => host.startDaemon([EDGES_ONLY]));
    await Promise.all(hosts.map((host) => host.attachContainerNet()));
    await follows('flannel.1', 1450);
  });
  after(async () => {
    await Promise.all((daemons ?? []).map((daemon) => daemon.kill()));
    await lab?.destroy();
  });

  /** Both hosts have come to that device and reach each other; nothing else of flannel's is there. */
  async function follows(device: string, mtu: number): Promise<void> {
    for (const host of hosts) {
      await eventually(
        async () => {
          const links = (await host.ns.ipJson('link', 'show')).filter(({ ifname }) => ifname?.startsWith('flannel'));
          assert.deepEqual(
            links.map((link) => [link.ifname, link.mtu]),
            [[device, mtu]],
          );
          assert.equal(host.subnetEnv()?.FLANNEL_MTU, String(mtu));
          return true;
        },
        { what: `${host.name} to have ${device} with MTU ${mtu}` },
      );
      // The bridge of the containers follows by hand, as Docker's would.
      await host.ns.exec('ip', 'address', 'flush', 'dev', 'cni0');
      await host.ip('address', 'add', host.subnetEnv()!.FLANNEL_SUBNET!, 'dev', 'cni0');
    }
    await eventually(() => hosts[0].ping(hosts[1], { wait: 0.2 }), { what: 'the hosts to reach each other' });
    for (const [i, host] of hosts.entries()) {
      assert.ok(daemons[i]!.running);
      await eventually(async () => (await host.lastReport())?.converged, { what: `${host.name} to converge` });
      await assertInSync(host);
    }
  }

  const subnets = () => hosts.map((host) => host.subnetEnv()!.FLANNEL_SUBNET);

  it('of the MTU', async () => {
    const before = subnets();
    await lab.putConfig({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan', MTU: 1400 } });
    await follows('flannel.1', 1350);
    assert.deepEqual(subnets(), before);
  });

  it('of the VNI and port, and back', async () => {
    const before = subnets();
    for (const [vni, Port] of [
      [7, 4789],
      [7, 8472],
      [1, 8472],
    ] as const) {
      await lab.putConfig({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan', VNI: vni, Port } });
      await follows(`flannel.${vni}`, 1450);
      assert.deepEqual(subnets(), before);
      for (const host of hosts) {
        const [link] = await host.ns.ipJson('link', 'show', `flannel.${vni}`);
        assert.deepEqual([link!.linkinfo!.info_data!.id, link!.linkinfo!.info_data!.port], [vni, Port]);
      }
      for (const value of (await lab.leases()).values()) assert.match(value, new RegExp(`"VNI":${vni},`));
    }
  });

  it('of the Network: other subnets, one lease each, and nothing of the old network', async () => {
    await lab.putConfig({ Network: '10.9.0.0/16', SubnetLen: 26, Backend: { Type: 'vxlan' } });
    await eventually(() => subnets().every((subnet) => /^10\.9\..*\/26$/.test(subnet!)), {
      what: 'both subnets to be others',
    });
    await follows('flannel.1', 1450);
    const keys = [...(await lab.leases()).keys()];
    assert.equal(keys.length, HOSTS, keys.join());
    for (const host of hosts) assert.equal((await overlayOf(host)).includes('10.5.'), false);
  });

  it('to one that selvage does not run or that is none: what there is stays, is repaired, and says why', async () => {
    const before = await Promise.all(hosts.map((host) => overlayOf(host)));
    for (const [config, why] of [
      [{ Network: '10.9.0.0/16', SubnetLen: 26, Backend: { Type: 'wireguard' } }, /backend not supported/],
      ['{"Network":"10.9.0.0/16",', /malformed config/],
      [{ Network: '10.9.0.0/16', SubnetLen: 26, Backend: { Type: 'vxlan', VNI: 'one' } }, /malformed config/],
    ] as const) {
      await lab.putConfig(config);
      for (const [i, host] of hosts.entries()) {
        await eventually(async () => why.test(holds((await host.lastReport())!).join()), {
          what: `${host.name} to hold ${why}`,
        });
        await host.ip('link', 'set', 'flannel.1', 'down');
        await eventually(async () => (await overlayOf(host)) === before[i], { what: 'the repair' });
      }
    }
    await lab.putConfig({ Network: '10.9.0.0/16', SubnetLen: 26, Backend: { Type: 'vxlan' } });
    await follows('flannel.1', 1450);
  });
});
