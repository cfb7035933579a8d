/** Two networks in one etcd whose prefixes differ by the leading slash alone, and a user who may see only one of them. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Daemon } from '../../helpers/daemon.ts';
import { eventually } from '../../helpers/eventually.ts';
import { createLab, DEFAULT_CONFIG, type Lab, type LabHost, PREFIX } from '../../helpers/lab.ts';
import { peerAt } from '../../helpers/peers.ts';

const BARE = PREFIX.slice(1);
const ARGS = [`--etcd-prefix=${BARE}`, '--etcd-username=flannel', '--etcd-password=secret'];

let lab: Lab;
let a: LabHost;
let b: LabHost;
let daemon: Daemon | undefined;

before(async () => {
  lab = await createLab({ hosts: 2, config: { ...DEFAULT_CONFIG, Network: '10.9.0.0/16', SubnetMax: '10.9.99.0' } });
  [a, b] = lab.hosts as [LabHost, LabHost];
  await lab.putConfig(DEFAULT_CONFIG, BARE);
  for (const command of [
    'user add root:secret',
    'user grant-role root root',
    'role add network',
    `role grant-permission network --prefix=true readwrite ${BARE}/`,
    'user add flannel:secret',
    'user grant-role flannel network',
    'auth enable',
  ]) {
    await lab.etcd.etcdctl(...command.split(' '));
  }
  lab.etcd.ctlFlags = ['--user', 'root:secret'];
});
after(async () => {
  await daemon?.kill();
  await lab?.destroy();
});

it('a prefix without a leading slash is taken as it is, and a role for it alone is enough', async () => {
  daemon = a.startDaemon(ARGS);
  const leases = async (count: number) => {
    await eventually(
      async () => {
        const report = await a.lastReport();
        return report?.converged && report.source.leases === count;
      },
      { what: `a to be in sync with ${count} leases` },
    );
  };
  await leases(1);
  const once = await b.report(['--once', ...ARGS]);
  assert.equal(once.code, 0, once.stderr);
  await leases(2);
  await Promise.all([a.attachContainerNet(), b.attachContainerNet()]);
  await eventually(() => a.ping(b), { what: 'a to reach b' });

  await lab.putPeer(peerAt(0), BARE);
  await leases(3);
  await lab.deletePeer(peerAt(0), BARE);
  await leases(2);
  assert.ok([...(await lab.leases(BARE)).keys()].every((key) => key.startsWith(`${BARE}/subnets/10.5.`)));
  assert.equal((await lab.leases()).size, 0, 'nothing under the prefix with the slash');
  assert.equal((await b.report(['drift', ...ARGS])).code, 0);
  assert.equal(await daemon.stop(), 0);
});

it('the prefix with the slash is another network, which that user may not see', async () => {
  const { code, stderr } = await b.selvage(['drift', ...ARGS, `--etcd-prefix=${PREFIX}`]);
  assert.equal(code, 77, stderr);
  assert.match(stderr, /grant user flannel of --etcd-username a role that may read and write under \/coreos\.com/);
  const root = ['--etcd-username=root', '--etcd-password=secret'];
  const { code: drift, report } = await b.report(['drift', `--etcd-prefix=${PREFIX}`, ...root]);
  // No lease of it would be taken here: both networks want flannel.1.
  assert.equal(drift, 1);
  assert.deepEqual([report.held[0]?.key, report.held[0]?.why], ['flannel.1', 'foreign device']);
  assert.equal(report.network.network, '10.9.0.0/16');
});
