import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Report } from '../../../reconciler/contracts/report.ts';
import { EXIT, exitCodeOf } from '../../../reconciler/report/exit-code.ts';
import { repairOnce, reportDrift } from '../../../states/once.ts';
import { RunError } from '../../../states/run-error.ts';
import { asText, difference, OWN_ADDRESS, World, type WorldOptions } from '../../helpers/agent-world.ts';
import { addressOf, CONFIG_KEY, keyFor, valueFor } from '../../helpers/store.ts';

/** The drift as `op kind`, sorted and counted. */
function summary({ drift }: Report): string[] {
  return [...new Set(drift.map(({ op, kind }) => `${op} ${kind}`))].sort();
}

function worldOf(options: WorldOptions = {}): World {
  const world = new World(options);
  for (const n of [2, 3]) world.putPeer(n);
  return world;
}

/** All that there is in the world, and how often it was written to. */
const state = (world: World): unknown => [
  asText(world),
  world.store.all(),
  world.store.revision,
  world.kernel.writes,
  world.applies,
];

describe('a repair run', () => {
  it('takes a lease and makes the host converge; the next one does nothing', async () => {
    const world = worldOf();
    const report = await repairOnce(world.deps);
    assert.ok(report.converged);
    assert.equal(report.mode, 'once');
    assert.equal(exitCodeOf(report), EXIT.ok);
    assert.equal(report.summary.create, 2 * 4 + 3 + 1);
    const [lease] = report.drift;
    assert.equal(lease?.kind, 'lease');
    assert.equal(world.store.all().find(({ key }) => key === lease?.key)?.createRevision, world.store.revision);
    assert.deepEqual(report.outcomes[0], { kind: 'lease', key: lease?.key, op: 'create', result: 'done' });
    assert.equal(world.peerIds(2).length, 3);
    const before = state(world);
    const again = await repairOnce(world.deps);
    assert.deepEqual([again.converged, again.drift, again.outcomes], [true, [], []]);
    assert.deepEqual(state(world), before);
  });

  it('says that its last good copy could not be written, which comes after its report', async () => {
    const world = worldOf();
    world.deps.stateCache = {
      path: '/proc/copy.json',
      head: async () => undefined,
      load: async () => undefined,
      save: () => Promise.reject(new Error('ENOENT: no such file or directory')),
      remove: async () => {},
    };
    assert.ok((await repairOnce(world.deps)).converged);
    assert.equal(world.said('The last good copy /proc/copy.json can’t be written'.replace('’', "'")).length, 1);
  });

  it('says what was found before the repair', async () => {
    const world = worldOf();
    await repairOnce(world.deps);
    world.kernel.setLink('flannel.1', { up: false });
    const report = await repairOnce(world.deps);
    assert.deepEqual(summary(report), ['create neighbour', 'create nexthop', 'create route', 'update link']);
    assert.ok(report.converged);
  });

  it('cleans up what is ours and not wanted, in one run', async () => {
    const world = worldOf();
    await repairOnce(world.deps);
    world.store.delete(keyFor('10.5.3.0/24'));
    const report = await repairOnce(world.deps);
    assert.deepEqual(summary(report), ['delete fdb', 'delete neighbour', 'delete nexthop', 'delete route']);
    assert.equal(world.peerIds(3).length, 0);
  });

  it('renews a lease that is due, as there is no daemon to do it, and only then', async () => {
    const world = worldOf();
    await repairOnce(world.deps);
    world.store.writes = [];
    await world.advance(20 * 3_600_000);
    await repairOnce(world.deps);
    assert.deepEqual(world.store.writes, []);
    await world.advance(3 * 3_600_000 + 60_000);
    await repairOnce(world.deps);
    assert.equal(world.store.writes.length, 1);
    assert.match(world.store.writes[0]!, /^renew/);
  });

  it('that finds no room reports it and fails, without touching the host', async () => {
    const config = '{"Network":"10.5.0.0/16","SubnetMin":"10.5.2.0","SubnetMax":"10.5.3.0","Backend":{"Type":"vxlan"}}';
    const world = worldOf({ config });
    const before = asText(world);
    const report = await repairOnce(world.deps);
    assert.equal(exitCodeOf(report), EXIT.failed);
    assert.deepEqual(
      report.held.map(({ why }) => why),
      ['out of subnets'],
    );
    assert.deepEqual(difference(before, asText(world)), []);
  });

  it('that fails at a change says so and fails', async () => {
    const world = worldOf();
    const failure = { kind: 'transient', code: 'EBUSY', message: 'The kernel is busy.' } as const;
    world.driver.faults.set('route 254|10.5.2.0/24|0|0', failure);
    const report = await repairOnce(world.deps);
    assert.equal(report.summary.failed, 1);
    assert.equal(exitCodeOf(report), EXIT.failed);
    assert.ok((await repairOnce(world.deps)).converged);
  });

  it('takes nothing away that a daemon beside it has made for a lease that came since the store was listed', async () => {
    const world = worldOf();
    const key = world.putPeer(4);
    await repairOnce(world.deps);
    const { source } = world.deps;
    let listings = 0;
    world.deps.source = Object.assign(Object.create(source) as typeof source, {
      snapshot: async () => {
        if (++listings > 1) return source.snapshot();
        const { value } = world.store.get(key)!;
        world.store.delete(key);
        const early = await source.snapshot();
        world.store.putFor(key, value, 86_400);
        return early;
      },
    });
    const before = asText(world);
    const report = await repairOnce(world.deps);
    assert.deepEqual([asText(world), report.drift, listings], [before, [], 2]);
  });

  it('beside a daemon that has done it all does nothing', async () => {
    const world = await worldOf().start();
    const before = state(world);
    const report = await repairOnce(world.deps);
    assert.deepEqual([report.converged, report.drift], [true, []]);
    assert.deepEqual(state(world), before);
  });

  for (const [name, disturb, code] of [
    ['the store can not be reached', (world: World) => world.store.cut(), EXIT.unavailable],
    ['the store does not let us in', (world: World) => world.store.cut('denied'), EXIT.denied],
    ['there is no config', (world: World) => world.store.delete(CONFIG_KEY), EXIT.invalid],
    ['the config can not be read', (world: World) => void world.store.put(CONFIG_KEY, '{'), EXIT.invalid],
    [
      'the backend is not run',
      (world: World) => void world.store.put(CONFIG_KEY, '{"Network":"10.5.0.0/16","Backend":{"Type":"wireguard"}}'),
      EXIT.invalid,
    ],
    [
      'there is no external interface',
      (world: World) => {
        world.facts = { interfaces: [], linkRoutes: [], defaultRoutes: [] };
      },
      EXIT.invalid,
    ],
  ] as const) {
    it(`ends with ${code} and one sentence when ${name}, having written nothing`, async () => {
      for (const run of [repairOnce, reportDrift]) {
        const world = worldOf();
        disturb(world);
        const before = state(world);
        const error = await run(world.deps).then(
          () => undefined,
          (reason: unknown) => reason as Error,
        );
        assert.ok(error, 'it came to an end without an error');
        assert.equal(error instanceof RunError ? error.exitCode : exitCodeOf(error), code, error.message);
        assert.doesNotMatch(error.message, /\n|undefined|\[object/);
        world.store.mend();
        assert.deepEqual(state(world), before);
      }
    });
  }
});

describe('a drift report', () => {
  it('on a host without a lease says that, takes none, and writes nothing anywhere', async () => {
    const world = worldOf();
    const before = state(world);
    const report = await reportDrift(world.deps);
    assert.deepEqual(state(world), before);
    assert.deepEqual(
      report.drift.map(({ op, kind, reason }) => [op, kind, reason]),
      [['create', 'lease', 'this host has no lease']],
    );
    assert.equal(exitCodeOf(report), EXIT.drift);
  });

  it('on a host in sync finds nothing', async () => {
    const world = worldOf();
    await repairOnce(world.deps);
    const before = state(world);
    const report = await reportDrift(world.deps);
    assert.deepEqual([report.mode, report.drift, report.outcomes, report.converged], ['drift', [], [], true]);
    assert.equal(exitCodeOf(report), EXIT.ok);
    assert.deepEqual(state(world), before);
  });

  it('says what a repair run then does', async () => {
    const world = worldOf();
    await repairOnce(world.deps);
    world.kernel.deleteNexthop(0x0a050000 + 2 * 256);
    world.kernel.setLink('flannel.1', { mtu: 1300 });
    world.store.delete(keyFor('10.5.3.0/24'));
    const before = state(world);
    const drift = await reportDrift(world.deps);
    assert.deepEqual(state(world), before);
    assert.equal(exitCodeOf(drift), EXIT.drift);
    const repair = await repairOnce(world.deps);
    assert.deepEqual(repair.drift, drift.drift);
  });

  it('names what is wrong with our lease', async () => {
    const world = worldOf();
    await repairOnce(world.deps);
    const [own] = world.ownLeases;
    const mac = /"VtepMAC":"([^"]+)"/.exec(own!.value)![1]!;
    world.store.put(own!.key, own!.value.replace(mac, '02:de:ad:00:00:01'));
    world.kernel.deleteLink('flannel.1');
    world.store.putFor(keyFor('10.5.200.0/25'), valueFor(1).replace(addressOf(1), OWN_ADDRESS), 100);
    const before = state(world);
    const report = await reportDrift(world.deps);
    const leases = report.drift.filter(({ kind }) => kind === 'lease');
    assert.deepEqual(
      leases.map(({ op, key }) => [op, key]),
      [['delete', keyFor('10.5.200.0/25')]],
      'a MAC in the lease is taken over by a device that is not there',
    );
    assert.deepEqual(state(world), before);
  });

  it('says that a lease would be rewritten', async () => {
    const world = worldOf();
    world.store.put(keyFor('10.5.9.0/24'), `{"PublicIP":"${OWN_ADDRESS}"}`);
    const report = await reportDrift(world.deps);
    const [lease, ...more] = report.drift.filter(({ kind }) => kind === 'lease');
    assert.deepEqual(more, []);
    assert.equal(lease?.op, 'update');
    assert.deepEqual(lease.fields, ['backendType', 'backendData']);
    assert.equal(report.network.subnet, '10.5.9.0/24');
    assert.ok(report.drift.some(({ kind, key }) => kind === 'link' && key === 'flannel.1'));
  });

  it('with --lease adopt never speaks of writing the lease', async () => {
    const world = worldOf({ argv: ['--lease=adopt'] });
    world.store.put(keyFor('10.5.9.0/24'), valueFor(1).replace(addressOf(1), OWN_ADDRESS));
    const report = await reportDrift(world.deps);
    assert.deepEqual(
      report.drift.filter(({ kind }) => kind === 'lease'),
      [],
    );
    assert.ok(report.drift.length > 5);
  });

  it('with --lease adopt and no lease says what is missing', async () => {
    const world = worldOf({ argv: ['--lease=adopt'] });
    const report = await reportDrift(world.deps);
    assert.deepEqual(report.drift, []);
    assert.deepEqual(
      report.held.map(({ why }) => why),
      ['no lease to adopt'],
    );
    assert.equal(exitCodeOf(report), EXIT.failed);
    assert.deepEqual(world.store.writes, []);
  });
});

