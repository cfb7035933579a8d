/** What happens on the host: found by edges alone, and by the level pass alone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseIp } from '../../../config/ipv4.ts';
import {
  type Address,
  type Fdb,
  type Have,
  MAIN_TABLE,
  type Neighbour,
  type Route,
} from '../../../reconciler/kinds/index.ts';
import { asText, difference, LEVEL_PASS_MS, SUBNET_FILE, World } from '../../helpers/agent-world.ts';
import { keyFor, macOf, valueFor } from '../../helpers/store.ts';
import { vxlanOf } from '../../helpers/tunnels.ts';

const DEV = 'flannel.1';

async function converged(): Promise<World> {
  const world = new World();
  for (const n of [2, 3, 4]) world.putPeer(n);
  await world.start();
  assert.ok(world.report.converged);
  return world;
}

const find = <K extends Have['kind']>(world: World, kind: K, key = ''): Extract<Have, { kind: K }> => {
  const found = world.kernel.all().find((have) => have.kind === kind && JSON.stringify(have).includes(key));
  assert.ok(found, `no ${kind} ${key}`);
  return found as Extract<Have, { kind: K }>;
};
const arp = (world: World): Neighbour => find(world, 'neighbour', '"ip":"10.5.3.0"');
const fdb = (world: World): Fdb => find(world, 'fdb', macOf(256 + 3));
const route = (world: World): Route => find(world, 'route', '10.5.3.0/24');
const address = (world: World): Address => find(world, 'address');

/** Rows of docs/reference/kernel.md#silent-losses-and-quiet-successes, and what people do by hand. */
const DISTURBANCES: Record<string, (world: World) => void> = {
  'the device set down and up': ({ kernel }) => {
    kernel.setLink(DEV, { up: false });
    kernel.setLink(DEV, { up: true });
  },
  'the device set down': ({ kernel }) => kernel.setLink(DEV, { up: false }),
  'the device deleted': ({ kernel }) => kernel.deleteLink(DEV),
  'another MAC': ({ kernel }) => kernel.setLink(DEV, { mac: '02:aa:aa:aa:aa:aa' }),
  'another MTU': ({ kernel }) => kernel.setLink(DEV, { mtu: 1400 }),
  'learning switched on': ({ kernel }) => kernel.setLink(DEV, { vxlan: { learning: true } }),
  'the alias taken off': ({ kernel }) => kernel.setLink(DEV, { alias: '' }),
  'a device with another VNI in its place': ({ kernel }) => {
    const link = kernel.link(DEV)!;
    kernel.deleteLink(DEV);
    kernel.addLink({ ...link, tunnel: vxlanOf(link, { port: 9999 }) });
    kernel.setLink(DEV, { alias: link.alias });
  },
  'the address deleted': (world) => world.kernel.deleteAddress(address(world)),
  'an ARP entry deleted': (world) => world.kernel.deleteNeighbour(arp(world)),
  'an ARP entry with another MAC': (world) =>
    world.kernel.setNeighbour({ ...arp(world), mac: '02:bb:bb:bb:bb:bb' }, 'replace'),
  'an FDB entry deleted': (world) => world.kernel.deleteFdb(fdb(world)),
  'an FDB entry to another host': (world) => world.kernel.setFdb({ ...fdb(world), dst: '192.0.2.99' }, 'replace'),
  'a route deleted': (world) => world.kernel.deleteRoute(route(world)),
  'a route put to another gateway': (world) =>
    world.kernel.setRoute({ ...route(world), nexthopId: 0, gateway: '10.5.4.0' }, 'replace'),
  'a nexthop object deleted': ({ kernel }) => kernel.deleteNexthop(parseIp('10.5.3.0')!),
  'subnet.env edited': ({ kernel }) =>
    kernel.writeFile({ kind: 'file', path: SUBNET_FILE, content: 'FLANNEL_MTU=1\n', mode: 0o644 }),
  'subnet.env deleted': ({ kernel }) => kernel.deleteFile(SUBNET_FILE),
  'a stale route of ours': (world) =>
    world.kernel.setRoute({ ...route(world), dst: '10.5.99.0/24', nexthopId: 0, gateway: '10.5.99.0' }, 'create'),
  'a stale FDB entry': (world) => world.kernel.setFdb({ ...fdb(world), mac: '02:00:00:00:99:99' }, 'create'),
};

describe('edges alone repair', () => {
  for (const [name, disturb] of Object.entries(DISTURBANCES)) {
    it(name, async () => {
      const world = await converged();
      world.withoutLevel();
      const before = asText(world);
      const rounds = world.reports.length;
      disturb(world);
      await world.settle();
      assert.deepEqual(difference(before, asText(world)), []);
      assert.ok(world.report.converged);
      assert.ok(world.reports.length - rounds <= 5, `${world.reports.length - rounds} rounds`);
      assert.ok(world.time.fired === 0, 'no timer was needed');
      const repair = world.reports.slice(rounds).flatMap(({ drift }) => drift);
      assert.ok(repair.length > 0, 'and it is reported');
    });
  }
});

