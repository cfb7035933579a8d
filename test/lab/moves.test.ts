/** A network moves under running daemons, and a continuous ping between all hosts loses nothing. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, type Lab, PREFIX } from '../helpers/lab.ts';
import { allMoved, flannelDevices, GRACE, Mesh } from '../helpers/mesh.ts';
import { overlayOf } from '../helpers/overlay.ts';

const NETWORK = '10.5.0.0/16';
const config = (backend: object, more: object = {}) => ({ Network: NETWORK, ...more, Backend: backend });
const VXLAN_1 = config({ Type: 'vxlan' });
const onVni = (vni: number) => new RegExp(`"BackendType":"vxlan","BackendData":{"VNI":${vni},`);

describe('a network that moves under running daemons', () => {
  let lab: Lab;
  let daemons: Daemon[];
  let mesh: Mesh | undefined;

  before(async () => {
    lab = await createLab({ hosts: 3, config: VXLAN_1 });
    for (const { ns } of lab.hosts) {
      // Strict but for the external interface, as the report asks for: our own devices have to see to themselves.
      await ns.sysctl('net.ipv4.conf.all.rp_filter', '1');
      await ns.sysctl('net.ipv4.conf.eth0.rp_filter', '2');
    }
    daemons = lab.hosts.map((host) => host.startDaemon([GRACE]));
    await Promise.all(lab.hosts.map((host) => host.attachContainerNet()));
    await allMoved(lab, onVni(1));
  });
  afterEach(async () => {
    await mesh?.stop();
    mesh = undefined;
  });
  after(async () => {
    await Promise.all(daemons.map((daemon) => daemon.kill()));
    await lab.destroy();
  });

  const subnets = async () => [...(await lab.leases()).keys()].sort();
  const onlyDevices = (names: string[]) =>
    eventually(
      async () => {
        for (const host of lab.hosts) assert.deepEqual(await flannelDevices(host), names, host.name);
        return true;
      },
      { what: `only ${names} to be left`, interval: 100 },
    );

  it('from VNI 1 to VNI 5, on the same subnets, and the old device goes', async () => {
    const before = await subnets();
    mesh = await Mesh.start(lab.hosts);
    await lab.putConfig(config({ Type: 'vxlan', VNI: 5 }));
    await allMoved(lab, onVni(5));
    await onlyDevices(['flannel.5']);
    await mesh.stopAndExpectNoLoss();
    assert.deepEqual(await subnets(), before);
  });

  it('from vxlan to host-gw, and back', async () => {
    mesh = await Mesh.start(lab.hosts);
    await lab.putConfig(config({ Type: 'host-gw' }));
    await allMoved(lab, /"BackendType":"host-gw"}$/);
    await onlyDevices([]);
    const [host] = lab.hosts;
    assert.equal(host!.subnetEnv()?.FLANNEL_MTU, '1500');
    assert.doesNotMatch(await host!.ip('route'), /flannel/);
    await lab.putConfig(VXLAN_1);
    await allMoved(lab, onVni(1));
    await mesh.stopAndExpectNoLoss();
    await eventually(() => host!.subnetEnv()?.FLANNEL_MTU === '1450', { what: 'the MTU of vxlan in subnet.env' });
  });

  it('with a host that follows later, which is reached where its lease says, and told of', async () => {
    const late = lab.hosts[2]!;
    const lateKey = `${PREFIX}/subnets/${late.containerAddress.replace(/1$/, '0')}-24`;
    mesh = await Mesh.start(lab.hosts);
    daemons[2]!.signal('SIGSTOP');
    try {
      await lab.putConfig(config({ Type: 'vxlan', VNI: 5 }));
      for (const host of lab.hosts.slice(0, 2)) {
        const held = await eventually(
          async () => (await host.lastReport())?.held.find(({ why }) => why === 'not moved yet'),
          { what: `${host.name} to say who has not moved` },
        );
        assert.equal(held.kind, 'peer');
        assert.equal(held.unmet, false);
      }
      await eventually(
        async () => {
          for (const [key, value] of await lab.leases()) assert.match(value, onVni(key === lateKey ? 1 : 5));
          return true;
        },
        { what: 'the two others to have moved' },
      );
      await mesh.answered(100);
      for (const host of lab.hosts.slice(0, 2))
        assert.deepEqual(await flannelDevices(host), ['flannel.1', 'flannel.5'], host.name);
    } finally {
      daemons[2]!.signal('SIGCONT');
    }
    await allMoved(lab, onVni(5));
    await mesh.stopAndExpectNoLoss();
    await onlyDevices(['flannel.5']);
  });

  it('follows DirectRouting and the MTU', async () => {
    mesh = await Mesh.start(lab.hosts);
    await lab.putConfig(config({ Type: 'vxlan', VNI: 5, DirectRouting: true, MTU: 1400 }));
    const [host] = lab.hosts;
    await eventually(async () => (await host!.ip('route', 'show', 'proto', '115')).match(/dev eth0/g)?.length === 2, {
      what: 'direct routes',
    });
    await eventually(() => host!.subnetEnv()?.FLANNEL_MTU === '1350', { what: 'the MTU in subnet.env' });
    await lab.putConfig(config({ Type: 'vxlan', VNI: 5 }));
    await eventually(
      async () => (await host!.ip('route', 'show', 'proto', '115')).match(/dev flannel.5/g)?.length === 2,
      { what: 'routes through the tunnel' },
    );
    await mesh.stopAndExpectNoLoss();
  });

  it('changes nothing for an invalid config, says which field is wrong, and follows when it is repaired', async () => {
    mesh = await Mesh.start(lab.hosts);
    const before = await Promise.all(lab.hosts.map(overlayOf));
    await lab.putConfig(config({ Type: 'vxlan', VNI: 99999999 }));
    const held = await eventually(() => daemons[0]!.log().match(/Backend\.VNI is 99999999[^"]*/)?.[0], {
      what: 'the log to name the field',
    });
    assert.match(held, /last good one stays in force/);
    await mesh.answered(30);
    assert.deepEqual(await Promise.all(lab.hosts.map(overlayOf)), before);
    await lab.putConfig(config({ Type: 'vxlan', VNI: 7 }));
    await allMoved(lab, onVni(7));
    await mesh.stopAndExpectNoLoss();
    await onlyDevices(['flannel.7']);
  });

  it('to another Network: new leases, and nothing of the old one is left; what that costs is told', async (t) => {
    const before = await subnets();
    mesh = await Mesh.start(lab.hosts);
    await lab.putConfig({ Network: '10.9.0.0/16', Backend: { Type: 'vxlan', VNI: 7 } });
    await eventually(
      async () => {
        const now = await subnets();
        assert.equal(now.length, 3);
        assert.ok(
          now.every((key) => key.includes('/10.9.') && !before.includes(key)),
          `new leases: ${now}`,
        );
        for (const host of lab.hosts) {
          assert.match(host.subnetEnv()?.FLANNEL_SUBNET ?? '', /^10\.9\./);
          assert.equal((await host.ip('route', 'show', 'proto', '115')).match(/^10\.9\./gm)?.length, 2);
          const ours = (await host.ip('route')) + (await host.ip('address', 'show', 'dev', 'flannel.7'));
          assert.doesNotMatch(ours.replace(/^.*cni0.*$/gm, ''), /10\.5\./, host.name);
          assert.equal((await host.lastReport())?.converged, true);
        }
        return true;
      },
      { what: 'the hosts to be in the new network', interval: 100 },
    );
    const lost = Math.max(...(await mesh.stop()).values());
    t.diagnostic(
      `another Network: ${lost} packets to the old addresses lost until all were in the new one, at one every 10 ms`,
    );
    for (const host of lab.hosts) await host.ip('address', 'add', host.subnetEnv()!.FLANNEL_SUBNET!, 'dev', 'cni0');
    mesh = await Mesh.start(lab.hosts);
    await mesh.stopAndExpectNoLoss();
  });

  it('to other subnet lengths and ranges', async () => {
    await lab.putConfig({ Network: '10.9.0.0/16', SubnetLen: 25, Backend: { Type: 'vxlan', VNI: 7 } });
    await eventually(
      async () => {
        const now = await subnets();
        assert.equal(now.length, 3);
        assert.ok(
          now.every((key) => key.endsWith('-25')),
          `of the new length: ${now}`,
        );
        for (const host of lab.hosts) assert.equal((await host.lastReport())?.converged, true);
        return true;
      },
      { what: 'leases of the new length', interval: 100 },
    );
    const kept = await subnets();
    await lab.putConfig({ Network: '10.8.0.0/15', SubnetLen: 25, Backend: { Type: 'vxlan', VNI: 7 } });
    await eventually(() => lab.hosts.every((host) => host.subnetEnv()?.FLANNEL_NETWORK === '10.8.0.0/15'), {
      what: 'the wider network in subnet.env',
    });
    assert.deepEqual(await subnets(), kept, 'a lease that still fits is kept');
  });
});
