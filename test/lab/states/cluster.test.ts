/** Two hosts on a cluster of three etcds that is treated as clusters are: whatever becomes of it, what stands keeps standing. */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../../helpers/daemon.ts';
import type { Etcd } from '../../helpers/etcd.ts';
import { eventually } from '../../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../../helpers/lab.ts';
import { type Peer, peerAt } from '../../helpers/peers.ts';

let numbers = 0;

class Scene {
  lab!: Lab;
  hosts!: [LabHost, LabHost];
  daemons: Daemon[] = [];

  async open(members: number, args: string[] = []): Promise<void> {
    this.lab = await createLab({ hosts: 2, members });
    this.hosts = this.lab.hosts as [LabHost, LabHost];
    this.daemons = this.hosts.map((host) => host.startDaemon(args));
    await this.inSync(2);
    await Promise.all(this.hosts.map((host) => host.attachContainerNet()));
  }

  async close(): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon.kill()));
    await this.lab?.destroy();
  }

  async inSync(leases: number): Promise<void> {
    for (const host of this.hosts) {
      await eventually(
        async () => {
          const report = await host.lastReport();
          return report?.converged && report.source.leases === leases;
        },
        { what: `${host.name} to be in sync with ${leases} leases`, timeout: 60_000 },
      );
    }
  }

  hasRoute = async (host: LabHost, peer: Peer) => (await host.ip('route')).includes(peer.subnet);

  /** Puts once, when there is a leader to take it: a write that went to one that fell silent is done when that one wakes, whatever came after. */
  async put(peer: Peer): Promise<void> {
    await eventually(() => this.lab.etcd.etcdctl('endpoint', 'health').then(() => true), {
      what: 'the cluster to have a leader',
      timeout: 60_000,
    });
    await this.lab.putPeer(peer);
  }

  /** A lease that is put now, through the first member, comes to both hosts, and goes again. */
  async follows(): Promise<void> {
    const peer = peerAt(numbers++);
    await this.put(peer);
    for (const there of [true, false]) {
      if (!there) await this.lab.deletePeer(peer);
      for (const host of this.hosts) {
        const what = `${peer.subnet} on ${host.name}: ${there}`;
        await eventually(async () => (await this.hasRoute(host, peer)) === there, { what, timeout: 60_000 });
      }
    }
  }

  async losingNothing(work: () => Promise<unknown>): Promise<void> {
    const [a, b] = this.hosts;
    const ping = a.startPing(b);
    const flows = async () => {
      const from = ping.received;
      await eventually(() => ping.received >= from + 10, { what: 'pings' });
    };
    await flows();
    await work();
    await flows();
    assert.equal((await ping.stop()).lost, 0);
  }
}

async function leaderOf(members: readonly Etcd[]): Promise<Etcd> {
  for (const member of members) {
    const [{ Status }] = JSON.parse(await member.etcdctl('endpoint', 'status', '--write-out=json'));
    if (Status.leader === Status.header.member_id) return member;
  }
  throw new Error('the cluster has no leader');
}

/** In an order that stays, unlike that of the lab, which asks the first. */
const byPort = (members: readonly Etcd[]): Etcd[] => [...members].sort((a, b) => a.clientPort - b.clientPort);

