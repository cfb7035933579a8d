/** What a process knows of the one before it by its last good copy: which path was left when, and which network. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseLeaseAttrs } from '../../../config/lease.ts';
import { SETTLE } from '../../../reconciler/desired/paths.ts';
import { repairOnce } from '../../../states/once.ts';
import { factsOf, type World } from '../../helpers/agent-world.ts';
import { Lives, OLD_ROUTE } from '../../helpers/lives.ts';
import { CONFIG_KEY } from '../../helpers/store.ts';

const SECOND = 1000;
const config = (backend: object, network = '10.5.0.0/16') => JSON.stringify({ Network: network, Backend: backend });
const ON_5 = config({ Type: 'vxlan', VNI: 5 });

const isOn5 = (value: string): boolean => value.includes('"BackendType"') && value.includes('"VNI":5');

/** A daemon whose lease has just left VNI 1, which nobody else names, and that has kept its copy. */
async function moved(): Promise<Lives> {
  const lives = new Lives();
  await lives.world.start();
  await lives.world.advance(60 * SECOND);
  lives.world.store.put(CONFIG_KEY, ON_5);
  await lives.world.advance(2 * SECOND);
  assert.deepEqual(lives.devices, ['flannel.1', 'flannel.5']);
  return lives;
}

describe('a path that was left a moment ago', () => {
  it('is kept by a daemon that starts then as long as by the one before it', async () => {
    const lives = await moved();
    const world = await lives.again().start();
    assert.deepEqual(lives.devices, ['flannel.1', 'flannel.5']);
    await world.advance(SETTLE - 3 * SECOND);
    assert.deepEqual(lives.devices, ['flannel.1', 'flannel.5']);
    await world.advance(SECOND);
    assert.deepEqual(lives.devices, ['flannel.5']);
  });

  /** A store that lost its memory while the agent was down, and whose config has moved since. */
  async function forgotten(backend: object = { Type: 'vxlan' }): Promise<Lives> {
    const lives = new Lives();
    lives.world.store.put(CONFIG_KEY, config(backend));
    await lives.world.start();
    await lives.world.advance(60 * SECOND);
    lives.world.kill();
    lives.world.store.wipe();
    lives.world.store.put(CONFIG_KEY, ON_5);
    return lives;
  }

  it('is kept too where the store lost its memory meanwhile', async () => {
    const lives = await forgotten();
    const world = await lives.again().start();
    assert.deepEqual(lives.devices, ['flannel.1', 'flannel.5']);
    await world.advance(SETTLE + 2 * SECOND);
    assert.deepEqual(lives.devices, ['flannel.5']);
  });

  for (const [was, backend] of Object.entries({ 'vxlan 1': { Type: 'vxlan' }, 'host-gw': { Type: 'host-gw' } })) {
    for (const mode of ['a daemon', 'a repair run'])
      it(`is what ${mode} puts into a store that lost its memory, until the new one is built (${was})`, async () => {
        const lives = await forgotten(backend);
        const { store } = lives.world;
        const told: string[] = [];
        store.watch(store.revision + 1, (event) => {
          for (const change of event.type === 'changes' ? event.changes : []) {
            if (change.op === 'delete') continue;
            const { backendType, backendData } = parseLeaseAttrs(change.record.value);
            const { VNI } = (backendData ?? {}) as { VNI?: number };
            told.push(VNI === undefined ? backendType : `${backendType} ${VNI}`);
            if (VNI === 5) assert.ok(lives.devices.includes('flannel.5'), 'it is told of before it is built');
          }
        });
        const world = lives.again();
        if (mode === 'a daemon') await world.start();
        else await repairOnce(world.deps);
        await world.settle();
        assert.deepEqual(told, [was, 'vxlan 5']);
      });
  }

  it('is known to the next process however soon this one is killed after its lease has left it', async () => {
    const lives = new Lives();
    const { world } = lives;
    await world.start();
    await world.advance(60 * SECOND);
    const { store } = world;
    store.watch(store.revision + 1, (event) => {
      if (event.type === 'changes' && event.changes.some((change) => change.op === 'put' && isOn5(change.record.value)))
        world.kill();
    });
    store.put(CONFIG_KEY, ON_5);
    await world.settle();
    assert.ok(isOn5(world.ownLeases[0]!.value));
    await lives.again().start();
    assert.deepEqual(lives.devices, ['flannel.1', 'flannel.5']);
    await lives.world.advance(SETTLE + SECOND);
    assert.deepEqual(lives.devices, ['flannel.5']);
  });

  it('is found by the first whole look of a process that started with a torn one', async () => {
    const lives = new Lives();
    lives.world.putPeer(2);
    await lives.world.start();
    lives.world.kill();
    lives.world.store.put(CONFIG_KEY, ON_5);
    const world = lives.again();
    world.driver.hides = (have) => have.kind === 'nexthop';
    await world.start();
    await world.advance(3 * SECOND);
    assert.deepEqual(lives.devices, ['flannel.1', 'flannel.5']);
    world.driver.hides = undefined;
    await world.advance(60 * SECOND);
    assert.deepEqual(lives.devices, ['flannel.1', 'flannel.5'], 'the peer still sends there');
    assert.equal(world.report.converged, true);
  });

  it('is written down at once, however young the copy is', async () => {
    const lives = new Lives();
    await lives.world.start();
    await lives.world.advance(2 * SECOND);
    const written = lives.cache.copy;
    assert.ok(written);
    lives.world.store.put(CONFIG_KEY, ON_5);
    await lives.world.advance(2 * SECOND);
    await lives.again().start();
    assert.deepEqual(lives.devices, ['flannel.1', 'flannel.5']);
    assert.notEqual(lives.cache.copy, written);
  });

  it('is kept by repair runs, and goes with the first that comes later', async () => {
    const lives = await moved();
    for (const _ of [1, 2]) {
      await repairOnce(lives.again().deps);
      assert.deepEqual(lives.devices, ['flannel.1', 'flannel.5']);
    }
    await lives.world.advance(SETTLE);
    const report = await repairOnce(lives.again().deps);
    assert.deepEqual(lives.devices, ['flannel.5']);
    assert.equal(report.summary.delete, 1);
  });

  it('is left by a repair run itself, which says when', async () => {
    const lives = new Lives();
    await repairOnce(lives.world.deps);
    lives.world.store.put(CONFIG_KEY, ON_5);
    await repairOnce(lives.again().deps);
    assert.deepEqual(lives.cache.copy?.head.left, { 'vxlan 1': lives.world.time.now() });
    await repairOnce(lives.again().deps);
    assert.deepEqual(lives.devices, ['flannel.1', 'flannel.5']);
    await lives.world.advance(SETTLE);
    await repairOnce(lives.again().deps);
    assert.deepEqual(lives.devices, ['flannel.5']);
    assert.deepEqual(lives.cache.copy?.head.left, {});
  });

  it('goes at once with --migration-grace=0, without a copy, and where the clock was set back', async () => {
    for (const forget of [
      (lives: Lives) => lives.again({ argv: ['--migration-grace=0'] }),
      (lives: Lives) => {
        lives.cache.copy = undefined;
        return lives.again();
      },
      (lives: Lives) => {
        const { head } = lives.cache.copy!;
        lives.cache.copy = { ...lives.cache.copy!, head: { ...head, left: { 'vxlan 1': 2 * lives.world.time.now() } } };
        return lives.again();
      },
    ]) {
      const lives = await moved();
      await repairOnce(forget(lives).deps);
      assert.deepEqual(lives.devices, ['flannel.5']);
    }
  });

  it('is known without a device or a route to show it: host-gw, by our lease, and later by the copy', async () => {
    const lives = new Lives();
    const peer = lives.world.putPeer(2);
    await repairOnce(lives.world.deps);
    lives.world.store.put(CONFIG_KEY, config({ Type: 'host-gw' }));
    await repairOnce(lives.again().deps);
    // On the link, and it follows: too late for this host to have seen it.
    lives.world.store.put(peer, '{"PublicIP":"192.168.64.9","PublicIPv6":null,"BackendType":"host-gw"}');
    lives.world.store.put(CONFIG_KEY, ON_5);
    for (const evidence of ['our lease', 'the copy']) {
      const { held } = await repairOnce(lives.again().deps);
      assert.deepEqual(
        held.filter(({ kind }) => kind === 'peer').map(({ why }) => why),
        ['not moved yet'],
        evidence,
      );
      const route = lives.world.kernel.all().find((have) => have.kind === 'route' && have.dst === '10.5.2.0/24');
      assert.equal(route?.kind === 'route' && route.dev, 'eth0', evidence);
      for (const have of lives.world.kernel.all())
        if (evidence === 'our lease' && have.kind === 'route' && have.dst === '10.5.2.0/24')
          lives.world.kernel.deleteRoute(have);
    }
  });

  it('is kept for the grace, over restarts, while somebody names it', async () => {
    const lives = new Lives();
    lives.world.putPeer(2);
    await lives.world.start();
    lives.world.store.put(CONFIG_KEY, ON_5);
    for (let minute = 0; minute < 9; minute++) await lives.world.advance(60 * SECOND);
    const world = await lives.again().start();
    assert.deepEqual(lives.devices, ['flannel.1', 'flannel.5']);
    await world.advance(61 * SECOND);
    assert.deepEqual(lives.devices, ['flannel.5']);
  });
});

