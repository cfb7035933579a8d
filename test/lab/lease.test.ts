/** The life of a host's own lease over a real etcd: kept alive, lost and taken again, somebody else's, permanent, waited for, adopted. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Lab, type LabHost, PREFIX } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { leaseKey, leaseValue } from '../helpers/leases.ts';
import { assertInSync, converged, daemonOn, EDGES_ONLY, holds, repair } from '../helpers/scenario.ts';

const CONFIG = { Network: '10.5.0.0/16', SubnetMin: '10.5.10.0', SubnetMax: '10.5.13.0', Backend: { Type: 'vxlan' } };
const BLOCKS = ['10.5.10.0/24', '10.5.11.0/24', '10.5.12.0/24', '10.5.13.0/24'];
const SHORT = '--subnet-lease-ttl=2s';

interface Record {
  value: string;
  create_revision: number;
  mod_revision: number;
  /** 0: permanent. */
  lease: bigint;
}

describe('the own lease', () => {
  let lab: Lab;
  let host: LabHost;
  let daemon: Daemon | undefined;

  labWith({ hosts: 1, config: CONFIG }, async (made) => {
    lab = made;
    host = lab.hosts[0]!;
  });
  afterEach(async () => {
    await daemon?.kill();
    daemon = undefined;
    await lab.etcd.etcdctl('del', '--prefix', `${PREFIX}/subnets/`);
    await lab.putConfig(CONFIG);
  });

  async function recordOf(subnet: string): Promise<Record | undefined> {
    const text = await lab.etcd.etcdctl('get', leaseKey(PREFIX, subnet), '--write-out=json');
    const [kv] = JSON.parse(text).kvs ?? [];
    // As text: the id has more digits than a number.
    const id = /"lease":(\d+)/.exec(text)?.[1] ?? '0';
    return kv && { ...kv, value: Buffer.from(kv.value, 'base64').toString(), lease: BigInt(id) };
  }

  const mine = async (): Promise<string[]> => {
    const named = [...(await lab.leases())].filter(([, value]) => value.includes(`"${host.address}"`));
    return named.map(([key]) => key.slice(PREFIX.length + '/subnets/'.length).replace('-', '/'));
  };
  const subnetOf = ({ network }: { network: { subnet: string } }) => network.subnet;
  const putOthers = async (subnet: string, index = 9) => {
    const value = leaseValue({ subnet, publicIP: `172.20.0.${index}`, mac: `02:00:00:00:00:0${index}` });
    await lab.put(leaseKey(PREFIX, subnet), value);
  };

  it('lives on past its term, renewed without a write', async () => {
    daemon = await daemonOn(host, [SHORT]);
    const [subnet] = await mine();
    const [before, revision] = [await recordOf(subnet!), await lab.revision()];
    assert.notEqual(before!.lease, 0n);
    await sleep(5000);
    assert.deepEqual(await recordOf(subnet!), before);
    assert.equal(await lab.revision(), revision);
    assert.match(daemon.log(), /renewed/);
  });

  it('of which somebody else makes his own is his without a change that fails: the former address goes before the way to him', async () => {
    daemon = await daemonOn(host);
    const [subnet] = await mine();
    const from = daemon.mark();
    await putOthers(subnet!);
    await eventually(async () => (await host.ip('route', 'show', subnet!)).includes('via'), { what: 'a route to him' });
    await converged(host, daemon, 2);
    const log = daemon.log().slice(from);
    assert.doesNotMatch(log, /EINVAL|Could not|[1-9] failed/);
    assert.match(log, /was written by somebody else/);
  });

  it('ends when nobody renews it, and is taken again on the same subnet by whoever comes back', async () => {
    daemon = await daemonOn(host, [SHORT]);
    const [subnet] = await mine();
    daemon.signal('SIGSTOP');
    await eventually(async () => (await mine()).length === 0, { what: 'the lease to end' });
    daemon.signal('SIGCONT');
    await eventually(async () => (await mine())[0] === subnet, { what: 'the lease to be taken again' });
    await daemon.kill();
    await eventually(async () => (await mine()).length === 0, { what: 'the lease to end' });
    assert.equal(subnetOf(await repair(host)), subnet);
  });

  it('is taken again at once, by the same process, on the same subnet when its key is deleted', async () => {
    daemon = await daemonOn(host);
    const [subnet] = await mine();
    const before = await host.dump();
    for (let times = 0; times < 3; times++) {
      await lab.delete(leaseKey(PREFIX, subnet!));
      await eventually(async () => (await mine())[0] === subnet, { what: 'the lease to be taken again' });
    }
    assert.ok(daemon.running);
    assert.equal(await host.dump(), before);
    await assertInSync(host);
  });

  it('is left to another host that has taken the key over; the host moves, and says so in subnet.env', async () => {
    daemon = await daemonOn(host);
    const [subnet] = await mine();
    await putOthers(subnet!);
    const [moved] = await eventually(async () => ((await mine()).length === 1 ? mine() : undefined), {
      what: 'another lease',
    });
    assert.notEqual(moved, subnet);
    const env = moved!.replace('.0/24', '.1/24');
    await eventually(() => host.subnetEnv()?.FLANNEL_SUBNET === env, { what: `subnet.env to have ${env}` });
    await converged(host, daemon);
    const [device] = await host.ns.ipJson('address', 'show', 'dev', 'flannel.1');
    const addresses = device!.addr_info!.filter(({ family }) => family === 'inet').map(({ local }) => local);
    assert.deepEqual(addresses, [moved!.split('/')[0]]);
    // The new owner is a peer now.
    assert.match(await host.ip('route', 'show', subnet!), /flannel\.1/);
    assert.match((await recordOf(subnet!))!.value, /172\.20\.0\.9/);
    await assertInSync(host);
  });

  it('stays permanent if it was reserved, and is not written', async () => {
    const mac = '02:00:00:00:00:77';
    await lab.put(leaseKey(PREFIX, BLOCKS[2]!), leaseValue({ subnet: BLOCKS[2]!, publicIP: host.address, mac }));
    const before = await recordOf(BLOCKS[2]!);
    assert.equal(before!.lease, 0n);
    assert.equal(subnetOf(await repair(host)), BLOCKS[2]);
    daemon = await daemonOn(host, [SHORT]);
    await sleep(3000);
    assert.deepEqual(await recordOf(BLOCKS[2]!), before);
    assert.match(await host.ip('link', 'show', 'flannel.1'), new RegExp(mac));
    await assertInSync(host);
  });

  it('stays permanent when it has to be written: a reservation that names no VTEP yet', async () => {
    await lab.put(leaseKey(PREFIX, BLOCKS[1]!), `{"PublicIP":"${host.address}"}`);
    assert.equal(subnetOf(await repair(host)), BLOCKS[1]);
    const record = await recordOf(BLOCKS[1]!);
    assert.equal(record!.lease, 0n);
    assert.match(
      record!.value,
      /^\{"PublicIP":"192\.168\.64\.2","PublicIPv6":null,"BackendType":"vxlan","BackendData":\{"VNI":1,"VtepMAC":"[0-9a-f:]{17}"\}\}$/,
    );
    await assertInSync(host);
  });

  describe('when there is no subnet left', () => {
    const fill = async () => {
      for (const [index, block] of BLOCKS.entries()) await putOthers(block, index + 1);
    };

    it('waits, says so once, and is woken by a lease that goes away', async () => {
      await fill();
      daemon = host.startDaemon([EDGES_ONLY]);
      await daemon.waitForLine(/All 4 subnets/);
      // What doesn't help.
      await putOthers('10.5.10.0/24', 8);
      await lab.put(`${PREFIX}/subnets/garbage`, 'x');
      await lab.delete(leaseKey(PREFIX, BLOCKS[3]!));
      await eventually(async () => (await mine())[0] === BLOCKS[3], { what: 'the free one to be taken' });
      await converged(host, daemon);
      assert.equal(daemon.log().match(/"level":"warn".*All 4 subnets/g)?.length, 1);
    });

    it('is woken by a config with more room', async () => {
      await fill();
      daemon = host.startDaemon([EDGES_ONLY]);
      await daemon.waitForLine(/All 4 subnets/);
      await lab.putConfig({ ...CONFIG, SubnetMax: '10.5.14.0' });
      await eventually(async () => (await mine())[0] === '10.5.14.0/24', { what: 'the new one to be taken' });
      await converged(host, daemon);
    });

    it('is told by a single run and by a drift report', async () => {
      await fill();
      const once = await host.report(['--once']);
      assert.equal(once.code, 1);
      assert.deepEqual(holds(once.report), [`lease ${host.address}: out of subnets`]);
      const drift = await host.report(['drift']);
      assert.equal(drift.code, 2);
      assert.match(drift.report.drift[0]!.reason, /All 4 subnets/);
    });
  });

  describe('with a subnet of before in subnet.env', () => {
    const leave = (subnet: string) =>
      writeFileSync(
        host.subnetFile,
        `FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=${subnet.replace('.0/', '.1/')}\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n`,
      );

    it('takes that if it is free', async () => {
      for (const block of BLOCKS) {
        leave(block);
        assert.equal(subnetOf(await repair(host)), block);
        await lab.delete(leaseKey(PREFIX, block));
      }
    });

    it('takes another if somebody has it, whose lease stays', async () => {
      await putOthers(BLOCKS[0]!);
      const before = await recordOf(BLOCKS[0]!);
      leave(BLOCKS[0]!);
      assert.notEqual(subnetOf(await repair(host)), BLOCKS[0]);
      assert.deepEqual(await recordOf(BLOCKS[0]!), before);
    });

    it('takes another if it does not fit the config', async () => {
      leave('10.5.99.0/24');
      assert.ok(BLOCKS.includes(subnetOf(await repair(host))));
    });
  });

  describe('with --lease adopt', () => {
    it('works for the lease that is there and writes nothing to etcd', async () => {
      const subnet = BLOCKS[1]!;
      await lab.put(leaseKey(PREFIX, subnet), leaseValue({ subnet, publicIP: host.address, mac: '02:00:00:00:00:55' }));
      const revision = await lab.revision();
      assert.equal(subnetOf(await repair(host, ['--lease=adopt'])), subnet);
      assert.match(await host.ip('link', 'show', 'flannel.1'), /02:00:00:00:00:55/);
      await assertInSync(host, ['--lease=adopt']);
      daemon = await daemonOn(host, ['--lease=adopt', SHORT]);
      assert.equal(await lab.revision(), revision);
    });

    it('waits until somebody takes one for this host, and follows where it goes', async () => {
      const { code, report } = await host.report(['--once', '--lease=adopt']);
      assert.deepEqual([code, holds(report)], [1, [`lease ${host.address}: no lease to adopt`]]);
      daemon = host.startDaemon(['--lease=adopt', EDGES_ONLY]);
      await daemon.waitForLine(/--lease adopt takes none/);
      const put = (subnet: string) =>
        lab.put(leaseKey(PREFIX, subnet), leaseValue({ subnet, publicIP: host.address, mac: '02:00:00:00:00:55' }));
      for (const block of [BLOCKS[0]!, BLOCKS[3]!]) {
        await put(block);
        const env = block.replace('.0/24', '.1/24');
        await eventually(() => host.subnetEnv()?.FLANNEL_SUBNET === env, { what: `subnet.env to have ${env}` });
        await converged(host, daemon);
        const revision = await lab.revision();
        await lab.delete(leaseKey(PREFIX, block));
        assert.equal(await lab.revision(), revision + 1);
      }
    });
  });
});
