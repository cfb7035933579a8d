/** What becomes of a network when etcd is empty, away, behind or wiped: what stands keeps standing, and what was missed is followed after. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, DEFAULT_CONFIG, type Lab, type LabHost, PREFIX } from '../helpers/lab.ts';
import { fakePeer, leaseKey, leaseValue, putMany } from '../helpers/leases.ts';
import { assertInSync, converged, EDGES_ONLY, holds, repair } from '../helpers/scenario.ts';

const peers = Array.from({ length: 8 }, (_, index) => fakePeer(index, '10.5.200.0'));

/** Two hosts with a daemon each, in one network with the peers. */
class Scene {
  lab!: Lab;
  host!: LabHost;
  other!: LabHost;
  daemons: Daemon[] = [];

  async open(): Promise<void> {
    this.lab = await createLab({ hosts: 2, config: DEFAULT_CONFIG });
    [this.host, this.other] = this.lab.hosts as [LabHost, LabHost];
    await this.lab.putPeers(peers);
    this.daemons = this.lab.hosts.map((host) => host.startDaemon([EDGES_ONLY]));
    await this.converge(peers.length + 2);
    await Promise.all(this.lab.hosts.map((host) => host.attachContainerNet()));
  }

  async close(): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon.kill()));
    await this.lab?.destroy();
  }

  async converge(leases: number): Promise<void> {
    await Promise.all(this.lab.hosts.map((host, i) => converged(host, this.daemons[i]!, leases)));
  }

  hasRoute = async (host: LabHost, subnet: string): Promise<boolean> =>
    (await host.ip('route', 'show', subnet)).includes('flannel.1');

  /** Both ways, while `work` goes on; fails if a packet is lost. */
  async losingNothing(work: () => Promise<unknown>): Promise<void> {
    const pings = [this.host.startPing(this.other), this.other.startPing(this.host)];
    const flowing = async () => {
      const from = pings.map(({ received }) => received);
      const all = () => pings.every(({ received }, i) => received >= from[i]! + 10);
      await eventually(all, { what: 'pings both ways' });
    };
    await flowing();
    await work();
    await flowing();
    for (const ping of pings) assert.equal((await ping.stop()).lost, 0);
  }
}

describe('a daemon that is there before its config', () => {
  let lab: Lab;
  let daemon: Daemon | undefined;
  before(async () => {
    lab = await createLab({ hosts: 1, config: null });
  });
  afterEach(() => daemon?.kill());
  after(() => lab?.destroy());

  it('says once that it waits and how to put one, and goes on when it is put', async () => {
    const host = lab.hosts[0]!;
    daemon = host.startDaemon([EDGES_ONLY]);
    await daemon.waitForLine(/Waiting for a network config.*etcdctl put \/coreos.com\/network\/config/);
    await lab.putConfig('{"NetWork": 5}');
    await daemon.waitForLine(/Network/);
    await lab.putConfig('{"NetWork": "10.5.0.0/16", "subnetMAX": "10.5.99.0", "backend": {"type": "VXLAN"}}');
    await converged(host, daemon, 1);
    assert.equal(daemon.log().match(/Waiting for a network config/g)?.length, 1);
    await assertInSync(host);
  });

  it('keeps the last good config when that becomes unreadable or goes away', async () => {
    const host = lab.hosts[0]!;
    daemon = host.startDaemon([EDGES_ONLY]);
    await converged(host, daemon, 1);
    const good = await host.dump();
    for (const [breakIt, says] of [
      [() => lab.putConfig('{"Network":"10.5.0.0"}'), /Network/],
      [() => lab.delete(`${PREFIX}/config`), /was deleted/],
    ] as const) {
      const from = daemon.mark();
      await breakIt();
      await daemon.waitForLine(says, { from });
      await host.ip(
        'address',
        'del',
        (await host.ip('-br', 'address', 'show', 'flannel.1')).match(/10\S+/)![0],
        'dev',
        'flannel.1',
      );
      await eventually(async () => (await host.dump()) === good, { what: 'the repair towards the last good config' });
      await lab.putConfig(DEFAULT_CONFIG);
      await converged(host, daemon, 1);
    }
    await assertInSync(host);
  });
});

