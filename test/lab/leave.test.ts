/** `selvage leave` on real hosts: what goes and what stays, and the hand-back to flannel under a continuous ping. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Lab, LabHost, RunOptions } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { Mesh } from '../helpers/mesh.ts';
import { overlayOf } from '../helpers/overlay.ts';
import { assertInSync, daemonOn, driftIds, repair } from '../helpers/scenario.ts';

async function leave(host: LabHost, args: string[] = [], options?: RunOptions) {
  const { code, report, stderr } = await host.report(['leave', ...args], options);
  assert.equal(code, 0, `${JSON.stringify({ ...report, drift: driftIds(report) }, null, 1)}\n${stderr}`);
  return report;
}

/** Nothing of ours that the kernel can show. */
async function assertUnmarked(host: LabHost): Promise<void> {
  const seen = await overlayOf(host);
  for (const mark of ['selvage', '"protocol":"115"', 'nhid'])
    assert.equal(seen.includes(mark), false, `${mark} in ${seen}`);
  assert.deepEqual(await host.ns.ipJson('nexthop', 'show'), []);
}

describe('a host that leaves a vxlan network', () => {
  let lab: Lab;
  let host: LabHost;
  let other: LabHost;
  labWith({ hosts: 2 }, async (made) => {
    lab = made;
    [host, other] = lab.hosts as [LabHost, LabHost];
    await repair(other);
  });

  it('has nothing left of it but what it had before, and its lease is given up', async () => {
    await host.ip('route', 'add', '10.5.250.0/24', 'via', '192.168.64.9', 'dev', 'eth0');
    const before = await overlayOf(host);
    const leases = (await lab.leases()).size;
    await repair(host);
    await repair(other);
    await repair(host);
    const planned = await leave(host, ['--release-lease', '--dry-run']);
    assert.deepEqual(planned.outcomes, []);
    assert.ok(existsSync(host.stateCache) && existsSync(host.subnetFile));

    const report = await leave(host, ['--release-lease']);
    assert.deepEqual(driftIds(planned), driftIds(report), 'a dry run says what is done');
    assert.equal(report.converged, true);
    assert.equal(await overlayOf(host), before);
    assert.deepEqual([existsSync(host.stateCache), existsSync(host.subnetFile)], [false, false]);
    assert.equal((await lab.leases()).size, leases);

    const again = await leave(host, ['--release-lease']);
    assert.deepEqual([again.drift, again.outcomes], [[], []]);
  });

  it('does so without its store, from what it knows itself; but then gives no lease up', async () => {
    const before = await overlayOf(host);
    await repair(host);
    const leases = (await lab.leases()).size;
    const env = { SELVAGE_ETCD_ENDPOINTS: 'http://127.0.0.1:9' };
    const { code } = await host.selvage(['leave', '--release-lease'], { env });
    assert.equal(code, 69);
    assert.ok(existsSync(host.subnetFile), 'nothing was written');
    const report = await leave(host, [], { env });
    assert.deepEqual(
      report.held.map(({ why }) => why),
      ['not asked'],
    );
    assert.equal(await overlayOf(host), before);
    assert.equal((await lab.leases()).size, leases);
  });

  it('leaves a device on which somebody has put an address, says so, and keeps the lease', async () => {
    await repair(host);
    await host.ip('address', 'add', '172.31.0.1/24', 'dev', 'flannel.1');
    const { code, report } = await host.report(['leave', '--release-lease']);
    assert.equal(code, 1);
    assert.deepEqual(report.held.map(({ why }) => why).sort(), ['foreign address', 'kept']);
    await host.ip('address', 'del', '172.31.0.1/24', 'dev', 'flannel.1');
    await leave(host, ['--release-lease']);
  });
});

for (const backend of [{ Type: 'vxlan' }, { Type: 'host-gw' }, { Type: 'vxlan', DirectRouting: true }]) {
  describe(`a host of ${JSON.stringify(backend)} that is handed back`, () => {
    let lab: Lab;
    let host: LabHost;
    let other: LabHost;
    labWith({ hosts: 2, config: { Network: '10.5.0.0/16', Backend: backend } }, async (made) => {
      lab = made;
      [host, other] = lab.hosts as [LabHost, LabHost];
      await repair(other);
      await repair(host);
      await repair(other);
      await Promise.all([host.attachContainerNet(), other.attachContainerNet()]);
    });

    it('is in flannel’s own form without a packet lost, and flannel’s own commands find what they look for', async () => {
      const subnet = other.containerAddress.replace(/1$/, '0/24');
      const [made] = await host.ns.ipJson('route', 'show', subnet);
      const gateway = backend.Type === 'vxlan' && !backend.DirectRouting ? subnet.split('/')[0]! : other.address;
      if (backend.Type !== 'vxlan' || backend.DirectRouting) {
        // As an earlier selvage made it, or one in a network of many peers: in sync, too.
        const dev = String(made!.dev);
        const id = String(Buffer.from(subnet.split('/')[0]!.split('.').map(Number)).readUInt32BE());
        const onlink = dev === 'eth0' ? [] : ['onlink'];
        if (made!.nhid === undefined)
          await host.ip('nexthop', 'add', 'id', id, 'via', gateway, 'dev', dev, ...onlink, 'proto', '115');
        await host.ip('route', 'replace', subnet, 'nhid', id, 'proto', '115');
        await assertInSync(host);
      }
      const leases = await lab.leases();
      const mesh = await Mesh.start([host, other]);
      const report = await leave(host, ['--hand-back']);
      await mesh.stopAndExpectNoLoss();
      assert.equal(report.converged, true);
      await assertUnmarked(host);
      assert.deepEqual([existsSync(host.stateCache), existsSync(host.subnetFile)], [false, true]);
      assert.deepEqual(await lab.leases(), leases);

      const dev = String(made!.dev);
      const [route] = await host.ns.ipJson('route', 'show', subnet);
      assert.deepEqual([route!.gateway, route!.dev, route!.protocol], [gateway, dev, 'boot']);
      const again = await leave(host, ['--hand-back']);
      assert.deepEqual([again.drift, again.outcomes], [[], []]);
      // A peer that moves, and one that goes: `ip route replace` and `del`, as flannel does them.
      const onlink = dev === 'eth0' ? [] : ['onlink'];
      await host.ip('route', 'replace', subnet, 'via', gateway, 'dev', dev, ...onlink);
      await host.ip('route', 'del', subnet, 'via', gateway, 'dev', dev, ...onlink);
      assert.deepEqual(await host.ns.ipJson('route', 'show', subnet), []);
    });
  });
}

describe('leaving beside a daemon', () => {
  let lab: Lab;
  labWith({ hosts: 1 }, async (made) => {
    lab = made;
  });

  it('is refused with its pid, changes nothing, and works once it is gone, however it went; a second daemon says so', async () => {
    const [host] = lab.hosts as [LabHost];
    const daemon = await daemonOn(host);
    const dump = await overlayOf(host);
    const { code, stderr } = await host.selvage(['leave']);
    assert.equal(code, 1);
    assert.match(stderr, /\(pid \d+\).*stop it first/);
    assert.equal(await overlayOf(host), dump);
    const pid = /pid (\d+)/.exec(stderr)![1]!;
    await leave(host, ['--dry-run']);

    const second = host.startDaemon(['--healthz-port=0']);
    try {
      await second.waitForLine(new RegExp(`Another selvage \\(pid ${pid}\\)`));
    } finally {
      await second.kill();
    }
    await daemon.kill();
    await leave(host);
  });
});
