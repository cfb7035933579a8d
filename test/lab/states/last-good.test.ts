/** A host that comes up while etcd can't be reached, from its last good copy. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { createLab, DEFAULT_CONFIG, type Lab, type LabHost } from '../../helpers/lab.ts';
import { peerAt } from '../../helpers/peers.ts';

const peer = peerAt(0);

describe('without etcd', () => {
  let lab: Lab;
  let a: LabHost;
  let b: LabHost;

  before(async () => {
    lab = await createLab({ hosts: 2 });
    [a, b] = lab.hosts as [LabHost, LabHost];
    await lab.putPeer(peer);
    for (const host of [a, b, a]) assert.equal((await host.selvage(['--once'])).code, 0);
    await Promise.all([a.attachContainerNet(), b.attachContainerNet()]);
    await lab.etcd.kill();
  });
  after(() => lab.destroy());

  /** As a reboot leaves it. */
  async function forget(host: LabHost): Promise<void> {
    await host.ip('link', 'delete', 'flannel.1');
  }

  it('a repair run brings the network up from the copy and exits with 69', async () => {
    await forget(a);
    const { code, report } = await a.report(['--once']);
    assert.equal(code, 69);
    assert.equal(report.source.kind, 'cache');
    assert.equal(report.source.complete, false);
    assert.equal(report.source.leases, 3);
    assert.equal(report.source.error?.kind, 'unavailable');
    assert.ok(Number(report.source.revision) > 1);
    assert.ok(report.source.ageSeconds! >= 0 && report.source.ageSeconds! < 600);
    assert.equal(report.summary.failed, 0);
    assert.ok(report.summary.create > 3);
    const held = report.held.find(({ kind }) => kind === 'store');
    assert.match(held?.detail ?? '', /last good copy, .* old \(etcd-v3 revision \d+\).*refused the connection/);
    assert.equal(await a.ping(b), true);
  });

  it('and deletes nothing', async () => {
    await a.ip('route', 'add', '10.5.150.0/24', 'via', '10.5.150.0', 'dev', 'flannel.1', 'onlink');
    const { report } = await a.report(['--once']);
    assert.equal(report.summary.delete, 0);
    assert.match(await a.ip('route', 'show', 'dev', 'flannel.1'), /10\.5\.150\.0\/24/);
  });

  it('a drift report says what it would do, and writes nothing', async () => {
    await forget(b);
    const [before, copy] = [await b.dump(), readFileSync(b.stateCache, 'utf8')];
    const { code, report } = await b.report(['drift']);
    assert.deepEqual([code, report.source.kind], [69, 'cache']);
    assert.ok(report.summary.create > 3);
    assert.equal(await b.dump(), before);
    assert.equal(readFileSync(b.stateCache, 'utf8'), copy);
  });

  it('a damaged copy is ignored with a sentence', async () => {
    const copy = readFileSync(b.stateCache, 'utf8');
    writeFileSync(b.stateCache, copy.replace('10.5.200.0-24', '10.5.201.0-24'));
    const { code, stderr } = await b.selvage(['--once']);
    assert.equal(code, 69);
    assert.match(stderr, /host2-desired\.json is damaged: its checksum/);
    assert.equal(existsSync(`/sys/class/net/flannel.1`), false);
    writeFileSync(b.stateCache, copy);
  });

  it('--state-cache none: there is nothing to come up from', async () => {
    const { code, stdout } = await b.selvage(['--once', '--state-cache=none']);
    assert.deepEqual([code, stdout], [69, '']);
  });

  it('another network’s copy is neither used nor overwritten', async () => {
    const { code, stderr } = await b.selvage(['--once', '--etcd-prefix=/other']);
    assert.equal(code, 69);
    assert.match(stderr, /is of the network at \/coreos\.com\/network, not of \/other/);
  });

  it('a daemon comes up from the copy, and follows etcd as soon as it is back', async () => {
    const daemon = b.startDaemon();
    await eventually(async () => (await b.lastReport())?.source.kind === 'cache', { what: 'a round from the copy' });
    assert.equal(await b.ping(a), true);
    assert.equal((await b.lastReport())?.converged, false);
    const ping = b.startPing(a);
    await lab.etcd.start();
    await lab.deletePeer(peer);
    const done = async () => {
      const report = await b.lastReport();
      return report?.source.kind === 'etcd-v3' && report.converged && report.source.leases === 2;
    };
    await eventually(done, { what: 'a round from etcd', timeout: 30_000 });
    await eventually(async () => !(await b.ip('route')).includes('10.5.200.0/24'), { what: 'the peer to go' });
    assert.equal((await ping.stop()).lost, 0);
    assert.equal(await daemon.stop(), 0);
    // What it kept at its end is what it knew at its end.
    assert.doesNotMatch(readFileSync(b.stateCache, 'utf8'), /10\.5\.200\.0-24/);
  });

  it('a store that was wiped while nobody ran is doubted: the leases of the copy stay in force', async () => {
    const peers = await a.ip('route', 'show', 'dev', 'flannel.1');
    await lab.etcd.destroy();
    await lab.replaceEtcd();
    await lab.putConfig(DEFAULT_CONFIG);
    const { code, report } = await b.report(['--once']);
    assert.equal(code, 0, JSON.stringify(report.held));
    assert.match(
      report.held.find(({ why }) => why === 'store doubted')?.detail ?? '',
      /may have been wiped or rebuilt/,
    );
    assert.equal(await b.ping(a), true);
    assert.match(peers, /onlink/);
    assert.equal(report.network.subnet, `${b.containerAddress.replace(/\.1$/, '.0')}/24`);
  });
});
