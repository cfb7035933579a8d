/** A host is never cut off from its store, its gateway or its own networks by what the store says (docs/design.md#a-host-is-never-cut-off). */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { type Lab, type LabHost, PREFIX } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { assertInSync, daemonOn, holds, repair } from '../helpers/scenario.ts';

const lease = (publicIP: string, mac = '82:4b:b6:2f:54:4e') =>
  `{"PublicIP":"${publicIP}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${mac}"}}`;
const VXLAN = { Backend: { Type: 'vxlan' } };
const CUT = 'would cut this host off';

describe('a network that covers what a host must reach', () => {
  let lab: Lab;
  let host: LabHost;
  labWith({ hosts: 1, config: null }, async (made) => {
    lab = made;
    host = lab.hosts[0]!;
  });

  const clear = async (config: object) => {
    await lab.etcd.etcdctl('del', '--prefix', `${PREFIX}/`);
    rmSync(host.subnetFile, { force: true });
    rmSync(host.stateCache, { force: true });
    await host.ip('link', 'del', 'flannel.1').catch(() => {});
    await lab.putConfig(config);
  };
  const reaches = async () => (await host.ns.exec('ping', '-c1', '-W2', '192.168.64.1')).code === 0;

  it('its own link: nothing is taken, served or written, by whichever command; it is said, and naming both', async () => {
    const config = { Network: '192.168.64.0/24', SubnetLen: 26, ...VXLAN };
    await clear(config);
    await lab.put(`${PREFIX}/subnets/192.168.64.0-26`, lease('192.168.64.9'));
    const before = await host.dump();
    for (const others of [[], [lease('192.168.64.2', '82:4b:b6:2f:54:4f')]]) {
      for (const value of others) await lab.put(`${PREFIX}/subnets/192.168.64.64-26`, value);
      const revision = await lab.revision();
      for (const args of [['drift'], ['--once']]) {
        const { code, report } = await host.report(args);
        assert.equal(code, 1, JSON.stringify(report));
        assert.ok(holds(report).includes(`lease 192.168.64.2: ${CUT}`), holds(report).join());
        assert.ok(holds(report).includes(`peer 192.168.64.0/26: ${CUT}`), holds(report).join());
        for (const { why, detail } of report.held)
          if (why === CUT) assert.match(detail, /eth0's network 192\.168\.64\.0\/24.*choose another Network\.$/);
      }
      assert.equal(await lab.revision(), revision, 'nothing was written to etcd');
      assert.equal(await host.dump(), before);
      assert.equal(host.subnetEnv(), undefined);
      const { stdout } = await host.selvage(['leases', '--format=json']);
      assert.match(stdout, others.length ? /overlaps eth0's network/ : /"leases"/);
    }
    const { stderr, code } = await host.selvage(['check-config'], { input: JSON.stringify(config) });
    assert.equal(code, 0);
    assert.match(stderr, /eth0's network 192\.168\.64\.0\/24.*choose another Network/);
  });

  it('a pool that is its own LAN: no lease; one that is wider: the LAN is left out', async () => {
    await clear({ Network: '192.168.0.0/16', SubnetMin: '192.168.64.0', SubnetMax: '192.168.64.0', ...VXLAN });
    const { code, report } = await host.report(['--once']);
    assert.equal(code, 1);
    assert.ok(holds(report).includes(`lease 192.168.64.2: ${CUT}`), holds(report).join());
    assert.equal((await lab.leases()).size, 0);
    await clear({ Network: '192.168.0.0/16', SubnetMin: '192.168.64.0', SubnetMax: '192.168.65.0', ...VXLAN });
    await lab.put(`${PREFIX}/subnets/192.168.64.0-24`, lease('192.168.64.9'));
    await host.report(['--once']);
    assert.equal(host.subnetEnv()?.FLANNEL_SUBNET, '192.168.65.1/24');
    assert.equal(await host.ip('route', 'show', '192.168.64.0/24', 'proto', '115'), '');
    assert.ok(await reaches());
  });

  it('an earlier version has cut it off: it is undone from the last good copy, and then the store is heard', async () => {
    await clear({ Network: '192.168.0.0/16', SubnetLen: 26, SubnetMin: '192.168.80.0', ...VXLAN });
    await repair(host);
    await lab.put(`${PREFIX}/subnets/192.168.64.0-26`, lease('192.168.64.9'));
    // As the earlier version left it: the copy has the lease, and the host its route.
    await host.report(['--once']);
    await host.ip(...'route add 192.168.64.0/26 via 192.168.64.0 dev flannel.1 onlink proto 115'.split(' '));
    assert.equal(await reaches(), false);
    const daemon = host.startDaemon(['--etcd-api=v3']);
    try {
      await eventually(async () => (await host.lastReport())?.source.complete, { what: 'the store to be heard' }).catch(
        (cause: unknown) => {
          throw new Error(daemon.log(), { cause });
        },
      );
      assert.ok(await reaches());
      const report = (await host.lastReport())!;
      assert.ok(holds(report).includes(`peer 192.168.64.0/26: ${CUT}`), holds(report).join());
    } finally {
      await daemon.kill();
    }
  });

  it('a bridge that has a part of the Network keeps it; a peer inside is served when it is gone, by an edge', async () => {
    await clear({ Network: '10.5.0.0/16', SubnetMin: '10.5.128.0', ...VXLAN });
    await lab.put(`${PREFIX}/subnets/10.5.9.0-24`, lease('192.168.64.9'));
    const daemon = await daemonOn(host);
    const route = () => host.ip('route', 'show', '10.5.9.0/24');
    try {
      assert.match(await route(), /flannel\.1|nhid/);
      await host.ns.ipBatch(['link add br-x up type bridge', 'address add 10.5.0.1/17 dev br-x']);
      await eventually(async () => (await route()) === '', { what: 'the peer to be held' });
      await eventually(async () => holds((await host.lastReport())!).includes(`peer 10.5.9.0/24: ${CUT}`), {
        what: 'the reason',
      });
      await host.ip('link', 'del', 'br-x');
      await eventually(async () => (await route()) !== '', { what: 'the peer to be served' });
    } finally {
      await daemon.kill();
    }
    await assertInSync(host);
  });

  it('a Network that was carved out of a wide network of the host is used, and that is said', async () => {
    await clear({ Network: '10.5.0.0/16', ...VXLAN });
    // As 10.1.2.3/8 is where the mask says no more than "private".
    await host.ns.ipBatch(['address add 10.1.2.3/8 dev eth0', 'address add 10.1.0.1/32 dev eth0']);
    await lab.put(`${PREFIX}/subnets/10.5.9.0-24`, lease('10.1.2.9'));
    await lab.put(`${PREFIX}/subnets/10.5.10.0-24`, lease('10.5.33.9', '82:4b:b6:2f:54:4f'));
    try {
      const report = await repair(host);
      assert.ok(holds(report).includes('config Network: inside a network of this host'), holds(report).join());
      assert.ok(holds(report).includes('peer 10.5.10.0/24: impossible address'), 'its host would be a container');
      assert.notEqual(await host.ip('route', 'show', '10.5.9.0/24'), '');
      assert.equal(await host.ip('route', 'show', '10.5.10.0/24'), '');
      assert.ok(await reaches());
      const config = JSON.stringify({ Network: '10.5.0.0/16', ...VXLAN });
      const { stderr } = await host.selvage(['check-config'], { input: config });
      assert.match(stderr, /Network 10\.5\.0\.0\/16 is a part of eth0's network 10\.0\.0\.0\/8/);
      await host.ip('address', 'add', '10.5.33.1/8', 'dev', 'eth0');
      const inside = await host.report(['drift']);
      assert.ok(holds(inside.report).includes(`peer 10.5.9.0/24: ${CUT}`), 'not where the host itself is inside');
    } finally {
      for (const address of ['10.1.2.3/8', '10.1.0.1/32', '10.5.33.1/8'])
        await host.ip('address', 'del', address, 'dev', 'eth0').catch(() => {});
    }
  });

  it('a lease with an address that nobody can have is held by its name, and fails no run', async () => {
    await clear({ Network: '10.5.0.0/16', ...VXLAN });
    await host.ip('address', 'add', '192.168.64.202/24', 'dev', 'eth0');
    const bad = ['127.0.0.1', '224.0.0.5', '192.168.64.255', '10.5.15.9', '10.5.77.1', '192.168.64.202'];
    for (const Type of ['vxlan', 'host-gw']) {
      await clear({ Network: '10.5.0.0/16', Backend: { Type } });
      await Promise.all(
        bad.map((address, index) =>
          lab.put(
            `${PREFIX}/subnets/10.5.${index + 12}.0-24`,
            Type === 'vxlan'
              ? lease(address, `82:4b:b6:2f:54:0${index}`)
              : `{"PublicIP":"${address}","PublicIPv6":null,"BackendType":"host-gw"}`,
          ),
        ),
      );
      const report = await repair(host);
      for (let n = 12; n < 12 + bad.length; n++)
        assert.ok(
          report.held.some(({ kind, key }) => kind === 'peer' && key === `10.5.${n}.0/24`),
          `${Type} ${n}`,
        );
      assert.equal(await host.ip('route', 'show', 'proto', '115'), '');
      await assertInSync(host);
      const { stdout } = await host.selvage(['leases', '--format=json']);
      const rows: { publicIP: string; problems: string[] }[] = JSON.parse(stdout).leases;
      for (const { publicIP, problems } of rows.filter((row) => bad.includes(row.publicIP)))
        assert.ok(problems.length, publicIP);
    }
  });

  it('a default route on a bridge, or on a device of ours, is no way to others: the next one stays the uplink', async () => {
    await clear({ Network: '10.5.0.0/16', ...VXLAN });
    await host.ns.ipBatch(['route del default', 'route add default via 192.168.64.1 metric 100']);
    const daemon = await daemonOn(host);
    try {
      const leases = JSON.stringify([...(await lab.leases())]);
      await host.ns.ipBatch(['link add docker0 up type bridge', 'address add 10.5.8.1/24 dev docker0']);
      for (const dev of ['docker0', 'flannel.1']) {
        await host.ip('route', 'add', 'default', 'dev', dev, 'metric', '5');
        await eventually(
          async () => holds((await host.lastReport())!).includes(`route 254|0.0.0.0/0|0|5: default route on ${dev}`),
          { what: `the default route on ${dev} to be said` },
        ).finally(() => host.ip('route', 'del', 'default', 'dev', dev, 'metric', '5'));
      }
      assert.equal(JSON.stringify([...(await lab.leases())]), leases);
    } finally {
      await daemon.kill();
    }
  });
});