describe('without any edge the level pass repairs', () => {
  for (const [name, disturb] of Object.entries(DISTURBANCES)) {
    it(name, async () => {
      const world = await converged();
      world.driver.delivery = 'lost';
      const before = asText(world);
      disturb(world);
      await world.settle();
      assert.notDeepEqual(difference(before, asText(world)), []);
      await world.advance(LEVEL_PASS_MS);
      assert.deepEqual(difference(before, asText(world)), []);
      assert.ok(world.report.converged);
      const repair = world.reports.flatMap(({ drift }) => drift);
      assert.ok(repair.length > 0);
    });
  }
});

describe('a host in sync', () => {
  it('has nothing written to it, nor to the store, and nothing said of it', async () => {
    const world = await converged();
    const { writes, revision } = world.store;
    const [applies, kernelWrites, lines] = [world.applies, world.kernel.writes, world.log.length];
    const before = world.reports.length;
    await world.advance(10 * LEVEL_PASS_MS);
    assert.ok(world.reports.length - before >= 10);
    assert.ok(world.reports.length - before <= 11);
    assert.equal(world.applies, applies);
    assert.equal(world.kernel.writes, kernelWrites);
    assert.deepEqual([world.store.writes, world.store.revision], [writes, revision]);
    assert.equal(world.log.length, lines);
  });

  it('is left alone by a process that was killed, and by the next one', async () => {
    const world = await converged();
    const before = asText(world);
    const [applies, { revision }] = [world.applies, world.store];
    world.kill();
    await world.start();
    assert.ok(world.report.converged);
    assert.deepEqual(difference(before, asText(world)), []);
    assert.equal(world.applies, applies);
    assert.equal(world.store.revision, revision);
  });

  it('ends what it began when it is killed at any write, in the next life', async () => {
    const whole = await converged();
    const goal = asText(whole);
    const { writes } = whole.kernel;
    for (let crash = 2; crash < writes; crash++) {
      const world = new World();
      for (const n of [2, 3, 4]) world.putPeer(n);
      world.kernel.crashAfter = crash;
      await world.start();
      world.kill();
      world.kernel.crashAfter = Number.POSITIVE_INFINITY;
      await world.start();
      assert.deepEqual(difference(goal, asText(world)), [], `killed at write ${crash}`);
    }
  });
});

it('a failed change is tried again by itself, and said once a try', async () => {
  const world = await converged();
  world.withoutLevel();
  const failure = { kind: 'transient', code: 'EBUSY', message: 'The kernel is busy.' } as const;
  const id = `route ${MAIN_TABLE}|10.5.9.0/24|0|0`;
  world.driver.faults.set(id, failure);
  world.putPeer(9);
  await world.settle();
  assert.ok(!world.report.converged);
  assert.deepEqual(
    world.report.held.map(({ kind, key, why }) => [kind, key, why]),
    [['route', '254|10.5.9.0/24|0|0', 'backing off']],
  );
  assert.equal(world.said(/^Could not create route.*The kernel is busy/).length, 1);
  await world.advance(250);
  assert.ok(world.kernelIds.includes(id));
  assert.ok(world.report.converged);
  assert.ok(world.time.fired <= 3, `${world.time.fired} timers`);
});

it('a change that is said to be done and is not is found out, and made after all', async () => {
  const world = await converged();
  world.withoutLevel();
  world.driver.faults.set(`fdb ${DEV}|${macOf(256 + 9)}`, 'lie');
  world.putPeer(9);
  await world.settle();
  assert.ok(!world.report.converged);
  assert.equal(world.said(/^Could not create fdb.*is not there/).length, 1);
  await world.advance(250);
  assert.ok(world.kernelIds.includes(`fdb ${DEV}|${macOf(256 + 9)}`));
  assert.ok(world.report.converged);
});

it('an old way goes only when the new one is proven', async () => {
  const world = await converged();
  world.withoutLevel();
  const ids = () => new Set(world.kernelIds);
  const [old, next] = [macOf(256 + 3), macOf(256 + 99)];
  world.driver.faults.set(`neighbour ${DEV}|10.5.3.0`, 'lie');
  world.store.put(keyFor('10.5.3.0/24'), valueFor(256 + 3).replace(old, next));
  await world.settle();
  assert.equal(arp(world).mac, old, 'the kernel lied');
  assert.ok(ids().has(`fdb ${DEV}|${old}`), 'what it leads through is still there');
  await world.advance(250);
  assert.equal(arp(world).mac, next);
  assert.deepEqual([ids().has(`fdb ${DEV}|${old}`), ids().has(`fdb ${DEV}|${next}`)], [false, true]);
  assert.ok(world.report.converged);
});