describe('a cluster of three', () => {
  const scene = new Scene();
  before(() => scene.open(3));
  after(() => scene.close());

  it('loses its leader', () =>
    scene.losingNothing(async () => {
      const leader = await leaderOf(scene.lab.members);
      await leader.kill();
      // etcdctl asks the first one.
      const { members } = scene.lab;
      scene.lab.members = [...members.filter((one) => one !== leader), leader];
      await scene.follows();
      await leader.start();
      await scene.follows();
    }));

  // Each in turn, so that the leader and whichever a host listens to are among them.
  for (const index of [0, 1, 2]) {
    it(`has a member that falls silent, takes connections all the same, and wakes again (${index + 1} of 3)`, () =>
      scene.losingNothing(async () => {
        const { lab } = scene;
        const mute = byPort(lab.members)[index]!;
        const others = lab.members.filter((one) => one !== mute);
        process.kill(mute.pid!, 'SIGSTOP');
        try {
          lab.members = [...others, mute];
          await scene.follows();
        } finally {
          process.kill(mute.pid!, 'SIGCONT');
        }
        lab.members = [mute, ...others];
        await scene.follows();
        await scene.inSync(2);
      }));
  }

  it('is stopped as a whole and started again; meanwhile what is broken on a host is repaired', () =>
    scene.losingNothing(async () => {
      const { members } = scene.lab;
      await Promise.all(members.map((member) => member.stop()));
      const [a] = scene.hosts;
      const address = `${a.containerAddress.replace(/\.1$/, '.0')}/32`;
      await a.ip('address', 'del', address, 'dev', 'flannel.1');
      const isBack = async () => (await a.ip('address', 'show', 'dev', 'flannel.1')).includes(address);
      await eventually(isBack, { what: 'the address to be back' });
      await Promise.all(members.map((member) => member.start()));
      await scene.follows();
      await scene.inSync(2);
    }));

  it('is restored from an older backup: leases seen alive since stay, hosts put their own back', () =>
    scene.losingNothing(async () => {
      const { members, folder } = scene.lab;
      const copyOf = (member: Etcd) => join(folder, `backup-${member.clientPort}`);
      const late = peerAt(numbers++);
      await Promise.all(members.map((member) => member.stop()));
      for (const member of members) cpSync(member.dataDir, copyOf(member), { recursive: true });
      await Promise.all(members.map((member) => member.start()));
      await scene.put(late);
      await scene.inSync(3);
      const revision = await scene.lab.revision();

      await Promise.all(members.map((member) => member.kill()));
      for (const member of members) {
        rmSync(member.dataDir, { recursive: true });
        cpSync(copyOf(member), member.dataDir, { recursive: true });
      }
      await Promise.all(members.map((member) => member.start()));
      assert.ok((await scene.lab.revision()) < revision);
      for (const host of scene.hosts) {
        await eventually(async () => (await host.lastReport())?.held.some(({ why }) => why === 'store doubted'), {
          what: `${host.name} to doubt the store`,
          timeout: 60_000,
        });
        assert.equal(await scene.hasRoute(host, late), true, 'the lease that the backup lacks stays in force');
      }
      await scene.follows();
    }));
});

describe('an etcd that cannot be reached for longer than a lease lives', () => {
  const scene = new Scene();
  before(() => scene.open(1, ['--subnet-lease-ttl=6s']));
  after(() => scene.close());

  it('has let the leases go; the hosts take them again, on the same subnets', async () => {
    const { lab, hosts } = scene;
    const subnets = hosts.map(({ containerAddress }) => containerAddress);
    const [etcdAddress] = /\d+\.\d+\.\d+\.\d+/.exec(lab.etcd.endpoint)!;
    const count = async () => {
      const { stdout } = await lab.underlay.exec(
        'etcdctl',
        `--endpoints=${lab.etcd.endpoint}`,
        'get',
        '--prefix',
        '--keys-only',
        '/coreos.com/network/subnets/',
      );
      return stdout.split('\n').filter((line) => line !== '').length;
    };
    assert.equal(await count(), 2);
    const cut = async (how: 'add' | 'del') => {
      for (const host of hosts) {
        await host.ip('route', how, 'blackhole', `${etcdAddress}/32`);
        await lab.underlay.ip('route', how, 'blackhole', `${host.address}/32`);
      }
    };
    await cut('add');
    await eventually(async () => (await count()) === 0, { what: 'the leases to expire', timeout: 60_000 });
    assert.equal(await hosts[0].ping(hosts[1]), true, 'what stands keeps standing');
    await cut('del');
    await eventually(async () => (await count()) === 2, { what: 'both leases to be back', timeout: 60_000 });
    await scene.inSync(2);
    assert.deepEqual(
      hosts.map(({ containerAddress }) => containerAddress),
      subnets,
    );
    await eventually(() => hosts[0].ping(hosts[1]), { what: 'the hosts to reach each other' });
  });
});
