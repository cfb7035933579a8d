/** `selvage status` over a real daemon's control socket. */
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Status } from '../../reconciler/contracts/status.ts';
import { eventually } from '../helpers/eventually.ts';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWithPeers, type Peer } from '../helpers/peers.ts';
import { converged } from '../helpers/scenario.ts';

describe('selvage status', () => {
  let lab: Lab;
  let host: LabHost;
  let peers: Peer[];
  before(async () => {
    ({ lab, host, peers } = await labWithPeers(3));
  });
  after(() => lab?.destroy());

  const ask = async (): Promise<Status> => {
    const { stdout, stderr, code } = await host.selvage(['status', '--format=json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Status;
  };

  it('without a daemon is a sentence and 69', async () => {
    const { code, stdout, stderr } = await host.selvage(['status']);
    assert.deepEqual([code, stdout], [69, '']);
    assert.match(stderr, /^selvage: No selvage runs here: nobody answers at .*control\.sock\. Start it .*\n$/);
  });

  it('says what a daemon is doing, and how often a route was lost', async () => {
    const daemon = host.startDaemon();
    try {
      await converged(host, daemon, 4);
      const socket = join(host.folder, 'control.sock');
      assert.equal(statSync(socket).mode & 0o777, 0o600);
      const before = await ask();
      assert.deepEqual([before.inSync, before.peers.length, before.selvage.pid], [true, 3, daemon.pid]);
      assert.deepEqual([before.regions.store.state, before.regions.lease.state], ['watching', 'held']);
      assert.ok((before.lease?.secondsLeft ?? 0) > 80_000);
      const [peer] = peers;
      await host.ip('route', 'del', peer!.subnet);
      const now = await eventually(
        async () => {
          const status = await ask();
          return status.counts.routesLost > 0 ? status : undefined;
        },
        { what: 'the loss to be counted' },
      );
      assert.deepEqual(
        now.peers.map(({ subnet, lost }) => [subnet, lost]),
        peers.map(({ subnet }) => [subnet, subnet === peer!.subnet ? 1 : 0]),
      );
      const round = now.rounds.find(({ result }) => result === 'repaired');
      assert.ok(round?.woken.includes('host'), JSON.stringify(now.rounds.slice(0, 3)));
      const { stdout, code } = await host.selvage(['status', '--format=table']);
      assert.equal(code, 0);
      assert.match(stdout, /in sync\n[\s\S]*\nstore +watching[\s\S]*Routes that were lost:/);
      await daemon.stop();
      await eventually(() => !existsSync(socket), { what: 'the socket to go with the daemon' });
      assert.equal((await host.selvage(['status'])).code, 69);
    } finally {
      await daemon.kill();
    }
  });

  it('finds each of two instances by its prefix, and a killed one leaves nothing in the way', async () => {
    const prefix = '/other/net';
    await lab.putConfig({ Network: '10.6.0.0/16', Backend: { Type: 'vxlan', VNI: 6, Port: 8482 } }, prefix);
    const first = host.startDaemon();
    await converged(host, first, 4);
    const other = [`--etcd-prefix=${prefix}`, `--subnet-file=${join(host.folder, 'other.env')}`];
    const second = host.startDaemon([...other, '--healthz-port=0', `--state-cache=${join(host.folder, 'other.json')}`]);
    try {
      const ofOther = await eventually(
        async () => {
          const { stdout, code } = await host.selvage(['status', '--format=json', ...other]);
          return code === 0 ? (JSON.parse(stdout) as Status) : undefined;
        },
        { what: 'the second to answer' },
      );
      assert.deepEqual([ofOther.selvage.prefix, ofOther.selvage.pid], [prefix, second.pid]);
      assert.equal((await ask()).selvage.pid, first.pid);
      await first.kill();
      const { code, stderr } = await host.selvage(['status']);
      assert.equal(code, 69);
      assert.match(stderr, /those of other networks are .*control-other-net\.sock/);
      const third = host.startDaemon();
      try {
        await eventually(async () => (await host.selvage(['status'])).code === 0, { what: 'the third to answer' });
        assert.equal((await ask()).selvage.pid, third.pid);
      } finally {
        await third.kill();
      }
    } finally {
      await first.kill();
      await second.kill();
    }
  });

  it('--watch goes on until the daemon ends', async () => {
    const daemon = host.startDaemon();
    try {
      await converged(host, daemon, 4);
      const watching = host.startDaemon(['status', '--watch', '--format=markdown']);
      await eventually(() => watching.log().split('## selvage: ').length > 3, { what: 'it to be shown anew' });
      await daemon.stop();
      await eventually(() => !watching.running, { what: 'the watch to end' });
      assert.match(watching.log(), /\nselvage: No selvage runs here: /);
      assert.equal(await watching.stop(), 69);
    } finally {
      await daemon.kill();
    }
  });
});
