/** A login that etcd lets go of after a while (--auth-token-ttl): it is made again, and nobody hears of it. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEtcdV3 } from '../../../../drivers/etcd/source.ts';
import { type Etcd, startEtcd } from '../../../helpers/etcd.ts';
import { brief, Watching } from '../../contract/watching.ts';

const KEY = '/n/subnets/10.5.1.0-24';
let etcd: Etcd;

before(async () => {
  etcd = await startEtcd({ extraArgs: ['--auth-token-ttl=1'] });
  await etcd.etcdctl('user', 'add', 'root:root');
  await etcd.etcdctl('user', 'grant-role', 'root', 'root');
  await etcd.etcdctl('role', 'add', 'flannel');
  await etcd.etcdctl('role', 'grant-permission', 'flannel', 'readwrite', '--prefix', '/n/');
  await etcd.etcdctl('user', 'add', 'flannel:secret');
  await etcd.etcdctl('user', 'grant-role', 'flannel', 'flannel');
  await etcd.etcdctl('auth', 'enable');
  etcd.ctlFlags = ['--user', 'root:root'];
});
after(() => etcd.destroy());

it('after the token has run out calls and new watches go on, and the watch that stands hears all', async () => {
  const source = openEtcdV3({ endpoints: [etcd.endpoint], prefix: '/n', username: 'flannel', password: 'secret' });
  try {
    const { revision } = await source.snapshot();
    const watch = new Watching(source, revision + 1);
    await watch.untilStarted();
    await sleep(3500);
    const created = await source.leases.create(KEY, 'x', 60);
    assert.ok(created.result === 'created');
    assert.deepEqual(brief(await watch.untilChanges(1)), [`put ${KEY}=x`]);
    await sleep(3500);
    const late = new Watching(source, created.record.modRevision);
    assert.deepEqual(brief(await late.untilChanges(1)), [`put ${KEY}=x`]);
    await sleep(3500);
    assert.deepEqual(await source.leases.renew(created.record), { ttlSeconds: 60 });
    for (const each of [watch, late]) {
      assert.equal(each.ended, undefined);
      each.stop();
    }
  } finally {
    await source.close();
  }
});
