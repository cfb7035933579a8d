/** Many hosts that start at once over a real etcd: each gets a block of its own as long as there are as many as hosts, and nothing is left over. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { overlaps } from '../../config/ipv4.ts';
import { openEtcdV3 } from '../../drivers/etcd/source.ts';
import { hostClock } from '../../drivers/host/clock.ts';
import { startEtcd } from '../helpers/etcd.ts';
import { createLab } from '../helpers/lab.ts';
import { LeaseHost } from '../helpers/lease-host.ts';
import { CONFIG_KEY, PREFIX } from '../helpers/store.ts';

/** So many blocks of 256 addresses from 10.5.10.0 on. */
const config = (blocks: number) => ({
  Network: '10.5.0.0/16',
  SubnetMin: '10.5.10.0',
  SubnetMax: `10.5.${9 + blocks}.0`,
  Backend: { Type: 'vxlan' },
});

function assertApart(subnets: readonly string[]): void {
  for (const [i, one] of subnets.entries())
    for (const other of subnets.slice(0, i)) assert.ok(!overlaps(one, other), `${one} and ${other}`);
}

/** Ids of all etcd leases there are, used or not. */
async function grants(etcd: { etcdctl(...args: string[]): Promise<string> }): Promise<number> {
  return (await etcd.etcdctl('lease', 'list')).split('\n').filter((line) => /^[0-9a-f]{8,}$/.test(line)).length;
}

describe('hosts that acquire at once', () => {
  it('50 of them on exactly 50 free blocks all get one, and leave no lease of etcd behind', async () => {
    const HOSTS = 50;
    const etcd = await startEtcd();
    const open = () => openEtcdV3({ endpoints: [etcd.endpoint], prefix: PREFIX });
    const stores = Array.from({ length: HOSTS + 1 }, open);
    try {
      await etcd.etcdctl('put', CONFIG_KEY, JSON.stringify(config(HOSTS)));
      const hosts = stores.map((store, index) => new LeaseHost({ store, time: hostClock }, index + 1));
      const last = hosts.pop()!;
      // All have seen that all is free before any of them takes its own.
      await Promise.all(hosts.map((host) => host.look()));
      const results = await Promise.all(hosts.map((host) => host.ensureFromMemory()));

      assert.deepEqual(new Set(results), new Set(['held']));
      const subnets = hosts.map(({ subnet }) => subnet);
      assertApart(subnets);
      const keys = (await etcd.etcdctl('get', '--prefix', `${PREFIX}/subnets/`, '--keys-only')).trim().split(/\n+/);
      assert.deepEqual(keys.sort(), subnets.map((subnet) => `${PREFIX}/subnets/${subnet.replace('/', '-')}`).sort());
      assert.equal(await grants(etcd), HOSTS);

      const revision = (await stores[0]!.snapshot()).revision;
      assert.equal(await last.ensure(), 'outOfSubnets');
      for (const host of hosts) assert.equal(await host.ensure(), 'held');
      assert.equal((await stores[0]!.snapshot()).revision, revision);
      assert.equal(await grants(etcd), HOSTS);
    } finally {
      await Promise.all(stores.map((store) => store.close()));
      await etcd.destroy();
    }
  });

  it('blocks of other lengths and the hosts among them never overlap', async () => {
    const etcd = await startEtcd();
    const stores = Array.from({ length: 12 }, () => openEtcdV3({ endpoints: [etcd.endpoint], prefix: PREFIX }));
    try {
      // Half of them still have the config of before, whose subnets are four times as long.
      const of = (SubnetLen: number) =>
        JSON.stringify({ Network: '10.5.0.0/20', SubnetLen, Backend: { Type: 'vxlan' } });
      const hosts = stores.map((store, index) => new LeaseHost({ store, time: hostClock }, index + 1));
      await etcd.etcdctl('put', CONFIG_KEY, of(22));
      await Promise.all(hosts.slice(0, 3).map((host) => host.look()));
      await etcd.etcdctl('put', CONFIG_KEY, of(24));
      await Promise.all(hosts.slice(3).map((host) => host.look()));
      const results = await Promise.all(hosts.map((host) => host.ensureFromMemory()));
      const subnets = hosts.filter((_, i) => results[i] === 'held').map(({ subnet }) => subnet);
      assertApart(subnets);
      const keys = (await etcd.etcdctl('get', '--prefix', `${PREFIX}/subnets/`, '--keys-only')).trim().split(/\n+/);
      assert.equal(keys.length, subnets.length);
      assert.equal(await grants(etcd), subnets.length);
    } finally {
      await Promise.all(stores.map((store) => store.close()));
      await etcd.destroy();
    }
  });

  it('five processes on five hosts with five blocks, who then reach each other', async () => {
    const lab = await createLab({ hosts: 5, config: config(5) });
    try {
      const runs = await Promise.all(lab.hosts.map((host) => host.report(['--once'])));
      for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
      const subnets = runs.map(({ report }) => report.network.subnet);
      assertApart(subnets);
      assert.equal((await lab.leases()).size, 5);
      assert.equal(await grants(lab.etcd), 5);

      // Who was first has not seen the last: a second run has.
      await Promise.all(lab.hosts.map((host) => host.report(['--once'])));
      await Promise.all(lab.hosts.map((host) => host.attachContainerNet()));
      const [first, ...others] = lab.hosts;
      for (const other of others) assert.ok(await first!.ping(other), other.name);
    } finally {
      await lab.destroy();
    }
  });
});
