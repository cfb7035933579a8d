/** The host's watches: one that can't be begun is tried again, and meanwhile nobody says that all is well. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Driver } from '../../../reconciler/contracts/driver.ts';
import { World } from '../../helpers/agent-world.ts';

const SECOND = 1000;

/** `failures`: of the first attempts to watch. */
function worldWhere(failures: number): World & { attempts: number } {
  const world = Object.assign(new World(), { attempts: 0 });
  const { driver } = world;
  const watch = driver.watch.bind(driver);
  driver.watch = async (...args) => {
    if (world.attempts++ < failures) throw new Error('The links could not be listed: the dump was torn.');
    return watch(...args);
  };
  return world;
}

const deaf = ({ report }: World) => report.held.filter(({ why }) => why === 'not watched');

describe('a watch of the host that fails at the start', () => {
  it('is said in the report, which is not converged', async () => {
    const world = await worldWhere(1).start();
    assert.equal(world.report.converged, false);
    const [held, ...more] = deaf(world);
    assert.deepEqual([held?.kind, held?.key, more], ['link', '*', []]);
    assert.match(held?.detail ?? '', /--resync: .*the dump was torn\. It is tried again in 1 s\.$/);
    assert.equal(world.said('the dump was torn').length, 1);
  });

  it('is tried again, and then hears', async () => {
    const world = (await worldWhere(3).start()).withoutLevel();
    await world.advance(10 * SECOND);
    assert.equal(world.attempts, 4);
    assert.deepEqual(deaf(world), []);
    assert.equal(world.report.converged, true);
    world.kernel.setLink('flannel.1', { up: false });
    await world.settle();
    assert.equal(world.kernel.link('flannel.1')?.up, true);
  });

  it('looks, once it stands, for what has happened before', async () => {
    const world = (await worldWhere(1).start()).withoutLevel();
    world.kernel.setLink('flannel.1', { up: false });
    await world.settle();
    assert.equal(world.kernel.link('flannel.1')?.up, false);
    await world.advance(SECOND);
    assert.equal(world.kernel.link('flannel.1')?.up, true);
  });

  it('is tried ever more rarely, up to every half minute, and said once', async () => {
    const world = await worldWhere(Number.POSITIVE_INFINITY).start();
    await world.advance(10 * 60 * SECOND);
    assert.ok(world.attempts > 10 && world.attempts < 30, `${world.attempts} attempts`);
    assert.equal(deaf(world).length, 1);
    assert.equal(world.said('the dump was torn').length, 1);
  });

  it('is not tried any more once the agent has ended', async () => {
    const world = await worldWhere(Number.POSITIVE_INFINITY).start();
    world.kill();
    const { attempts } = world;
    await world.advance(60 * SECOND);
    assert.equal(world.attempts, attempts);
  });
});

describe('a watch of the host that fails later', () => {
  it('is said until it hears again', async () => {
    const world = new World();
    const driver: Driver = world.driver;
    const watch = driver.watch.bind(driver);
    let trouble: Parameters<Driver['watch']>[2];
    driver.watch = (emit, interest, told) => {
      trouble = told;
      return watch(emit, interest);
    };
    await world.start();
    assert.equal(world.report.converged, true);
    trouble?.('No socket could be opened.');
    await world.settle();
    assert.equal(world.report.converged, false);
    assert.match(deaf(world)[0]?.detail ?? '', /No socket could be opened/);
    trouble?.(undefined);
    await world.settle();
    assert.equal(world.report.converged, true);
    assert.deepEqual(deaf(world), []);
  });
});
