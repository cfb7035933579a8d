/** What the store says, or doesn't. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asText, difference, LEVEL_PASS_MS, World, type WorldOptions } from '../../helpers/agent-world.ts';
import { addressOf, CONFIG, CONFIG_KEY, keyFor, valueFor } from '../../helpers/store.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

async function converged(options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  for (const n of [2, 3, 4]) world.putPeer(n);
  await world.start();
  assert.ok(world.report.converged);
  return world;
}

const whys = (world: World): string[] => world.report.held.map(({ why }) => why);
const subnetOf = (world: World): string => world.agent.state.lease.current?.subnet ?? '';
const ALL = 3;

describe('a lease of a peer', () => {
  it('that comes is put on the host, and only it is looked at', async () => {
    const world = await converged();
    const rounds = world.reports.length;
    world.putPeer(9);
    await world.settle();
    assert.equal(world.peerIds(9).length, ALL);
    assert.equal(world.reports[rounds]?.drift.length, 4);
    assert.ok(world.log.every(({ message }) => !message.includes('everything')));
    assert.equal(world.time.fired, 0);
  });

  it('that goes is taken off the host', async () => {
    const world = await converged();
    const before = asText(world);
    const key = world.putPeer(9);
    await world.settle();
    world.store.delete(key);
    await world.settle();
    assert.deepEqual(difference(before, asText(world)), []);
    assert.ok(world.report.converged);
  });

  it('that changes its host is changed in place', async () => {
    const world = await converged();
    const { reports } = world;
    const from = reports.length;
    world.store.put(keyFor('10.5.3.0/24'), valueFor(999));
    await world.settle();
    const drift = reports.slice(from).flatMap((report) => report.drift);
    assert.ok(!drift.some(({ op, kind }) => op === 'delete' && kind !== 'fdb'));
    assert.ok(world.report.converged);
  });

  it('that can not be read keeps what the host has, in this life and the next', async () => {
    const world = await converged();
    const before = asText(world);
    world.store.put(keyFor('10.5.3.0/24'), '{"PublicIP":');
    await world.settle();
    await world.advance(2 * LEVEL_PASS_MS);
    assert.deepEqual(difference(before, asText(world)), []);
    assert.deepEqual(whys(world), ['malformed lease']);
    assert.equal(world.said("can't be read").length, 1);

    world.kill();
    await world.start();
    await world.advance(2 * LEVEL_PASS_MS);
    assert.deepEqual(difference(before, asText(world)), []);
    assert.deepEqual(whys(world), ['malformed lease']);

    world.store.put(keyFor('10.5.3.0/24'), valueFor(256 + 3));
    await world.settle();
    assert.deepEqual(difference(before, asText(world)), []);
    assert.ok(world.report.converged);
  });

  it('that names a backend which this host does not run keeps what the host has, in this life and the next, until it goes', async () => {
    const world = await converged();
    const before = asText(world);
    const key = keyFor('10.5.3.0/24');
    world.store.put(key, `{"PublicIP":"${addressOf(256 + 3)}","PublicIPv6":null,"BackendType":"host-gw"}`);
    await world.settle();
    await world.advance(2 * LEVEL_PASS_MS);
    assert.deepEqual(difference(before, asText(world)), []);
    assert.deepEqual(whys(world), ['other backend']);

    world.kill();
    await world.start();
    assert.deepEqual(difference(before, asText(world)), []);
    world.store.delete(key);
    await world.settle();
    assert.deepEqual(world.peerIds(3), []);
  });
});

describe('a store that can not be reached', () => {
  it('has the host repaired, but nothing deleted', async () => {
    const world = await converged();
    const before = asText(world);
    world.store.cut();
    await world.settle();
    world.store.mend();
    world.store.delete(keyFor('10.5.4.0/24'));
    world.store.cut();
    world.kernel.deleteLink('flannel.1');
    await world.settle();
    assert.deepEqual(difference(before, asText(world)), []);
    const stale = world.kernel.all().find((have) => have.kind === 'fdb');
    assert.ok(stale?.kind === 'fdb');
    world.kernel.setFdb({ ...stale, mac: '02:00:00:00:99:99' }, 'create');
    await world.advance(5 * LEVEL_PASS_MS);
    assert.equal(difference(before, asText(world)).length, 1);
    assert.equal(world.report.source.complete, false);
    assert.ok(!world.report.converged);

    world.store.mend();
    await world.advance(15_000);
    assert.equal(world.peerIds(4).length, 0, 'what went meanwhile');
    assert.ok(!world.kernelIds.includes('fdb flannel.1|02:00:00:00:99:99'));
    assert.ok(world.report.converged);
  });

  it('is asked less and less often, and it is said once', async () => {
    const world = await converged();
    world.store.cut();
    const { requests } = world.store;
    await world.advance(10 * 60_000);
    const asked = world.store.requests - requests;
    assert.ok(asked > 50 && asked < 130, `${asked} requests in 10 min`);
    const lines = world.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
    assert.ok(lines.length <= 3, lines.join('\n'));
  });

  it('when the agent starts is waited for; then all goes its way', async () => {
    const world = new World();
    world.putPeer(2);
    world.store.cut();
    await world.start();
    await world.advance(5 * 60_000);
    assert.equal(world.reports.length, 0);
    world.store.mend();
    await world.advance(15_000);
    assert.ok(world.report.converged);
    assert.equal(world.peerIds(2).length, ALL);
  });

  it('for longer than the lease lasts costs nothing but the lease, which is taken again', async () => {
    const world = new World({ argv: ['--subnet-lease-ttl=10m'] });
    world.putPeer(2, 600);
    await world.start();
    const subnet = subnetOf(world);
    const before = asText(world);
    world.withoutLevel();
    world.store.cut();
    await world.advance(HOUR);
    assert.deepEqual(difference(before, asText(world)), []);
    world.store.mend();
    await world.advance(60_000);
    assert.equal(subnetOf(world), subnet);
    assert.equal(world.ownLeases.length, 1);
    assert.equal(world.peerIds(2).length, 0, 'those ended too');
    assert.ok(world.report.converged);
  });
});

describe('a store that lost its memory', () => {
  async function wiped(): Promise<World> {
    const world = await converged();
    world.store.wipe();
    world.store.put(CONFIG_KEY, CONFIG);
    return world;
  }

  it('gets our lease back on the same subnet, and no packet is lost meanwhile', async () => {
    const world = await wiped();
    const [before, subnet] = [asText(world), subnetOf(world)];
    await world.advance(20_000);
    assert.deepEqual(
      world.ownLeases.map(({ key }) => key),
      [keyFor(subnet)],
    );
    assert.deepEqual(difference(before, asText(world)), []);
    assert.deepEqual(whys(world), ['store doubted']);
    assert.equal(world.said('It lacks').length <= 2, true);
  });

  it('is believed again when the peers have put theirs back', async () => {
    const world = await wiped();
    const before = asText(world);
    await world.advance(20_000);
    for (const n of [2, 3, 4]) world.putPeer(n);
    await world.settle();
    assert.deepEqual(difference(before, asText(world)), []);
    assert.deepEqual(whys(world), []);
    assert.ok(world.report.converged);
  });

  it('has what does not come back end in its own time, without spinning', async () => {
    const world = await wiped();
    await world.advance(20_000);
    world.putPeer(2);
    world.withoutLevel();
    const { fired } = world.time;
    await world.advance(DAY + HOUR);
    assert.equal(world.peerIds(3).length, 0);
    assert.equal(world.peerIds(4).length, 0);
    assert.deepEqual(whys(world), []);
    assert.ok(world.time.fired - fired < 20, `${world.time.fired - fired} timers`);
  });

  it('and its config, too, changes nothing on the host', async () => {
    const world = await converged();
    const before = asText(world);
    world.store.wipe();
    await world.advance(20_000);
    assert.deepEqual(difference(before, asText(world)), []);
    assert.equal(world.ownLeases.length, 1, 'our lease is put back all the same');
  });
});

describe('the config', () => {
  it('is waited for, and it is said once how to put one', async () => {
    const world = new World({ config: undefined });
    world.putPeer(2);
    await world.start();
    await world.advance(10 * 60_000);
    assert.deepEqual(world.states, { store: { connected: 'awaitingConfig' }, lease: 'none', work: 'idle' });
    assert.equal(world.said('etcdctl put /coreos.com/network/config').length, 1);
    assert.equal(world.said('network config').length, 1, 'in one line and no other');
    assert.ok(world.store.requests < 5, 'it is not polled');
    world.store.put(CONFIG_KEY, CONFIG);
    await world.settle();
    assert.deepEqual(world.states, { store: { connected: 'watching' }, lease: 'held', work: 'idle' });
    assert.equal(world.peerIds(2).length, ALL);
    assert.ok(world.report.converged);
  });

  it('that can not be read leaves the last good one in force, renewals too', async () => {
    const world = await converged({ argv: ['--subnet-lease-ttl=2h', '--subnet-lease-renew-margin=60'] });
    const before = asText(world);
    world.store.put(CONFIG_KEY, '{"Network":');
    await world.settle();
    assert.deepEqual(world.states, { store: { connected: 'invalid' }, lease: 'held', work: 'idle' });
    world.withoutLevel();
    await world.advance(6 * HOUR);
    assert.deepEqual(difference(before, asText(world)), []);
    assert.equal(world.ownLeases.length, 1);
    world.store.put(CONFIG_KEY, CONFIG);
    await world.settle();
    assert.deepEqual(world.states, { store: { connected: 'watching' }, lease: 'held', work: 'idle' });
    assert.ok(world.report.converged);
  });

  it('of a backend that is not run changes nothing, and the lease is renewed', async () => {
    const world = await converged({ argv: ['--subnet-lease-ttl=2h', '--subnet-lease-renew-margin=60'] });
    const [before, subnet] = [asText(world), subnetOf(world)];
    world.store.put(CONFIG_KEY, '{"Network":"10.77.0.0/16","Backend":{"Type":"wireguard"}}');
    await world.settle();
    await world.advance(6 * HOUR);
    assert.deepEqual(difference(before, asText(world)), []);
    assert.deepEqual(
      world.ownLeases.map(({ key }) => key),
      [keyFor(subnet)],
    );
    assert.ok(!world.report.converged);
    assert.equal(world.said('is not supported yet').length, 1);
    world.store.put(CONFIG_KEY, CONFIG);
    await world.settle();
    assert.ok(world.report.converged);
    assert.deepEqual(difference(before, asText(world)), []);
  });

  it('that is deleted changes nothing', async () => {
    const world = await converged();
    const before = asText(world);
    world.store.delete(CONFIG_KEY);
    await world.advance(2 * LEVEL_PASS_MS);
    assert.deepEqual(difference(before, asText(world)), []);
    assert.deepEqual(whys(world), ['no config']);
    assert.deepEqual((world.states as { store: unknown }).store, { connected: 'awaitingConfig' });
    world.store.put(CONFIG_KEY, CONFIG);
    await world.settle();
    assert.ok(world.report.converged);
    assert.deepEqual(difference(before, asText(world)), []);
  });

  it('with another VNI builds the new path and takes the old one down', async () => {
    const world = await converged();
    world.store.put(CONFIG_KEY, '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","VNI":7}}');
    await world.settle();
    // Who hasn't followed yet still comes on the old one.
    assert.ok(world.kernelIds.includes('link flannel.1'));
    assert.ok(world.kernelIds.includes('link flannel.7'));
    await world.advance(HOUR);
    assert.ok(!world.kernelIds.includes('link flannel.1'));
    assert.ok(world.kernelIds.includes('route 254|10.5.2.0/24|0|0'));
    assert.ok(world.report.converged);
    assert.match(world.ownLeases[0]!.value, /"VNI":7/);
    assert.equal(world.ownLeases.length, 1);
  });

  it('with another network: a lease in it first, then the old one is given back', async () => {
    const world = await converged();
    world.store.writes = [];
    const old = keyFor(subnetOf(world));
    world.store.put(CONFIG_KEY, '{"Network":"10.6.0.0/16","Backend":{"Type":"vxlan"}}');
    await world.settle();
    const [own, ...more] = world.ownLeases;
    assert.deepEqual(more, []);
    assert.match(own!.key, /10\.6\./);
    assert.deepEqual(world.store.writes, [`create ${own!.key}`, `release ${old}`]);
    // The peers have not followed yet.
    assert.deepEqual([...new Set(whys(world))], ['outside the network']);
    assert.ok(!world.kernelIds.some((id) => id.startsWith('route 254|10.5.')));
  });

  it('that changes while the lease is being taken is not missed, and one lease is taken', async () => {
    const world = new World();
    let changed = false;
    world.store.pause = async (request) => {
      if (request !== 'create' || changed) return;
      changed = true;
      world.store.put(CONFIG_KEY, '{"Network":"10.5.0.0/16","SubnetLen":25,"Backend":{"Type":"vxlan"}}');
      await world.time.sleep(100);
    };
    await world.start();
    await world.advance(1000);
    assert.deepEqual(
      world.ownLeases.map(({ key }) => key.endsWith('-25')),
      [true],
    );
    assert.ok(world.report.converged);
  });
});