describe('the time of an earlier path, while the last good copy is in force', () => {
  /** A host whose process starts without the store, a moment after its lease has left VNI 1. */
  async function fromTheCopy(): Promise<Lives> {
    const lives = await moved();
    lives.world.store.cut();
    await lives.again().start();
    assert.equal(lives.world.report.source.kind, 'cache');
    return lives;
  }
  /** Timers in a minute; the store is tried six times, and the level pass runs once. */
  async function timersIn({ world }: Lives): Promise<number> {
    const before = world.time.fired;
    await world.advance(60 * SECOND);
    return world.time.fired - before;
  }

  it('ends, and then nothing is due any more', async () => {
    const lives = await fromTheCopy();
    await lives.world.advance(SETTLE);
    const timers = await timersIn(lives);
    assert.ok(timers < 60, `${timers} timers in a minute`);
    assert.equal(lives.world.agent.state.nextPathEnd(), Number.POSITIVE_INFINITY);
  });

  it('makes nobody spin where this host has become another, which the copy has no lease for', async () => {
    const lives = await fromTheCopy();
    lives.world.facts = factsOf('192.168.64.77');
    await lives.world.advance(SETTLE + 60 * SECOND);
    const timers = await timersIn(lives);
    assert.ok(timers < 60, `${timers} timers in a minute`);
  });
});

