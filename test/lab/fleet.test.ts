/** `selvage fleet` over hosts that say how they are, one that says nothing, and a store that does not permit it. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { FleetDocument } from '../../reconciler/report/fleet.ts';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { DEFAULT_CONFIG, type Lab, type LabHost, PREFIX } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { peerAt } from '../helpers/peers.ts';
import { converged } from '../helpers/scenario.ts';
import { V2Writer } from '../helpers/v2-writer.ts';

let lab: Lab;
const daemons: Daemon[] = [];
afterEach(() => Promise.all(daemons.splice(0).map((daemon) => daemon.kill())));

const start = (host: LabHost, args: string[] = []): Daemon => {
  const daemon = host.startDaemon(['--fleet', ...args]);
  daemons.push(daemon);
  return daemon;
};

const ask = async (host: LabHost, args: string[] = []): Promise<{ code: number; fleet: FleetDocument }> => {
  const { code, stdout, stderr } = await host.selvage(['fleet', '--format=json', ...args]);
  assert.ok(stdout.startsWith('{'), stderr);
  return { code, fleet: JSON.parse(stdout) as FleetDocument };
};

const states = ({ hosts }: FleetDocument) => Object.fromEntries(hosts.map(({ publicIP, state }) => [publicIP, state]));

describe('selvage fleet', () => {
  let a: LabHost;
  let b: LabHost;
  labWith({ hosts: 2 }, async (made) => {
    lab = made;
    [a, b] = lab.hosts as [LabHost, LabHost];
    await lab.putPeer(peerAt(0));
  });

  it('shows every host, which says how it is, or nothing', async () => {
    const [one, two] = [start(a), start(b)];
    await converged(a, one, 3);
    await converged(b, two, 3);
    const { code, fleet } = await eventually(
      async () => {
        const asked = await ask(a);
        return asked.fleet.summary.inSync === 2 ? asked : undefined;
      },
      { what: 'both to say so', timeout: 120_000 },
    );
    assert.equal(code, 0, JSON.stringify(fleet));
    assert.deepEqual(states(fleet), { [a.address]: 'in sync', [b.address]: 'in sync', [peerAt(0).publicIP]: 'silent' });
    const own = fleet.hosts.find(({ publicIP }) => publicIP === a.address);
    assert.ok(own?.heard !== null && (own?.heard ?? 999) <= 120, JSON.stringify(own));
    assert.notEqual(own?.hostname, '');
    const table = await b.selvage(['fleet', '--format=table']);
    assert.match(
      table.stdout.replace(/\s+/g, ' '),
      /says nothing .* 3 hosts: 2 in sync, 0 not in sync, 1 silent; something is wrong with 0\./,
    );
    // A summary is nobody's lease: what flannel and we know of the network has not changed.
    assert.equal((await a.selvage(['leases', '--format=json'])).stdout.includes('/selvage/'), false);
    assert.equal(await one.stop(), 0);
    assert.equal((await ask(b)).fleet.summary.silent, 2);
    assert.equal(await two.stop(), 0);
  });

  it('says what is wrong, with exit code 2, and takes it back', async () => {
    const daemon = start(a);
    await converged(a, daemon, 3);
    const peer = peerAt(0);
    await eventually(async () => (await ask(a)).fleet.summary.inSync === 1, { what: 'it to say so', timeout: 120_000 });
    // Somebody else's route in the place of the peer's.
    await a.ns.ipBatch(['link add other0 type bridge', 'link set other0 up']);
    await a.ip('route', 'replace', peer.subnet, 'dev', 'other0', 'proto', 'static');
    const { code, fleet } = await eventually(
      async () => {
        const asked = await ask(a, ['--wrong']);
        return asked.code === 2 ? asked : undefined;
      },
      { what: 'it to say what is wrong', timeout: 120_000 },
    );
    assert.deepEqual([code, states(fleet), fleet.summary.hosts], [2, { [a.address]: 'not in sync' }, 3]);
    assert.match(fleet.hosts[0]?.wrong[0] ?? '', new RegExp(`${peer.subnet.replaceAll('.', '\\.')} is already routed`));
    await a.ip('link', 'del', 'other0');
    await eventually(async () => (await ask(a)).code === 0, { what: 'all to be right again', timeout: 120_000 });
  });

  it('a store that does not permit it is said once, and the network goes on', async () => {
    const ctl = (line: string, ...flags: string[]) => lab.etcd.etcdctl(...flags, ...line.split(' '));
    for (const line of [
      'user add root:secret',
      'user grant-role root root',
      'role add flannel',
      `role grant-permission flannel readwrite ${PREFIX}/config ${PREFIX}/subnets0`,
      'user add flannel:pass',
      'user grant-role flannel flannel',
    ])
      await ctl(line);
    // All of it but the summaries, which lie between config and subnets.
    await ctl('role revoke-permission flannel /coreos.com/network/config /coreos.com/network/subnets0');
    await ctl(`role grant-permission flannel readwrite ${PREFIX}/config`);
    await ctl(`role grant-permission flannel --prefix=true readwrite ${PREFIX}/subnets/`);
    await ctl(`role grant-permission flannel read ${PREFIX}/config ${PREFIX}/subnets0`);
    await ctl('auth enable');
    const daemon = start(a, ['--etcd-username=flannel', '--etcd-password=pass']);
    await daemon.waitForLine(/can't say how it is for selvage fleet: .*does not permit it.*leave --fleet out/);
    await converged(a, daemon);
    assert.equal(daemon.log().split("can't say how it is").length, 2);
  });
});

describe('selvage fleet with etcd v2', () => {
  labWith({ hosts: 1, config: null, etcdArgs: ['--enable-v2'] }, async (made) => {
    lab = made;
    await new V2Writer(lab).set(`${PREFIX}/config`, JSON.stringify(DEFAULT_CONFIG));
  });

  it('is the same', async () => {
    const [host] = lab.hosts as [LabHost];
    const daemon = start(host);
    await converged(host, daemon, 1);
    const { code, fleet } = await eventually(
      async () => {
        const asked = await ask(host);
        return asked.fleet.summary.inSync === 1 ? asked : undefined;
      },
      { what: 'it to say so', timeout: 120_000 },
    );
    assert.deepEqual([code, fleet.source.kind, fleet.summary.hosts], [0, 'etcd-v2', 1]);
    assert.equal(await daemon.stop(), 0);
    assert.equal((await ask(host)).fleet.summary.silent, 1);
  });

  it('a store that does not permit it is said once, and the network goes on', async () => {
    const [host] = lab.hosts as [LabHost];
    const ctl = async (line: string): Promise<void> => {
      const { code, stderr } = await lab.underlay.exec(
        'env',
        'ETCDCTL_API=2',
        'etcdctl',
        `--endpoints=${lab.etcd.endpoint}`,
        ...line.split(' '),
      );
      assert.equal(code, 0, `${line}: ${stderr}`);
    };
    await ctl('user add root:secret');
    await ctl('role add flannel');
    // All of it may be read, and the leases written.
    await ctl(`role grant flannel --path=${PREFIX}/* --read`);
    await ctl(`role grant flannel --path=${PREFIX}/subnets/* --readwrite`);
    await ctl('user add flannel:pass');
    await ctl('user grant flannel --roles=flannel');
    await ctl('auth enable');
    const daemon = start(host, ['--etcd-username=flannel', '--etcd-password=pass']);
    await daemon.waitForLine(/can't say how it is for selvage fleet: .*does not permit it.*leave --fleet out/);
    await converged(host, daemon, 1);
    assert.equal(daemon.log().split("can't say how it is").length, 2);
  });
});
