/** What stands in the way of a host's devices is found and named before a lease tells all others that the host is reached there. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { afterEach, describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { type Lab, type LabHost, PREFIX } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { converged, EDGES_ONLY, repair } from '../helpers/scenario.ts';

describe('before there is a lease', () => {
  let lab: Lab;
  let host: LabHost;
  const listeners = new Set<ChildProcess>();
  labWith({ hosts: 1 }, async (made) => {
    lab = made;
    host = lab.hosts[0]!;
  });
  afterEach(async () => {
    for (const child of listeners) child.kill('SIGKILL');
    listeners.clear();
    for (const dev of ['cilium_vxlan', 'flannel.1', 'flannel0', 'other'])
      await host.ip('link', 'del', dev).catch(() => {});
    for (const path of [host.subnetFile, host.stateCache]) rmSync(path, { force: true });
    await lab.etcd.etcdctl('del', '--prefix', `${PREFIX}/subnets/`);
  });

  async function listen(type: 'udp4' | 'udp6', address: string, port: number): Promise<ChildProcess> {
    const script = `const s = require('dgram').createSocket('${type}'); s.bind(${port}, '${address}', () => console.log('up'));`;
    const child = host.ns.spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    listeners.add(child);
    await once(child.stdout!, 'data');
    return child;
  }

  async function assertNamed(words: RegExp): Promise<void> {
    const [revision, before] = [await lab.revision(), await host.dump()];
    for (const args of [['drift'], ['--once']]) {
      const { code, report } = await host.report(args);
      assert.equal(code, 1, JSON.stringify(report));
      assert.deepEqual([report.drift, report.outcomes], [[], []]);
      const detail = report.held.find(({ kind, unmet }) => kind === 'link' && unmet)?.detail;
      assert.match(detail ?? JSON.stringify(report.held), words);
    }
    assert.equal(await lab.revision(), revision, 'no lease was taken');
    assert.equal(await host.dump(), before);
  }

  it('a vxlan device of another sort on our port is named; without it a daemon goes on by itself', async () => {
    await host.ip('link', 'add', 'cilium_vxlan', 'up', 'type', 'vxlan', 'external', 'dstport', '8472');
    await assertNamed(/UDP port 8472 is in use by cilium_vxlan.*\(external\).*Backend\.Port/);
    const daemon = host.startDaemon([EDGES_ONLY]);
    try {
      await daemon.waitForLine(/UDP port 8472 is in use by cilium_vxlan/);
      assert.equal((await lab.leases()).size, 0);
      await host.ip('link', 'del', 'cilium_vxlan');
      await converged(host, daemon);
      assert.equal((await lab.leases()).size, 1);
    } finally {
      await daemon.kill();
    }
  });

  for (const [type, address] of [
    ['udp4', '0.0.0.0'],
    ['udp4', '192.168.64.2'],
    ['udp6', '::'],
  ] as const) {
    it(`a socket on our port (${address}) is named by its process, and a lease taken when it is gone`, async () => {
      const child = await listen(type, address, 8472);
      await assertNamed(
        new RegExp(`UDP port 8472 is taken by node \\(process ${child.pid}\\), so flannel\\.1 can't be made`),
      );
      child.kill('SIGKILL');
      await once(child, 'close');
      await repair(host);
    });
  }

  it('a daemon that waits for a port takes its lease when it is free, with no edge to tell', async () => {
    const child = await listen('udp4', '0.0.0.0', 8472);
    const daemon = host.startDaemon([EDGES_ONLY]);
    try {
      await daemon.waitForLine(/UDP port 8472 is taken by node/);
      child.kill('SIGKILL');
      await eventually(async () => (await lab.leases()).size === 1, { what: 'the lease' });
      await converged(host, daemon);
    } finally {
      await daemon.kill();
    }
  });

  it('the port of the udp backend, at its address only', async () => {
    await lab.putConfig({ Network: '10.5.0.0/16', Backend: { Type: 'udp' } });
    try {
      await listen('udp4', '127.0.0.1', 8285);
      const child = await listen('udp4', '192.168.64.2', 8285);
      await assertNamed(new RegExp(`UDP port 8285 is taken by node \\(process ${child.pid}\\), so flannel0`));
    } finally {
      await lab.putConfig({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } });
    }
  });

  it('a device with which the port can be shared, one that is down, and IPv6 only, are in nobody’s way', async () => {
    for (const form of [
      ['other', 'up', 'type', 'vxlan', 'id', '99', 'dstport', '8472', 'dev', 'eth0'],
      ['cilium_vxlan', 'type', 'vxlan', 'external', 'dstport', '8472'],
      ['other', 'up', 'type', 'vxlan', 'id', '1', 'dstport', '8472', 'local', 'fd00::1', 'gbp'],
    ]) {
      await host.ip('link', 'add', ...form);
      await repair(host);
      await host.ip('link', 'del', form[0]!);
      await host.ip('link', 'del', 'flannel.1');
    }
  });
});
