/** A smoke test of size: prints how long it takes to make and to list the objects of a big network, and asserts only that all is there. */
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { after, test } from 'node:test';
import { everything, scopeOf } from '../../../../reconciler/contracts/scope.ts';
import { idOf, type Resource } from '../../../../reconciler/kinds/index.ts';
import { destroyAll } from '../../../helpers/netns.ts';
import { create, fixture, interest, objectsOf, peer, remove, results, vtep } from './fixture.ts';

after(destroyAll);

for (const peers of [4096, 16384]) {
  test(`${peers} peers are made, listed and removed`, async (t) => {
    const { driver, close } = await fixture('perf');
    t.after(close);
    await driver.apply([create(vtep)]);
    const wide = { ...interest, networks: ['10.0.0.0/8'] };
    const time = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      const start = performance.now();
      const value = await work();
      t.diagnostic(`${what}: ${(performance.now() - start).toFixed(1)} ms`);
      return value;
    };

    const all: Resource[] = Array.from({ length: peers }, (_, n) => objectsOf(n)).flat();
    for (const kind of ['neighbour', 'fdb', 'nexthop', 'route']) {
      const step = all.filter((resource) => resource.kind === kind).map(create);
      const outcomes = await time(`create ${kind}`, () => driver.apply(step));
      assert.deepEqual([...new Set(results(outcomes))], ['done']);
    }
    const listing = await time('list everything', () => driver.list(everything(), wide));
    assert.equal(listing.complete, true);
    assert.equal(listing.haves.length, all.length + 2); // and two links
    const again = await time('list everything again', () => driver.list(everything(), wide));
    assert.equal(again.haves.length, all.length + 2);

    const { neighbour, fdb, nexthop, route } = peer(7);
    const ids = [neighbour, fdb, nexthop, route].map(idOf);
    for (let i = 0; i < 3; i++) {
      const one = await time("read one peer's objects", () => driver.list(scopeOf({ ids }), wide));
      assert.equal(one.haves.length, 4);
    }
    for (const kind of ['route', 'nexthop', 'fdb', 'neighbour']) {
      const step = all.filter((resource) => resource.kind === kind).map(remove);
      const outcomes = await time(`remove ${kind}`, () => driver.apply(step));
      assert.deepEqual([...new Set(results(outcomes))], ['done']);
    }
  });
}
