/** What an etcd that goes away looks like, and that nothing is missed when it comes back. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openEtcdV3 } from '../../../../drivers/etcd/source.ts';
import type { Source } from '../../../../reconciler/contracts/source.ts';
import { type Etcd, freePort, startCluster, startEtcd } from '../../../helpers/etcd.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { brief, Watching } from '../../contract/watching.ts';
import { EtcdV3Store } from './etcd-v3-store.ts';
import { TcpProxy } from './proxy.ts';

const KEY = '/n/subnets/10.5.1.0-24';

/** Tries until the store answers: whoever uses a source does so with a backoff. */
const listed = (source: Source) => eventually(() => source.snapshot(), { what: 'a listing', interval: 100 });

/** Watches until stopped, going on from the last revision plus one whenever the watch ends. */
function follow(source: Source, revision: number) {
  const all: string[] = [];
  const reasons: string[] = [];
  let next = revision;
  let stop = () => {};
  let over = false;
  const open = () => {
    if (over) return;
    stop = source.watch(next, (event) => {
      if (event.type === 'changes') {
        all.push(...brief(event.changes));
        next = event.revision + 1;
      } else if (event.type === 'ended') {
        reasons.push(event.reason);
        if (event.reason !== 'stopped') setTimeout(open, 50);
      }
    });
  };
  open();
  return {
    all,
    reasons,
    stop() {
      over = true;
      stop();
    },
  };
}