describe('a lease that names an earlier address of this host', () => {
  it('is reported as the store has it, with what differs', async () => {
    const world = worldOf();
    await repairOnce(world.deps);
    const [own] = world.store.all().filter(({ value }) => value.includes(OWN_ADDRESS));
    const subnet = own!.key.slice(keyFor('').length);
    const previousSubnetEnv = `FLANNEL_SUBNET=${subnet.replace('.0-', '.1/')}\n`;
    const { store, kernel, time } = world;
    const moved = new World({ address: '192.168.64.77', previousSubnetEnv, store, kernel, time });
    const [entry] = (await reportDrift(moved.deps)).drift;
    assert.deepEqual(
      [entry?.op, entry?.key, entry?.reason, entry?.fields],
      ['update', own!.key, 'differs: publicIP', ['publicIP']],
    );
    assert.deepEqual(
      [entry?.have, entry?.want].map((attrs) => (attrs as { publicIP: string }).publicIP),
      [OWN_ADDRESS, '192.168.64.77'],
    );
  });
});

describe('a host that can’t be read while the store can’t be asked', () => {
  const NO_FACTS = 'The links could not be listed (EPERM).';
  const unreadable = (): World => {
    const world = worldOf();
    world.store.cut();
    world.deps.host.facts = async () => {
      throw new Error(NO_FACTS);
    };
    return world;
  };

  for (const run of [repairOnce, reportDrift]) {
    it(`${run.name}: the store's sentence and exit code are the answer, the host's is said beside it`, async () => {
      const world = unreadable();
      await assert.rejects(run(world.deps), (error: Error) => {
        assert.equal(error.message, "http://memory:2379 can't be reached.");
        assert.equal(exitCodeOf(error), EXIT.unavailable);
        return true;
      });
      assert.deepEqual(
        world.said(NO_FACTS).map(({ level }) => level),
        ['warn'],
      );
    });
  }

  it('a daemon says both, each once, and goes on as soon as it can', async () => {
    const world = unreadable();
    await world.start();
    await world.advance(60_000);
    assert.equal(world.said("memory:2379 can't be reached").length, 1);
    assert.equal(world.said(NO_FACTS).length, 1);
    world.deps.host.facts = async () => world.facts;
    world.store.mend();
    await world.advance(60_000);
    assert.ok(world.report.converged);
  });
});
