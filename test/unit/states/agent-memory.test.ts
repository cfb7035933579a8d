/** What a process goes by though the store doesn't say it: the last good copy, its own devices, and the networks that it was in. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Route } from '../../../reconciler/kinds/index.ts';
import { repairOnce } from '../../../states/once.ts';
import { SUBNET_FILE, World } from '../../helpers/agent-world.ts';
import { Lives, OLD_ROUTE } from '../../helpers/lives.ts';
import { CONFIG_KEY, keyFor } from '../../helpers/store.ts';

const SECOND = 1000;
const config = (backend: object, network = '10.5.0.0/16') => JSON.stringify({ Network: network, Backend: backend });
/** A host-gw host at 192.168.64.9. */
const PEER = '{"PublicIP":"192.168.64.9","PublicIPv6":null,"BackendType":"host-gw"}';
describe('the device of an earlier path', () => {
  it('keeps its MAC while the last good copy is in force, whose lease names none', async () => {
    const lives = new Lives();
    // It has not moved, so that the device stays.
    lives.world.putPeer(2);
    await lives.world.start();
    await lives.world.advance(60 * SECOND);
    const mac = () =>
      lives.world.kernel.all().flatMap((have) => (have.kind === 'link' && have.name === 'flannel.1' ? have.mac : []));
    const before = mac();
    lives.world.store.put(CONFIG_KEY, config({ Type: 'host-gw' }));
    await lives.world.advance(40 * SECOND);
    assert.match(JSON.stringify(lives.cache.copy), /BackendType[^}]*host-gw/);
    const world = lives.again();
    world.store.cut();
    const report = await repairOnce(world.deps);
    assert.deepEqual(report.drift, []);
    assert.deepEqual(mac(), before);
  });
});

describe('a network that is widened twice at once', () => {
  it('is still this host’s own when the round for the first is over', async () => {
    const world = await new World({ config: config({ Type: 'host-gw' }) }).start();
    const { key } = world.store.putFor(keyFor('10.5.9.0/24'), PEER, 86_400);
    await world.settle();
    const { driver } = world;
    const apply = driver.apply.bind(driver);
    driver.apply = async (changes) => {
      driver.apply = apply;
      world.store.put(CONFIG_KEY, config({ Type: 'host-gw' }, '10.4.0.0/15'));
      for (let turns = 0; turns < 10; turns++) await turn();
      return apply(changes);
    };
    world.store.put(CONFIG_KEY, config({ Type: 'host-gw' }, '10.4.0.0/14'));
    await world.advance(5 * SECOND);
    world.kernel.setRoute({ ...OLD_ROUTE, gateway: '192.168.64.77' }, 'replace');
    await world.advance(120 * SECOND);
    const routes = world.kernel.all().filter((have): have is Route => have.kind === 'route');
    assert.deepEqual(
      routes.filter(({ dst }) => dst === OLD_ROUTE.dst).map(({ gateway }) => gateway),
      ['192.168.64.9'],
    );
    world.store.delete(key);
    await world.advance(SECOND);
    assert.ok(!world.kernelIds.some((id) => id.includes(OLD_ROUTE.dst)));
  });
});

describe('our lease, overwritten with junk while no agent ran here', () => {
  for (const mode of ['a daemon', 'a repair run']) {
    async function after(spoil: (world: World, key: string) => void): Promise<World> {
      const lives = new Lives();
      await lives.world.start();
      await lives.world.advance(60 * SECOND);
      const { key } = lives.world.ownLeases[0]!;
      lives.world.kill();
      spoil(lives.world, key);
      const previousSubnetEnv = lives.world.kernel.view.files.get(SUBNET_FILE)?.content ?? '';
      const world = lives.again({ previousSubnetEnv });
      world.store.writes = [];
      if (mode === 'a daemon') await world.start();
      else await repairOnce(world.deps);
      return world;
    }

    it(`is known to ${mode} by the last good copy, and put right`, async () => {
      let before = '';
      const world = await after(({ store }, key) => {
        before = store.get(key)!.value;
        store.put(key, '{"PublicIP":7}');
      });
      const [lease] = world.ownLeases;
      assert.equal(lease?.value, before);
      assert.deepEqual(world.store.writes, [`update ${lease.key}`]);
    });

    it(`is nobody's for ${mode} if its key was deleted and made anew`, async () => {
      let key = '';
      const world = await after(({ store }, own) => {
        key = own;
        store.delete(own);
        store.put(own, '{"PublicIP":7}');
      });
      assert.equal(world.store.get(key)?.value, '{"PublicIP":7}');
      assert.notEqual(world.ownLeases[0]?.key, key);
    });
  }
});
