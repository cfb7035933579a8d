/** The daemon and its own lease, its host's address included. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scopeOf } from '../../../reconciler/contracts/scope.ts';
import { factsOf, LEVEL_PASS_MS, World } from '../../helpers/agent-world.ts';
import { MemoryStore } from '../../helpers/memory-store.ts';
import { SimulatedTime } from '../../helpers/simulated-time.ts';
import { addressOf, CONFIG_KEY, keyFor, PREFIX, valueFor } from '../../helpers/store.ts';
import { vxlanIn } from '../../helpers/tunnels.ts';

const DAY = 86_400_000;
const SMALL = '{"Network":"10.5.0.0/16","SubnetMin":"10.5.10.0","SubnetMax":"10.5.13.0","Backend":{"Type":"vxlan"}}';

const subnetOf = (world: World): string => world.agent.state.lease.current?.subnet ?? '';
const lease = (world: World): unknown => (world.states as { lease: unknown }).lease;
const uplinkEdge = (world: World): void => world.kernel.emit(scopeOf({ links: ['eth0'] }));

describe('the own lease', () => {
  it('is renewed for as long as the agent lives, and the key is never written', async () => {
    const world = await new World().start();
    const { revision } = world.store;
    world.withoutLevel();
    await world.advance(60 * DAY);
    assert.equal(world.ownLeases.length, 1);
    assert.equal(world.store.revision, revision);
    const renewals = world.store.writes.filter((write) => write.startsWith('renew')).length;
    assert.ok(renewals >= 60 && renewals <= 66, `${renewals} renewals`);
    assert.ok(world.time.fired < 100, `${world.time.fired} timers`);
  });

  it('that is deleted is taken again at once, on the same subnet', async () => {
    const world = await new World().start();
    const subnet = subnetOf(world);
    const applies = world.applies;
    world.store.delete(keyFor(subnet));
    await world.settle();
    assert.equal(subnetOf(world), subnet);
    assert.deepEqual(
      world.ownLeases.map(({ key }) => key),
      [keyFor(subnet)],
    );
    assert.equal(world.applies, applies, 'and the host is as it was');
    assert.equal(lease(world), 'held');
  });

  it('that is deleted before the agent has heard of its own write is not missed', async () => {
    const world = new World();
    world.store.deaf = true;
    await world.start();
    const subnet = subnetOf(world);
    world.store.delete(keyFor(subnet));
    world.store.deaf = false;
    world.store.deliver();
    await world.settle();
    assert.equal(world.ownLeases.length, 1);
    assert.equal(lease(world), 'held');
  });

  it('that is right costs a process that starts again one question about its term', async () => {
    const world = await new World().start();
    world.kill();
    const asked: string[] = [];
    world.store.pause = async (request) => void asked.push(request);
    await world.start();
    assert.deepEqual(asked, ['snapshot', 'timeLeft']);
  });

  it('that comes a second time, written by us and never answered, is given back at once', async () => {
    const world = await new World().start();
    const [own] = world.ownLeases;
    world.store.putFor(keyFor('10.5.99.0/24'), own!.value, 86_400);
    await world.settle();
    assert.deepEqual(world.ownLeases, [own]);
    assert.equal(lease(world), 'held');
  });

  it('that comes a second time with another VTEP may be a clone’s: it is said at once, and stays', async () => {
    const world = await new World().start();
    const [own] = world.ownLeases;
    world.store.writes = [];
    world.store.putFor(
      keyFor('10.5.99.0/24'),
      own!.value.replace(/"VtepMAC":"[^"]+"/, '"VtepMAC":"02:00:00:00:99:99"'),
      86_400,
    );
    await world.settle();
    assert.equal(world.ownLeases.length, 2);
    assert.deepEqual(world.store.writes, []);
    assert.ok(world.agent.state.lease.held.some(({ why }) => why === 'second lease of this host'));
    assert.equal(lease(world), 'held');
  });

  it('that another host has taken over is left to it', async () => {
    const world = await new World().start();
    const subnet = subnetOf(world);
    world.store.put(keyFor(subnet), valueFor(77));
    await world.settle();
    assert.notEqual(subnetOf(world), subnet);
    assert.equal(world.store.get(keyFor(subnet))?.value, valueFor(77));
    assert.ok(world.report.converged);
    assert.ok(world.kernelIds.includes(`route 254|${subnet}|0|0`), 'it is a peer now');
  });

  it('that somebody spoils is put right, once', async () => {
    const world = await new World().start();
    const key = keyFor(subnetOf(world));
    const value = world.store.get(key)!.value;
    world.store.writes = [];
    world.store.put(key, 'junk');
    await world.settle();
    assert.equal(world.store.get(key)?.value, value);
    assert.deepEqual(world.store.writes, [`update ${key}`]);
    assert.ok(world.report.converged);
  });

  it('out of subnets waits without asking, says so once, and takes what comes free', async () => {
    const world = new World({ config: SMALL });
    for (const n of [10, 11, 12, 13]) world.putPeer(n);
    await world.start();
    const { requests } = world.store;
    world.withoutLevel();
    await world.advance(3_600_000);
    assert.equal(lease(world), 'outOfSubnets');
    assert.equal(world.store.requests, requests);
    assert.equal(world.said('are taken').length, 1);
    world.store.delete(keyFor('10.5.12.0/24'));
    await world.settle();
    assert.equal(subnetOf(world), '10.5.12.0/24');
    assert.ok(world.report.converged);
  });

  it('out of subnets also hears of what came free while the store could not be heard', async () => {
    const world = new World({ config: SMALL });
    for (const n of [10, 11, 12, 13]) world.putPeer(n);
    await world.start();
    world.store.cut();
    await world.settle();
    world.store.mend();
    world.store.deaf = true;
    world.store.delete(keyFor('10.5.12.0/24'));
    world.store.deaf = false;
    await world.advance(1000);
    assert.equal(subnetOf(world), '10.5.12.0/24');
  });

  it('out of subnets follows a config that makes room, and a key that nobody could read and that goes', async () => {
    const world = new World({ config: SMALL });
    for (const n of [10, 11, 12]) world.putPeer(n);
    world.store.put(keyFor('10.5.13.0/24'), 'junk');
    await world.start();
    assert.equal(lease(world), 'outOfSubnets');
    world.store.delete(keyFor('10.5.13.0/24'));
    await world.settle();
    assert.equal(subnetOf(world), '10.5.13.0/24');

    const other = new World({ config: SMALL });
    for (const n of [10, 11, 12, 13]) other.putPeer(n);
    await other.start();
    assert.equal(lease(other), 'outOfSubnets');
    other.store.put(CONFIG_KEY, SMALL.replace('10.5.13.0', '10.5.14.0'));
    await other.settle();
    assert.equal(subnetOf(other), '10.5.14.0/24');
  });

  it('out of subnets takes what a doubted store has lost, when its time has ended', async () => {
    const world = new World({ config: SMALL });
    for (const n of [10, 11, 12, 13]) world.putPeer(n);
    await world.start();
    world.store.wipe();
    world.store.put(CONFIG_KEY, SMALL);
    await world.advance(20_000);
    assert.equal(lease(world), 'outOfSubnets', 'they may still be alive');
    await world.advance(DAY + 2 * LEVEL_PASS_MS);
    assert.equal(lease(world), 'held');
  });

  it('of --lease adopt is never written, also when it can not be read', async () => {
    const world = new World({ argv: ['--lease=adopt'] });
    await world.start();
    assert.equal(lease(world), 'waiting');
    assert.equal(world.said('--lease adopt takes none').length, 1);
    const own = valueFor(0).replace(addressOf(0), '192.168.64.3');
    const { key } = world.store.putFor(keyFor('10.5.9.0/24'), own, 86_400);
    await world.settle();
    assert.equal(subnetOf(world), '10.5.9.0/24');
    assert.ok(world.report.converged);
    const { requests } = world.store;
    world.store.put(key, 'junk');
    await world.settle();
    assert.ok(world.store.requests - requests < 5, `${world.store.requests - requests} requests`);
    assert.equal(lease(world), 'held');
    world.withoutLevel();
    await world.advance(2 * DAY);
    assert.deepEqual(world.store.writes, []);
  });

  it('comes to each of many hosts that start at once, and they become each other’s peers', async () => {
    const time = new SimulatedTime();
    const store = new MemoryStore(PREFIX, time.now);
    const hosts = Array.from(
      { length: 8 },
      (_, i) => new World({ time, store, address: addressOf(i + 1), random: Math.random }),
    );
    await Promise.all(hosts.map((host) => host.start()));
    await time.advance(5000);
    assert.equal(store.all().length, 8);
    for (const host of hosts) {
      assert.equal(
        host.report.converged,
        true,
        JSON.stringify({ drift: host.report.drift, outcomes: host.report.outcomes, held: host.report.held }),
      );
      const routes = host.kernelIds.filter((id) => id.startsWith('route '));
      assert.equal(routes.length, 7);
    }
  });
});

describe('the host', () => {
  it('without an external interface waits for one, says so, and is woken by an edge', async () => {
    const world = new World();
    world.putPeer(2);
    world.facts = { interfaces: [], linkRoutes: [], defaultRoutes: [] };
    await world.start();
    world.withoutLevel();
    await world.advance(10 * 60_000);
    assert.equal(lease(world), 'waiting');
    assert.equal(world.said('No IPv4 default route').length, 1);
    world.facts = factsOf('192.168.64.3');
    uplinkEdge(world);
    await world.settle();
    assert.equal(lease(world), 'held');
    assert.ok(world.report.converged);
  });

  it('without an external interface is also looked at by the level pass', async () => {
    const world = new World();
    world.facts = { interfaces: [], linkRoutes: [], defaultRoutes: [] };
    world.driver.delivery = 'lost';
    await world.start();
    world.facts = factsOf('192.168.64.3');
    await world.advance(LEVEL_PASS_MS);
    assert.equal(lease(world), 'held');
    assert.ok(world.report.converged);
  });

  it('with another address says so in its lease, keeps its subnet, and moves the tunnel, once', async () => {
    const world = new World();
    world.putPeer(2);
    await world.start();
    const subnet = subnetOf(world);
    world.store.writes = [];
    world.facts = factsOf('192.168.64.9');
    uplinkEdge(world);
    await world.settle();
    assert.equal(subnetOf(world), subnet);
    assert.deepEqual(world.store.writes, [`update ${keyFor(subnet)}`]);
    assert.equal(vxlanIn(world.kernel.link('flannel.1'))?.local, '192.168.64.9');
    assert.ok(world.report.converged);
    const rounds = world.reports.length;
    await world.settle();
    assert.equal(world.reports.length, rounds);
  });

  it('whose address changes while its lease is renewed does not miss it', async () => {
    const world = new World({ argv: ['--subnet-lease-ttl=2h', '--subnet-lease-renew-margin=60'] });
    await world.start();
    let release = (): void => {};
    world.store.pause = (request) =>
      request === 'renew' ? new Promise((resolve) => (release = resolve)) : Promise.resolve();
    await world.advance(3_600_000);
    assert.equal(lease(world), 'renewing');
    world.facts = factsOf('192.168.64.9');
    uplinkEdge(world);
    await world.settle();
    assert.equal(lease(world), 'renewing');
    release();
    await world.settle();
    assert.match(world.store.get(keyFor(subnetOf(world)))!.value, /192\.168\.64\.9/);
    assert.equal(lease(world), 'held');
  });

  it('whose interface is away for a moment keeps its network, and says what is missing', async () => {
    const world = new World();
    world.putPeer(2);
    await world.start();
    const { facts } = world;
    world.facts = { interfaces: [], linkRoutes: [], defaultRoutes: [] };
    uplinkEdge(world);
    await world.settle();
    assert.equal(world.peerIds(2).length, 3);
    assert.deepEqual(
      world.report.held.map(({ why }) => why),
      ['no external interface'],
    );
    assert.ok(!world.report.converged);
    world.facts = facts;
    uplinkEdge(world);
    await world.settle();
    assert.ok(world.report.converged);
    assert.equal(lease(world), 'held');
  });

  it('that does not forward is told so, and is converged all the same', async () => {
    const world = new World();
    world.sysctls = { 'net.ipv4.ip_forward': '0' };
    await world.start();
    await world.advance(3 * LEVEL_PASS_MS);
    assert.ok(world.report.converged);
    assert.equal(world.said('ip_forward is 0').length, 1);
  });
});
