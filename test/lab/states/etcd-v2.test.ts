/** A network kept with etcd's v2 API, as flannel up to 0.17 keeps it, and the choice between the two APIs. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Daemon } from '../../helpers/daemon.ts';
import { eventually } from '../../helpers/eventually.ts';
import { createLab, DEFAULT_CONFIG, type Lab, type LabHost, PREFIX } from '../../helpers/lab.ts';
import { V2Writer } from '../../helpers/v2-writer.ts';

const CONFIG = JSON.stringify(DEFAULT_CONFIG);
/** As flanneld 0.11 writes its lease. */
const OLD_PEER = {
  key: `${PREFIX}/subnets/10.5.200.0-24`,
  value: '{"PublicIP":"192.168.64.200","BackendType":"vxlan","BackendData":{"VtepMAC":"82:4b:b6:2f:54:4e"}}',
};
const DAY = 86_400;

describe('etcd v2', () => {
  let lab: Lab;
  let v2: V2Writer;
  let a: LabHost;
  let b: LabHost;

  before(async () => {
    lab = await createLab({ hosts: 2, config: null, etcdArgs: ['--enable-v2'] });
    v2 = new V2Writer(lab);
    [a, b] = lab.hosts as [LabHost, LabHost];
  });
  const daemons: Daemon[] = [];
  const start = (host: LabHost, args?: string[]): Daemon => {
    const daemon = host.startDaemon(args);
    daemons.push(daemon);
    return daemon;
  };
  afterEach(() => Promise.all(daemons.splice(0).map((daemon) => daemon.kill())));
  after(() => lab.destroy());

  it('without a config in either API says where it looked', async () => {
    const { code, stderr } = await a.selvage(['--once']);
    assert.equal(code, 78, stderr);
    assert.match(stderr, /neither with the v3 API nor with the v2 API/);
    const only2 = await a.selvage(['--once', '--etcd-api=v2']);
    assert.match(only2.stderr, /ETCDCTL_API=2 etcdctl set \/coreos\.com\/network\/config/);
  });

  it('a daemon that waits on both takes the one that gets a config', async () => {
    const daemon = start(a);
    await daemon.waitForLine(/Waiting for a network config .*neither with the v3 API nor with the v2 API/);
    await v2.set(`${PREFIX}/config`, CONFIG);
    await daemon.waitForLine(/Lease of 10\.5\.\d+\.0\/24 acquired/);
    await eventually(async () => (await a.lastReport())?.converged, { what: 'the first round' });
    assert.equal((await a.lastReport())?.source.kind, 'etcd-v2');
    assert.equal(await daemon.stop(), 0);
  });

  it('writes keys and values as flannel 0.11 does, with a TTL of a day', async () => {
    const [lease, ...more] = await v2.leases();
    assert.equal(more.length, 0);
    assert.match(lease!.key, /^\/coreos\.com\/network\/subnets\/10\.5\.\d+\.0-24$/);
    assert.match(
      lease!.value!,
      /^\{"PublicIP":"192\.168\.64\.2","BackendType":"vxlan","BackendData":\{"VtepMAC":"[0-9a-f:]{17}"\}\}$/,
    );
    assert.ok(lease!.ttl! > DAY - 600 && lease!.ttl! <= DAY);
    assert.equal((await lab.leases()).size, 0, 'nothing in v3');
  });

  it('is one network with hosts of 0.11: their leases come and go in the kernel', async () => {
    const daemon = start(a, ['--etcd-api=v2']);
    assert.equal((await b.selvage(['--once', '--etcd-api=v2'])).code, 0);
    await eventually(async () => (await a.lastReport())?.converged, { what: 'a to converge' });
    await Promise.all([a.attachContainerNet(), b.attachContainerNet()]);
    await eventually(() => a.ping(b), { what: 'a to reach b' });

    // v2 has no transactions: these come as close to one as its watch can see.
    const burst = [210, 211, 212].map((third) => ({
      subnet: `10.5.${third}.0`,
      value: OLD_PEER.value.replace('.200"', `.${third}"`).replace('4e"', `${third - 200}"`),
    }));
    await Promise.all(burst.map(({ subnet, value }) => v2.set(`${PREFIX}/subnets/${subnet}-24`, value, DAY)));
    await eventually(
      async () => {
        const routes = await a.ip('route');
        return burst.every(({ subnet }) => routes.includes(`${subnet}/24`));
      },
      { what: 'the three peers that came at once' },
    );
    await Promise.all(burst.map(({ subnet }) => v2.delete(`${PREFIX}/subnets/${subnet}-24`)));

    await v2.set(OLD_PEER.key, OLD_PEER.value, DAY);
    await eventually(async () => (await a.ip('neighbour', 'show', 'dev', 'flannel.1')).includes('82:4b:b6:2f:54:4e'), {
      what: 'the peer of 0.11',
    });
    // Renewed by an unconditional set; then its host is gone and the lease expires.
    await v2.set(OLD_PEER.key, OLD_PEER.value, 1);
    await eventually(async () => !(await a.ip('route')).includes('10.5.200.0/24'), { what: 'the peer to expire' });
    assert.equal(await a.ping(b), true);
    assert.equal(await daemon.stop(), 0);
  });

  it('a restart writes nothing, and a rewritten or deleted lease is put right', async () => {
    const before = await v2.index();
    const daemon = start(a, ['--etcd-api=v2']);
    await eventually(async () => (await a.lastReport())?.converged, { what: 'a to converge' });
    assert.equal(await v2.index(), before, daemon.log());
    const own = `${PREFIX}/subnets/${a.containerAddress.replace(/\.1$/, '.0-24')}`;
    await v2.delete(own);
    await eventually(async () => (await v2.leases()).some(({ key }) => key === own), { what: 'the lease to be back' });
    assert.equal(await daemon.stop(), 0);
  });

  it('a config in both APIs: v3 is used, and leases and drift say what differs', async () => {
    await lab.putConfig('{"Network":"10.6.0.0/16","Backend":{"Type":"vxlan"}}');
    const drift = await a.report(['drift']);
    assert.equal(drift.report.source.kind, 'etcd-v3');
    const held = drift.report.held.find(({ why }) => why === 'config in both APIs');
    assert.match(held?.detail ?? '', /v3's is used \(0 leases\), v2's \(2 leases\).*the configs; only v2 has 10\.5\./);
    const { stdout } = await a.selvage(['leases', '--format=json']);
    const leases = JSON.parse(stdout) as { source: { kind: string }; held: { why: string }[] };
    assert.equal(leases.source.kind, 'etcd-v3');
    assert.ok(leases.held.some(({ why }) => why === 'config in both APIs'));
    const only2 = await a.report(['drift', '--etcd-api=v2']);
    assert.deepEqual([only2.report.source.kind, only2.code], ['etcd-v2', 0]);
    await lab.delete(`${PREFIX}/config`);
  });

  it('a daemon on v2 goes over to v3 when the config is put there, and no packet is lost', async () => {
    const [first, second] = [start(a), start(b)];
    for (const host of [a, b]) {
      await eventually(async () => (await host.lastReport())?.source.kind === 'etcd-v2', { what: 'v2' });
    }
    await eventually(() => a.ping(b), { what: 'a to reach b' });
    const ping = a.startPing(b);
    await eventually(() => ping.received > 5, { what: 'pings' });
    await lab.putConfig(CONFIG);
    await eventually(async () => (await lab.leases()).size === 2, { what: 'both leases in v3' });
    for (const host of [a, b]) {
      await eventually(
        async () => {
          const report = await host.lastReport();
          return report?.source.kind === 'etcd-v3' && report.converged && report.source.leases === 2;
        },
        { what: 'v3' },
      );
    }
    const { lost, received } = await ping.stop();
    assert.ok(received > 5);
    assert.equal(lost, 0);
    assert.deepEqual([...(await lab.leases()).keys()], (await v2.leases()).map(({ key }) => key).sort());
    assert.deepEqual([await first.stop(), await second.stop()], [0, 0]);
  });
});

describe('etcd without --enable-v2', () => {
  it('says so to who asks for v2, and serves v3 as ever', async () => {
    const lab = await createLab({ hosts: 1 });
    try {
      const host = lab.hosts[0]!;
      const { code, stderr } = await host.selvage(['--once', '--etcd-api=v2']);
      assert.equal(code, 69);
      assert.match(stderr, /has no v2 API: start it with --enable-v2 .*--etcd-api v3/);
      const { report } = await host.report(['--once']);
      assert.deepEqual([report.converged, report.source.kind], [true, 'etcd-v3']);
      assert.equal(
        report.held.some(({ kind }) => kind === 'store'),
        false,
      );
    } finally {
      await lab.destroy();
    }
  });
});
