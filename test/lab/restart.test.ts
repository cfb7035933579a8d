/** The end of the daemon at any moment: no packet is lost, the next start writes nothing, and what was half done is finished. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { fakePeer } from '../helpers/leases.ts';
import { KernelMonitor } from '../helpers/monitor.ts';
import { assertInSync, converged, daemonOn, EDGES_ONLY } from '../helpers/scenario.ts';

const CONFIG = { Network: '10.0.0.0/8', SubnetMin: '10.5.0.0', SubnetMax: '10.5.99.0', Backend: { Type: 'vxlan' } };

/** Identity and time of the file: a rewrite with the same content would show. */
function fileState({ subnetFile }: LabHost): unknown {
  const { ino, mtimeNs, ctimeNs } = statSync(subnetFile, { bigint: true });
  return { ino, mtimeNs, ctimeNs };
}

describe('the end of a daemon', () => {
  let lab: Lab;
  let host: LabHost;
  let other: LabHost;

  labWith({ hosts: 2, config: CONFIG }, async (made) => {
    lab = made;
    [host, other] = lab.hosts as [LabHost, LabHost];
  });

  describe('under traffic', () => {
    let daemon: Daemon;
    let neighbour: Daemon;
    before(async () => {
      [daemon, neighbour] = await Promise.all([daemonOn(host), daemonOn(other)]);
      await Promise.all([converged(host, daemon, 2), converged(other, neighbour, 2)]);
      await Promise.all([host.attachContainerNet(), other.attachContainerNet()]);
    });
    after(async () => {
      await Promise.all([daemon?.kill(), neighbour?.kill()]);
    });

    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
      it(`${signal} loses no packet, and the next start writes nothing`, async () => {
        const pings = [host.startPing(other), other.startPing(host)];
        const flowing = (count: number) => {
          const from = pings.map(({ received }) => received);
          const all = () => pings.every(({ received }, i) => received >= from[i]! + count);
          return eventually(all, { what: 'pings both ways' });
        };
        await flowing(20);
        const [dump, revision, file] = [await host.dump(), await lab.revision(), fileState(host)];
        const monitor = await KernelMonitor.start(host.ns);
        const mark = monitor.mark();

        daemon.signal(signal);
        await eventually(() => !daemon.running, { what: 'the daemon to end' });
        if (signal !== 'SIGKILL') assert.equal(await daemon.stop(), 0);
        await flowing(20);
        assert.equal(await host.dump(), dump, 'what it leaves behind');

        daemon = await daemonOn(host);
        await flowing(20);
        const results = await Promise.all(pings.map((ping) => ping.stop()));
        for (const { lost, received } of results) assert.ok(lost === 0 && received >= 60, JSON.stringify(results));

        assert.equal(await host.dump(), dump, 'what the next one makes');
        assert.equal(await lab.revision(), revision, 'etcd');
        assert.deepEqual(fileState(host), file, 'subnet.env');
        assert.deepEqual(monitor.since(mark), [], 'what the kernel announced');
        await monitor.stop();
      });
    }
  });

  it('is healed by the next start if it came in the middle of a cold one', async () => {
    const peers = Array.from({ length: 500 }, (_, index) => fakePeer(index));
    const third = await lab.addHost();
    await lab.putPeers(peers);
    const routes = async () => Number((await third.ns.exec('sh', '-c', 'ip route show proto 115 | wc -l')).stdout);
    const made = async () =>
      Number((await third.ns.exec('sh', '-c', 'ip neighbour show nud permanent | wc -l')).stdout);
    const soon = { interval: 1 };
    // With a lease and nothing else; with a device; with some of the entries.
    const moments = [
      () => eventually(async () => (await lab.leases()).size > 502, { what: 'its lease', ...soon }),
      () =>
        eventually(async () => (await third.ip('-br', 'link')).includes('flannel.1'), { what: 'flannel.1', ...soon }),
      () => eventually(made, { what: 'ARP entries', ...soon }),
    ];
    for (const moment of moments) {
      const daemon = third.startDaemon([EDGES_ONLY]);
      await moment();
      await daemon.kill();
    }
    // Every second entry lost, as after a kill between any two writes.
    const everySecond = async (...show: string[]) =>
      (await third.ns.ipJson(...show)).filter((_, index) => index % 2).map(({ dst }) => dst);
    await third.ns.ipBatch([
      ...(await everySecond('route', 'show', 'proto', '115')).map((dst) => `route del ${dst}`),
      ...(await everySecond('neighbour', 'show', 'nud', 'permanent')).map(
        (dst) => `neighbour del ${dst} dev flannel.1`,
      ),
    ]);
    const daemon = third.startDaemon([EDGES_ONLY]);
    try {
      await converged(third, daemon, 503);
      assert.equal(await routes(), 502);
      await assertInSync(third);
      assert.equal(
        [...(await lab.leases()).values()].filter((value) => value.includes(`"${third.address}"`)).length,
        1,
      );
    } finally {
      await daemon.kill();
    }
  });
});