describe('one etcd', () => {
  let store: EtcdV3Store;
  const sources: Source[] = [];

  before(async () => {
    store = new EtcdV3Store(await startEtcd());
  });
  after(async () => {
    await Promise.all(sources.map((source) => source.close()));
    await store?.destroy();
  });
  const open = (options: Partial<Parameters<typeof openEtcdV3>[0]> = {}): Source => {
    const source = openEtcdV3({ endpoints: [store.etcd.endpoint], prefix: '/n', ...options });
    sources.push(source);
    return source;
  };

  for (const how of ['stop', 'kill'] as const) {
    it(`after ${how} the watch ends, calls fail with a sentence, and a new watch misses nothing`, async () => {
      const source = open();
      const { revision } = await source.snapshot();
      const watch = new Watching(source, revision + 1);
      await store.put(KEY, `before ${how}`);
      await watch.untilChanges(1);
      await store.etcd[how]();
      assert.equal((await watch.untilEnded()).reason, 'unavailable');
      const refused = {
        kind: 'unavailable',
        message: `etcd at ${store.etcd.endpoint} refused the connection: is it running, and is --etcd-endpoints right?`,
      };
      await eventually(() => assert.rejects(source.snapshot(), refused).then(() => true), {
        what: 'a refused connection',
      });
      const down = new Watching(source, revision + 1);
      assert.match((await down.untilEnded()).message, /refused the connection/);
      await store.etcd.start();
      await store.etcd.etcdctl('put', KEY, `after ${how}`);
      await listed(source);
      const again = new Watching(source, watch.lastRevision(0) + 1);
      assert.deepEqual(brief(await again.untilChanges(1)), [`put ${KEY}=after ${how}`]);
      again.stop();
    });
  }

  it('a watch from a compacted revision ends with "compacted"', async () => {
    const source = open();
    const { revision } = await source.snapshot();
    for (let i = 0; i < 3; i++) await store.etcd.etcdctl('put', KEY, String(i));
    await store.etcd.etcdctl('compact', String(revision + 3));
    const watch = new Watching(source, revision + 1);
    const { reason, message } = await watch.untilEnded();
    assert.equal(reason, 'compacted');
    assert.match(message, /has compacted the revision/);
    const fresh = new Watching(source, (await source.snapshot()).revision + 1);
    await store.etcd.etcdctl('put', KEY, 'on');
    assert.deepEqual(brief(await fresh.untilChanges(1)), [`put ${KEY}=on`]);
    fresh.stop();
  });

  it('a store that was wiped ends the watch that would wait for it to catch up', async () => {
    const source = open();
    const { revision, clusterId } = await source.snapshot();
    await store.etcd.wipe();
    await store.etcd.start();
    await store.etcd.etcdctl('put', KEY, 'anew');
    const fresh = await listed(open());
    assert.ok(fresh.revision < revision);
    assert.equal(fresh.clusterId, clusterId, 'the same flags make the same cluster id');
    let watch = new Watching(source, revision + 1);
    const ended = () => {
      if (watch.ended?.reason === 'unavailable') watch = new Watching(source, revision + 1);
      return watch.ended;
    };
    const { reason, message } = await eventually(ended, { what: 'the end' });
    assert.equal(reason, 'compacted');
    assert.match(message, /the store was wiped or restored/);
    assert.equal(watch.started, false);
    const again = new Watching(source, (await source.snapshot()).revision + 1);
    await again.untilStarted();
    again.stop();
  });

  it('another cluster at the same address ends the watch, although its revision is higher', async () => {
    const source = open();
    const { revision, clusterId } = await source.snapshot();
    const other = await startEtcd();
    const proxy = await TcpProxy.inFrontOf(store.etcd.clientPort);
    try {
      const moving = open({ endpoints: [proxy.endpoint] });
      assert.equal((await moving.snapshot()).clusterId, clusterId);
      proxy.port = other.clientPort;
      for (let i = 0; i < 3 + revision; i++) await other.etcdctl('put', KEY, String(i));
      proxy.cut();
      const watch = await eventually(
        async () => {
          const tried = new Watching(moving, revision + 1);
          return (await tried.untilEnded()).reason === 'unavailable' ? undefined : tried;
        },
        { what: 'the other cluster to answer', interval: 100 },
      );
      assert.equal(watch.ended?.reason, 'compacted');
      assert.equal(watch.started, false);
    } finally {
      await proxy.close();
      await other.destroy();
    }
  });

  it('a server that takes the connection and says nothing: calls and watches end at their deadline', async () => {
    const proxy = await TcpProxy.inFrontOf(store.etcd.clientPort);
    proxy.mute = true;
    try {
      const source = open({ endpoints: [proxy.endpoint], tuning: { deadlineMs: 300, snapshotDeadlineMs: 300 } });
      const silent = { kind: 'unavailable', message: /could not be connected to in time/ };
      await assert.rejects(source.snapshot(), silent);
      await assert.rejects(source.leases.create(KEY, 'x', 60), silent);
      const watch = new Watching(source, 1);
      assert.equal((await watch.untilEnded()).reason, 'unavailable');
      assert.equal(watch.started, false);
    } finally {
      await proxy.close();
    }
  });

  it('a listing under way ends when it is aborted and when the source is closed', async () => {
    const proxy = await TcpProxy.inFrontOf(store.etcd.clientPort);
    proxy.mute = true;
    try {
      const source = open({ endpoints: [proxy.endpoint] });
      const controller = new AbortController();
      const listings = [source.snapshot(controller.signal), source.snapshot()];
      await eventually(() => proxy.taken > 0, { what: 'a connection' });
      controller.abort();
      await assert.rejects(listings[0]!, { kind: 'unavailable', message: /selvage stopped it/ });
      await source.close();
      await assert.rejects(listings[1]!, { kind: 'unavailable', message: /selvage stopped it/ });
    } finally {
      await proxy.close();
    }
  });

  it('a call that ran into its deadline does not take the watch with it', async () => {
    const { revision } = await open().snapshot();
    const source = open({ tuning: { snapshotDeadlineMs: 0 } });
    const watch = new Watching(source, revision + 1);
    await watch.untilStarted();
    await assert.rejects(source.snapshot(), { kind: 'unavailable', message: /in time/ });
    await store.etcd.etcdctl('put', KEY, 'still here');
    assert.deepEqual(brief(await watch.untilChanges(1)), [`put ${KEY}=still here`]);
    assert.equal(watch.ended, undefined);
    watch.stop();
  });

  it('a name that nobody knows, and something that is not etcd', async () => {
    await assert.rejects(open({ endpoints: ['http://nowhere.invalid:2379'] }).snapshot(), {
      kind: 'unavailable',
      message:
        /^etcd at http:\/\/nowhere\.invalid:2379 has a name that can't be resolved(, because the name server .+)?: /,
    });
    const { createServer } = await import('node:http2');
    const server = createServer((_, response) => {
      response.writeHead(404);
      response.end('no');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address && typeof address === 'object');
    const source = open({ endpoints: [`http://127.0.0.1:${address.port}`] });
    try {
      await assert.rejects(source.snapshot(), {
        kind: 'unavailable',
        message: /answers with HTTP status 404 Not Found/,
      });
    } finally {
      await source.close();
      server.close();
    }
  });

  it('of several endpoints, dead and mute ones are passed over, by reads, writes and watches', async () => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    const mute = await TcpProxy.inFrontOf(store.etcd.clientPort);
    mute.mute = true;
    try {
      for (const first of [dead, mute.endpoint]) {
        const endpoints = [first, store.etcd.endpoint];
        const tuning = { first: () => 0, failoverMs: 200, deadlineMs: 200 };
        assert.ok((await open({ endpoints, tuning }).snapshot()).revision > 0);
        const result = await open({ endpoints, tuning }).leases.create(`${KEY}?${first}`, 'x', 60);
        assert.equal(result.result, 'created');
        const source = open({ endpoints, tuning });
        const watch = new Watching(source, 1);
        await watch.untilEnded();
        const next = new Watching(source, 1);
        await eventually(() => next.started || next.ended, { what: 'the second endpoint' });
        assert.ok(next.started || next.ended?.reason === 'compacted');
        next.stop();
      }
      const nobody = open({
        endpoints: [dead, mute.endpoint],
        tuning: { first: () => 0, deadlineMs: 200, snapshotDeadlineMs: 200 },
      });
      await assert.rejects(nobody.snapshot(), {
        kind: 'unavailable',
        message:
          `no endpoint of etcd could help: ${dead} refused the connection: is it running, and is --etcd-endpoints right?; ` +
          `${mute.endpoint} could not be connected to in time: is --etcd-endpoints right?`,
      });
    } finally {
      await mute.close();
    }
  });
});