describe('a network whose etcd', () => {
  const scene = new Scene();
  beforeEach(() => scene.open());
  afterEach(() => scene.close());

  it('is away keeps what it has, repairs, deletes nothing, and follows afterwards', async () => {
    const { lab, host, other } = scene;
    const newcomer = fakePeer(20, '10.5.200.0');
    const [gone, hit] = peers as [(typeof peers)[0], (typeof peers)[0]];
    await scene.losingNothing(async () => {
      await lab.etcd.kill();
      await eventually(
        () => scene.daemons.every((daemon) => /ended|can't be reached|unavailable/i.test(daemon.log())),
        { what: 'the daemons to notice' },
      );
      await host.ip('route', 'del', hit.subnet);
      await eventually(() => scene.hasRoute(host, hit.subnet), { what: 'the route to be repaired' });
      await host.ip('route', 'add', '10.5.250.0/24', 'via', '10.5.250.0', 'dev', 'flannel.1', 'onlink');
      await host.ip('link', 'set', 'flannel.1', 'mtu', '1300');
      await eventually(async () => (await host.ip('link', 'show', 'flannel.1')).includes('mtu 1450'), {
        what: 'the MTU',
      });
      assert.ok(await scene.hasRoute(host, '10.5.250.0/24'), 'nothing is deleted without the store');
      await lab.etcd.start();
      await lab.deletePeer(gone);
      await lab.putPeer(newcomer);
      await scene.converge(peers.length + 2);
      for (const one of [host, other]) {
        await eventually(
          async () => (await scene.hasRoute(one, newcomer.subnet)) && !(await scene.hasRoute(one, gone.subnet)),
          { what: 'the changes' },
        );
      }
      await eventually(async () => !(await scene.hasRoute(host, '10.5.250.0/24')), { what: 'the stale route to go' });
    });
    await assertInSync(host);
    await assertInSync(other);
  });

  it('takes several leases in one transaction: all are in force, and gone, after one round', async () => {
    const three = [20, 21, 22].map((index) => fakePeer(index, '10.5.200.0'));
    const routes = three.map(({ subnet }) => `route 254|${subnet}|0|0`);
    const inOneRound = (op: 'create' | 'delete') =>
      eventually(
        async () => {
          const drift = (await scene.host.lastReport())?.drift ?? [];
          const about = drift.flatMap(({ op: its, kind, key }) => (its === op ? `${kind} ${key}` : []));
          return about.some((id) => routes.includes(id)) ? about : undefined;
        },
        { what: `a round that has to ${op} them`, interval: 20 },
      );
    await scene.lab.putPeers(three);
    const made = await inOneRound('create');
    assert.deepEqual(
      routes.filter((id) => !made.includes(id)),
      [],
      'all of one revision are in one round',
    );
    for (const { subnet } of three) assert.ok(await scene.hasRoute(scene.host, subnet), subnet);
    await putMany(
      scene.lab.underlay,
      scene.lab.etcd.endpoint,
      three.map(({ subnet }): [string, undefined] => [leaseKey(PREFIX, subnet), undefined]),
    );
    const gone = await inOneRound('delete');
    assert.deepEqual(
      routes.filter((id) => !gone.includes(id)),
      [],
    );
  });

  it('was compacted while the daemons could not hear it: they list again', async () => {
    const { lab, host, other } = scene;
    await lab.etcd.stop();
    await eventually(() => scene.daemons.every((daemon) => /ended|can't be reached|unavailable/i.test(daemon.log())), {
      what: 'the daemons to notice',
    });
    for (const daemon of scene.daemons) daemon.signal('SIGSTOP');
    await lab.etcd.start();
    for (const peer of peers.slice(0, 4)) await lab.deletePeer(peer);
    await lab.putPeer({ ...peers[4]!, mac: '02:00:00:00:44:44' });
    await lab.etcd.etcdctl('compact', String(await lab.revision()));
    for (const daemon of scene.daemons) daemon.signal('SIGCONT');
    await scene.converge(peers.length - 2);
    for (const one of [host, other]) {
      await eventually(async () => !(await scene.hasRoute(one, peers[0]!.subnet)), { what: 'the deleted peers to go' });
      assert.match(await one.ip('neighbour', 'show', 'dev', 'flannel.1'), /02:00:00:00:44:44/);
      await assertInSync(one);
    }
  });

  it('was wiped: leases linger, hosts put their own back on the same subnet, and no packet is lost', async () => {
    const { lab, host, other } = scene;
    const before = await lab.leases();
    const own = (address: string) => [...before].find(([, value]) => value.includes(`"${address}"`))!;
    await scene.losingNothing(async () => {
      await lab.etcd.kill();
      rmSync(join(lab.etcd.dataDir, 'member'), { recursive: true });
      await lab.etcd.start();
      // The config is as lost as the leases; the last good one is in force.
      await eventually(async () => (await lab.leases()).size === 2, { what: 'both leases to be back' });
      for (const { address } of lab.hosts) {
        const [key, value] = own(address);
        assert.equal((await lab.leases()).get(key), value);
      }
      for (const one of [host, other])
        for (const { subnet } of peers) assert.ok(await scene.hasRoute(one, subnet), subnet);
      const report = await eventually(
        async () => {
          const last = await host.lastReport();
          return last?.held.some(({ why }) => why === 'store doubted') ? last : undefined;
        },
        { what: 'the report to doubt the store' },
      );
      assert.ok(holds(report).includes(`store ${PREFIX}: store doubted`));
      await lab.putConfig(DEFAULT_CONFIG);
      await lab.putPeers(peers);
      await scene.converge(peers.length + 2);
      await eventually(async () => !holds((await host.lastReport())!).length, { what: 'the doubt to end' });
    });
    await assertInSync(host);
    await assertInSync(other);
  });

  it('has what nobody can read: that is held with what it has on the hosts, and disturbs nobody else', async () => {
    const { lab, host, other } = scene;
    const [spoilt, moved] = [peers[0]!, peers[1]!];
    const bad: [key: string, value: string, why: string][] = [
      [leaseKey(PREFIX, spoilt.subnet), 'not json', 'malformed lease'],
      [leaseKey(PREFIX, '10.5.210.0/24'), '{"PublicIP":"nowhere"}', 'malformed lease'],
      [
        leaseKey(PREFIX, '10.5.211.0/24'),
        `{"PublicIP":"172.20.9.9","BackendType":"vxlan","BackendData":{"VtepMAC":"x"}}`,
        'malformed lease',
      ],
      [`${PREFIX}/subnets/10.5.212.7-24`, leaseValue(fakePeer(30)), 'malformed key'],
      [`${PREFIX}/subnets/whatever`, '', 'malformed key'],
      [leaseKey(PREFIX, '10.99.0.0/24'), leaseValue(fakePeer(31)), ''],
    ];
    await scene.losingNothing(async () => {
      for (const [key, value] of bad) await lab.put(key, value);
      await lab.putPeer({ ...moved, publicIP: '172.20.77.77' });
      for (const one of [host, other]) {
        await eventually(
          async () => (await one.ns.exec('bridge', 'fdb', 'show', 'dev', 'flannel.1')).stdout.includes('172.20.77.77'),
          { what: 'the good one' },
        );
        for (const { subnet } of peers) assert.ok(await scene.hasRoute(one, subnet), subnet);
        const { code, report } = await one.report(['drift']);
        assert.deepEqual([code, report.drift], [0, []]);
        for (const [key, , why] of bad) {
          if (why)
            assert.ok(
              report.held.some(
                (entry) => entry.why === why && (key.includes(entry.key) || key.includes(entry.key.replace('/', '-'))),
              ),
              `${key} in ${holds(report)}`,
            );
        }
      }
      // A restart knows the good ones, and keeps what it has for the bad ones.
      const once = await host.report(['--once']);
      assert.deepEqual(once.report.outcomes, []);
      assert.ok(await scene.hasRoute(host, spoilt.subnet));
      for (const [key] of bad) await lab.delete(key);
      await lab.putPeers(peers);
      await scene.converge(peers.length + 2);
    });
    await assertInSync(host);
    await assertInSync(other);
  });

  it('says of a peer that it is gone and there again, moved, and with another MAC: both hosts come to the same', async () => {
    const { lab, host, other } = scene;
    const [first, second] = peers as [(typeof peers)[0], (typeof peers)[0]];
    await Promise.all([
      lab.putPeers(peers.map((peer) => ({ ...peer, mac: peer.mac.replace('02:5e', '02:6e') }))),
      lab.deletePeer(first),
      lab.putPeer({ ...second, publicIP: '172.20.88.88' }),
    ]);
    await lab.putPeer(first);
    await lab.putPeers(peers.slice(1).map((peer) => ({ ...peer, mac: peer.mac.replace('02:5e', '02:7e') })));
    await scene.converge(peers.length + 2);
    const entries = async (one: LabHost) => {
      const of = (lines: string) =>
        lines
          .split('\n')
          .filter((line) => /02:[5-7]e/.test(line))
          .map((line) => line.trim())
          .sort();
      return [
        ...of(await one.ip('neighbour', 'show', 'dev', 'flannel.1')),
        ...of((await one.ns.exec('bridge', 'fdb', 'show', 'dev', 'flannel.1')).stdout),
      ];
    };
    await eventually(async () => assert.deepEqual(await entries(host), await entries(other)) === undefined, {
      what: 'the same on both',
    });
    assert.equal((await entries(host)).length, peers.length * 2);
    await assertInSync(host);
    await assertInSync(other);
    await repair(host);
  });
});
