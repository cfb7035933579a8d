/** The lab itself: what the other lab tests take for granted. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLab, DEFAULT_CONFIG } from '../../helpers/lab.ts';
import { fakePeer, leaseKey, leaseValue } from '../../helpers/leases.ts';

describe('the lab', () => {
  it('has hosts that reach each other and etcd, and leaves nothing behind', async () => {
    const lab = await createLab({ hosts: 2 });
    const { underlay, folder } = lab;
    const [a, b] = lab.hosts;
    try {
      assert.equal((await a!.ns.exec('ping', '-c1', '-W2', b!.address)).code, 0);
      const fromHost = await a!.ns.exec('etcdctl', `--endpoints=${lab.etcd.endpoint}`, 'endpoint', 'health');
      assert.equal(fromHost.code, 0, fromHost.stderr);
      assert.equal(await lab.get('/coreos.com/network/config'), JSON.stringify(DEFAULT_CONFIG));
    } finally {
      await lab.destroy();
    }
    for (const path of [underlay.path, a!.ns.path, b!.ns.path, folder]) assert.equal(existsSync(path), false, path);
  });

  it('dumps a host alike twice, and otherwise after any change', async () => {
    const lab = await createLab({ hosts: 1 });
    try {
      const host = lab.hosts[0]!;
      const before = await host.dump();
      assert.equal(await host.dump(), before);
      await host.ip(
        'neighbour',
        'add',
        '192.168.64.77',
        'lladdr',
        '02:00:00:00:00:01',
        'dev',
        'eth0',
        'nud',
        'permanent',
      );
      const after = await host.dump();
      assert.notEqual(after, before);
      await host.ip('neighbour', 'del', '192.168.64.77', 'dev', 'eth0');
      assert.equal(await host.dump(), before);
    } finally {
      await lab.destroy();
    }
  });

  it('puts many peers at once, as flannel writes them', async () => {
    const lab = await createLab({ hosts: 0 });
    try {
      const peers = Array.from({ length: 250 }, (_, index) => fakePeer(index));
      await lab.putPeers(peers);
      const leases = await lab.leases();
      assert.equal(leases.size, 250);
      for (const peer of peers) {
        assert.equal(leases.get(leaseKey('/coreos.com/network', peer.subnet)), leaseValue(peer));
      }
    } finally {
      await lab.destroy();
    }
  });

  it('counts the pings that were lost, and no others', async () => {
    const lab = await createLab({ hosts: 2 });
    try {
      const [a, b] = lab.hosts as [(typeof lab.hosts)[0], (typeof lab.hosts)[0]];
      writeFileSync(a.subnetFile, 'FLANNEL_SUBNET=10.5.1.1/24\n');
      writeFileSync(b.subnetFile, 'FLANNEL_SUBNET=10.5.2.1/24\n');
      await Promise.all([a.attachContainerNet(), b.attachContainerNet()]);
      await a.ip('route', 'add', '10.5.2.0/24', 'via', b.address);
      await b.ip('route', 'add', '10.5.1.0/24', 'via', a.address);
      const undisturbed = a.startPing(b);
      while (undisturbed.received < 20) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal((await undisturbed.stop()).lost, 0);

      const cut = a.startPing(b);
      while (cut.received < 5) await new Promise((resolve) => setTimeout(resolve, 10));
      await b.ip('route', 'del', '10.5.1.0/24');
      await new Promise((resolve) => setTimeout(resolve, 200));
      await b.ip('route', 'add', '10.5.1.0/24', 'via', a.address);
      const before = cut.received;
      while (cut.received < before + 5) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.ok((await cut.stop()).lost > 0);
    } finally {
      await lab.destroy();
    }
  });

  it('is gone after a signal to the process that made it', async () => {
    const program = `
      const { createLab } = await import(${JSON.stringify(new URL('../../helpers/lab.ts', import.meta.url).href)});
      const lab = await createLab({ hosts: 1 });
      process.stdout.write([lab.underlay.path, lab.hosts[0].ns.path, lab.folder, lab.etcd.dataDir].join(' ') + '\\n');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      cwd: fileURLToPath(new URL('../../..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const paths = String(await new Promise((resolve) => child.stdout.once('data', resolve)))
      .trim()
      .split(' ');
    assert.equal(paths.length, 4);
    for (const path of paths) assert.equal(existsSync(path), true, path);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    await ended;
    for (const path of paths) assert.equal(existsSync(path), false, path);
    const left = readdirSync(tmpdir()).filter((name) => name.startsWith(`selvage-lab-${child.pid}-`));
    assert.deepEqual(left, []);
  });
});