it('a lease that comes while a round looks at its peer is the next round’s, as a whole', async () => {
  const world = await converged();
  const key = keyFor('10.5.9.0/24');
  const list = world.driver.list.bind(world.driver);
  world.driver.list = async (...args) => {
    world.driver.list = list;
    world.store.put(key, valueFor(256 + 9));
    await world.time.turn();
    return list(...args);
  };
  const before = world.reports.length;
  world.store.put(key, 'junk');
  await world.settle();
  const made = world.reports.slice(before).map(({ drift }) => drift.map(({ kind }) => kind).join(' '));
  assert.deepEqual(
    made.filter((kinds) => kinds !== ''),
    ['neighbour fdb nexthop route'],
  );
});

it('nor is a peer moved in part that has a route already', async () => {
  const world = await converged();
  const key = [...world.store.all()].find((record) => record.key.includes('10.5.3.0'))!.key;
  const [old, next] = [macOf(256 + 3), macOf(256 + 99)];
  const list = world.driver.list.bind(world.driver);
  world.driver.list = async (...args) => {
    world.driver.list = list;
    const listing = await list(...args);
    world.store.put(key, valueFor(256 + 3).replace(old, next));
    await world.time.turn();
    return listing;
  };
  const before = world.reports.length;
  world.kernel.deleteNexthop(0x0a050300);
  await world.settle();
  const made = world.reports.slice(before).map(({ drift }) => drift.map(({ kind, op }) => `${op} ${kind}`).join(', '));
  const first = made.find((changes) => changes !== '') ?? '';
  assert.match(first, /neighbour.*fdb/, 'all of it, or nothing');
  assert.ok(world.report.converged);
});

it('a listing that is torn deletes nothing, is looked at again soon, and not all the time', async () => {
  const world = await converged();
  world.withoutLevel();
  const key = [...world.store.all()].find((record) => record.key.includes('10.5.3.0'))!.key;
  world.driver.hides = (have) => have.kind === 'fdb';
  world.store.delete(key);
  await world.settle();
  assert.ok(world.kernelIds.includes(`route ${MAIN_TABLE}|10.5.3.0/24|0|0`));
  assert.ok(world.report.held.some(({ why }) => why === 'incomplete listing'));
  const rounds = world.reports.length;
  await world.advance(10_000);
  const more = world.reports.length - rounds;
  assert.ok(more >= 5 && more <= 25, `${more} rounds in 10 s`);
  assert.equal(world.said(/interrupted/).length, 1, 'said once');
  world.driver.hides = undefined;
  await world.advance(1000);
  assert.ok(!world.kernelIds.includes(`route ${MAIN_TABLE}|10.5.3.0/24|0|0`));
  assert.deepEqual(world.report.held, []);
  assert.equal(world.time.next! > 20_000, true, 'and then it rests');
});

it('a driver that can not list at all is asked less and less often', async () => {
  const world = await converged();
  world.withoutLevel();
  const { list } = world.driver;
  let asked = 0;
  world.driver.list = async () => {
    asked++;
    throw new Error('The netlink socket is gone.');
  };
  world.putPeer(9);
  await world.advance(60_000);
  assert.ok(asked >= 5 && asked < 30, `${asked} times`);
  assert.equal(world.said(/socket is gone/).length, 1);
  world.driver.list = list;
  await world.advance(60_000);
  assert.ok(world.report.converged);
  assert.ok(world.kernelIds.includes(`route ${MAIN_TABLE}|10.5.9.0/24|0|0`));
});

it('what a quick read-back overlooks is looked for again before it is called missing', async () => {
  const world = new World();
  world.putPeer(9);
  world.driver.overlooks = ({ kind }) => kind === 'fdb' || kind === 'neighbour';
  await world.start();
  assert.ok(world.report.converged);
  const outcomes = world.reports.flatMap((report) => report.outcomes);
  assert.deepEqual(
    outcomes.filter(({ result }) => result === 'failed'),
    [],
  );
});

it('a delete is never proven by a quick read-back', async () => {
  const world = new World();
  const key = world.putPeer(9);
  await world.start();
  const id = world.kernelIds.find((one) => one.startsWith('fdb '))!;
  world.driver.overlooks = ({ kind }) => kind === 'fdb';
  world.driver.faults.set(id, 'lie');
  world.store.delete(key);
  await world.settle();
  const outcome = world.reports.flatMap(({ outcomes }) => outcomes).find(({ result }) => result === 'failed');
  assert.equal(`${outcome?.kind} ${outcome?.key}`, id);
});