describe('a network that this host was in', () => {
  const MOVED = config({ Type: 'vxlan' }, '10.9.0.0/16');
  const routes = (world: World) => world.kernel.all().filter((have) => have.kind === 'route');
  const old = (world: World) => routes(world).filter(({ dst }) => dst.startsWith('10.5.'));

  for (const mode of ['a daemon', 'a repair run'] as const) {
    it(`is known to ${mode} by the last good copy alone, and nothing of it stays`, async () => {
      const lives = new Lives();
      lives.world.putPeer(2);
      await repairOnce(lives.world.deps);
      assert.equal(old(lives.world).length, 1);
      lives.world.store.put(CONFIG_KEY, MOVED);
      // No subnet.env tells of it.
      const world = lives.again();
      if (mode === 'a daemon') await world.start();
      else await repairOnce(world.deps);
      assert.deepEqual(old(world), []);
      assert.doesNotMatch(world.kernelIds.join(), /10\.5\./);
    });
  }

  it('is known by a lease of this host alone, where a process was killed as it moved', async () => {
    const lives = new Lives();
    await lives.world.start();
    const device = lives.devices;
    lives.world.kill();
    lives.cache.copy = undefined;
    lives.world.store.put(CONFIG_KEY, MOVED);
    await lives.again().start();
    await lives.world.advance(60 * SECOND);
    assert.deepEqual(lives.devices, device);
    assert.doesNotMatch(lives.world.kernelIds.join(), /10\.5\./);
    assert.equal(lives.world.report.converged, true);
  });

  it('is remembered with --keep-stale, and forgotten when nothing of it is left', async () => {
    const lives = new Lives();
    lives.world.putPeer(2);
    await repairOnce(lives.world.deps);
    lives.world.store.put(CONFIG_KEY, MOVED);
    for (const _ of [1, 2]) {
      const report = await repairOnce(lives.again({ argv: ['--keep-stale'] }).deps);
      assert.ok(report.held.some(({ why, key }) => why === 'stale' && key.includes('10.5.2.0/24')));
      assert.deepEqual(lives.cache.copy?.head.earlierNetworks, ['10.5.0.0/16']);
    }
    const world = lives.again();
    await repairOnce(world.deps);
    assert.deepEqual(old(world), []);
    assert.deepEqual(lives.cache.copy?.head.earlierNetworks, []);
  });

  it('is anybody’s after that: what another instance makes there stays, also after a restart', async () => {
    const lives = new Lives();
    const first = lives.world;
    first.putPeer(2);
    await first.start();
    first.store.put(CONFIG_KEY, MOVED);
    await first.advance(5 * SECOND);
    assert.deepEqual(old(first), []);
    first.kernel.setRoute(OLD_ROUTE, 'create');
    await first.advance(120 * SECOND);
    assert.equal(old(first).length, 1, 'under the same daemon');
    const world = await lives.again().start();
    await world.advance(120 * SECOND);
    assert.equal(old(world).length, 1, 'under the next one');
  });
});
