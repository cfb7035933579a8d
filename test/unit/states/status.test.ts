import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerStatus, Status } from '../../../reconciler/contracts/status.ts';
import { statusSchema } from '../../../reconciler/report/schema.ts';
import { statusOf } from '../../../states/status.ts';
import { World, type WorldOptions } from '../../helpers/agent-world.ts';

function statusIn(world: World): Status {
  const about = {
    version: '1.2.3',
    pid: 7,
    startedAt: 0,
    prefix: '/coreos.com/network',
    where: 'http://127.0.0.1:2379',
  };
  const status = statusOf(world.agent, { name: 'idle', ms: 5 }, about, world.time.now());
  statusSchema.parse(status);
  return status;
}

async function worldWith(peers: number[], options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  for (const n of peers) world.putPeer(n);
  return world.start();
}

const losses = ({ peers }: Status) => peers.map(({ subnet, lost }: PeerStatus) => `${subnet} ${lost}`);
/** Somebody takes it away, and the kernel says so. */
async function lose(world: World, n: number): Promise<void> {
  const route = world.kernel.all().find((have) => have.kind === 'route' && have.dst === `10.5.${n}.0/24`);
  assert.ok(route?.kind === 'route', 'there is no such route');
  world.kernel.deleteRoute(route);
  await world.settle();
}

describe('the status', () => {
  it('says how a host in sync is', async () => {
    const world = await worldWith([7, 9]);
    const status = statusIn(world);
    assert.deepEqual([status.inSync, status.line.replace(/^[^,]+/, 'SUBNET')], [true, 'SUBNET, 2 peers, in sync']);
    const { store, lease, work } = status.regions;
    assert.deepEqual([store.state, lease.state, work.state], ['watching', 'held', 'idle']);
    assert.equal(status.lease?.subnet, status.network.subnet);
    assert.equal(status.lease?.secondsLeft, 86_400);
    assert.ok(status.lease.renewAt !== null && status.lease.renewAt < (status.lease.endsAt ?? ''));
    assert.deepEqual(status.rounds.at(-1)?.woken.includes('start'), true);
    assert.deepEqual(losses(status), ['10.5.7.0/24 0', '10.5.9.0/24 0']);
    assert.deepEqual([status.retries, status.held], [[], []]);
  });

  it('before the store answers says what it waits for', async () => {
    const world = await worldWith([], { config: undefined });
    const status = statusIn(world);
    assert.deepEqual([status.inSync, status.regions.store.state, status.lease], [false, 'awaitingConfig', null]);
    assert.match(status.line, /^Waiting for the network config/);
  });

  it('counts how often a route was lost, and not what is new or never was', async () => {
    const world = await worldWith([7]);
    world.putPeer(9);
    await world.settle();
    assert.deepEqual(losses(statusIn(world)), ['10.5.7.0/24 0', '10.5.9.0/24 0']);
    await lose(world, 9);
    await lose(world, 9);
    await lose(world, 7);
    const status = statusIn(world);
    assert.deepEqual(losses(status), ['10.5.7.0/24 1', '10.5.9.0/24 2']);
    const repair = status.rounds.find(({ result }) => result !== 'nothing');
    assert.deepEqual([status.counts.routesLost, repair?.result, repair?.woken], [3, 'repaired', ['host']]);
    assert.match(repair?.did ?? '', /^route 10\.5\.7\.0\/24 .*: missing; made again in/);
    // All wants are new after a change of the config: nothing was lost by it.
    world.store.put('/coreos.com/network/config', '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","VNI":5}}');
    await world.settle();
    assert.equal(statusIn(world).counts.routesLost, 3);
  });

  it('has what is tried again, until it has come right', async () => {
    const world = await worldWith([7]);
    const failure = { kind: 'transient', code: 'EBUSY', message: 'The kernel is busy.' } as const;
    const { driver } = world;
    const apply = driver.apply.bind(driver);
    driver.apply = async (changes) => changes.map((change) => ({ change, result: 'failed' as const, failure }));
    await lose(world, 7);
    const [retry] = statusIn(world).retries;
    assert.deepEqual([retry?.kind, retry?.key, retry?.why], ['route', '254|10.5.7.0/24|0|0', 'The kernel is busy.']);
    assert.ok(retry?.nextAt);
    assert.deepEqual([statusIn(world).inSync, statusIn(world).peers[0]?.state], [false, 'waiting']);
    driver.apply = apply;
    await world.advance(120_000);
    const status = statusIn(world);
    assert.deepEqual(
      [status.inSync, status.retries, status.peers[0]?.state, status.counts.routesLost],
      [true, [], 'served', 1],
    );
  });
});
