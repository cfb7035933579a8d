/** A network from a file, without any etcd. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { createLab, DEFAULT_CONFIG, type Lab, type LabHost } from '../../helpers/lab.ts';
import { peerAt } from '../../helpers/peers.ts';

describe('--state-file', () => {
  let lab: Lab;
  let a: LabHost;
  let b: LabHost;
  let file: string;
  let document: { version: 1; config: object; leases: Record<string, object> };

  const write = (content: string) => {
    writeFileSync(`${file}.new`, content);
    renameSync(`${file}.new`, file);
  };

  before(async () => {
    lab = await createLab({ hosts: 2 });
    [a, b] = lab.hosts as [LabHost, LabHost];
    file = join(lab.folder, 'network.json');
    for (const host of [a, b]) assert.equal((await host.selvage(['--once'])).code, 0);
  });
  after(() => lab.destroy());

  it('is written by selvage leases, and says what etcd says', async () => {
    const { code, stdout } = await a.selvage(['leases', '--format=state-file']);
    assert.equal(code, 0);
    write(stdout);
    document = JSON.parse(stdout);
    assert.deepEqual(document.config, DEFAULT_CONFIG);
    assert.equal(Object.keys(document.leases).length, 2);
    await lab.etcd.kill();
    const { stdout: again } = await a.selvage(['leases', '--format=state-file', `--state-file=${file}`]);
    assert.equal(again, stdout);
  });

  it('brings a host up that has lost everything, and finds it in sync then', async () => {
    await a.ip('link', 'delete', 'flannel.1');
    const repaired = await a.report(['--once', `--state-file=${file}`]);
    assert.equal(repaired.code, 0, repaired.stderr);
    assert.deepEqual([repaired.report.source.kind, repaired.report.converged], ['file', true]);
    const { code, report } = await a.report(['drift', `--state-file=${file}`]);
    assert.deepEqual([code, report.drift], [0, []]);
    await Promise.all([a.attachContainerNet(), b.attachContainerNet()]);
    assert.equal(await a.ping(b), true);
  });

  it('is followed: a lease comes, goes, and a file that cannot be used changes nothing', async () => {
    const daemon = a.startDaemon([`--state-file=${file}`]);
    await eventually(async () => (await a.lastReport())?.converged, { what: 'a to converge' });
    const peer = peerAt(0);
    const BackendData = { VNI: 1, VtepMAC: peer.mac };
    const value = { PublicIP: peer.publicIP, PublicIPv6: null, BackendType: 'vxlan', BackendData };
    const hasPeer = async () => (await a.ip('route')).includes('10.5.200.0/24');

    write(JSON.stringify({ ...document, leases: { ...document.leases, '10.5.200.0/24': value } }));
    await eventually(hasPeer, { what: 'the peer of the file' });
    write('{"version": 1, "leases": ');
    await daemon.waitForLine(/state-file .*can't be used: it is no JSON/);
    assert.equal(await hasPeer(), true);
    write(JSON.stringify(document));
    await eventually(async () => !(await hasPeer()), { what: 'the peer to go' });
    assert.equal(await a.ping(b), true);
    assert.equal(await daemon.stop(), 0);
  });

  it('without a lease for this host says what to add', async () => {
    write(JSON.stringify({ ...document, leases: {} }));
    const { code, report } = await b.report(['--once', `--state-file=${file}`]);
    assert.equal(code, 1);
    const held = report.held.find(({ kind }) => kind === 'lease');
    assert.match(held?.detail ?? '', /network\.json names this host's public IP 192\.168\.64\.3; add one/);
  });

  it('that is missing, or not one, is an error with a sentence', async () => {
    const missing = await b.selvage(['--once', `--state-file=${file}.none`]);
    assert.equal(missing.code, 69);
    assert.match(missing.stderr, /--state-file .* can't be read \(there is no such file/);
    write(JSON.stringify({ version: 1, lease: {} }));
    const wrong = await b.selvage(['drift', `--state-file=${file}`]);
    assert.equal(wrong.code, 78);
    assert.match(wrong.stderr, /can't be used: Unrecognized key: "lease"/);
  });
});