describe('a cluster of three', () => {
  let members: Etcd[];
  let source: Source;

  before(async () => {
    members = await startCluster(3);
  });
  after(async () => {
    await source?.close();
    await Promise.all(members?.map((member) => member.destroy()) ?? []);
  });

  /** The member that leads comes last. */
  async function byRole(): Promise<Etcd[]> {
    const roles = await Promise.all(
      members.map(async (member) => {
        const [status] = JSON.parse(await member.etcdctl('endpoint', 'status', '-w', 'json'));
        return { member, leads: status.Status.leader === status.Status.header.member_id };
      }),
    );
    return roles.sort((a, b) => Number(a.leads) - Number(b.leads)).map(({ member }) => member);
  }

  it('loses its leader, then its quorum, and gets it back: nothing is missed', async () => {
    const [stays, other, leader] = (await byRole()) as [Etcd, Etcd, Etcd];
    source = openEtcdV3({ endpoints: [stays.endpoint], prefix: '/n' });
    const { revision } = await source.snapshot();
    const following = follow(source, revision + 1);
    const put = (value: string) => eventually(() => stays.etcdctl('put', KEY, value), { what: `a put of ${value}` });
    const seen = (value: string) =>
      eventually(() => following.all.at(-1) === `put ${KEY}=${value}`, { what: `${value} to be seen` });

    await put('1');
    await seen('1');
    await leader.kill();
    await put('2');
    await seen('2');

    await other.kill();
    await eventually(() => following.reasons.includes('noLeader'), { what: 'the watch to end for want of a leader' });
    await assert.rejects(source.snapshot(), {
      kind: 'unavailable',
      message: /has no leader: its cluster has lost its quorum/,
    });

    await other.start();
    await put('3');
    await seen('3');
    assert.deepEqual(
      following.all.filter((change, i) => change !== following.all[i - 1]),
      [1, 2, 3].map((n) => `put ${KEY}=${n}`),
    );
    following.stop();
  });
});
