/** A network of ipip on the model kernel: as a whole, moved to from vxlan, and on a host that lacks the module. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Have } from '../../../reconciler/kinds/index.ts';
import { LEVEL_PASS_MS, World } from '../../helpers/agent-world.ts';
import { addressOf, CONFIG_KEY, keyFor } from '../../helpers/store.ts';

const IPIP = '{"Network":"10.5.0.0/16","Backend":{"Type":"ipip"}}';
const lease = (n: number): string => `{"PublicIP":"${addressOf(256 + n)}","PublicIPv6":null,"BackendType":"ipip"}`;

function put(world: World, n: number): void {
  world.store.put(keyFor(`10.5.${n}.0/24`), lease(n));
}

const routes = (world: World): string[] =>
  world.kernel
    .all()
    .flatMap((have: Have) => (have.kind === 'route' ? `${have.dst} via ${have.gateway} dev ${have.dev}` : []))
    .sort();

it('a host has the device, a lease without data and a route for each peer', async () => {
  const world = new World({ config: IPIP });
  for (const n of [2, 3]) put(world, n);
  await world.start();
  assert.ok(world.report.converged, JSON.stringify(world.report.held));
  assert.deepEqual(world.kernel.link('flannel.ipip')?.tunnel, { type: 'ipip', local: '192.168.64.3', remote: '' });
  assert.deepEqual(routes(world), [
    `10.5.2.0/24 via ${addressOf(258)} dev flannel.ipip`,
    `10.5.3.0/24 via ${addressOf(259)} dev flannel.ipip`,
  ]);
});

it('somebody sets it down, deletes it or gives it a far end: it is put right', async () => {
  const world = new World({ config: IPIP });
  put(world, 2);
  await world.start();
  const before = routes(world);
  const device = world.kernel.link('flannel.ipip')!;
  for (const disturb of [
    () => world.kernel.setLink('flannel.ipip', { up: false }),
    () => world.kernel.deleteLink('flannel.ipip'),
    () => {
      world.kernel.deleteLink('flannel.ipip');
      world.kernel.addLink({ ...device, tunnel: { type: 'ipip', local: '192.168.64.3', remote: '192.0.2.9' } });
      world.kernel.setLink('flannel.ipip', { alias: device.alias });
    },
  ]) {
    disturb();
    await world.time.advance(LEVEL_PASS_MS);
    assert.ok(world.report.converged);
    assert.deepEqual(world.kernel.link('flannel.ipip'), device);
    assert.deepEqual(routes(world), before);
  }
});

it('a network moves from vxlan to ipip, peer by peer, and the old device goes at the end', async () => {
  const world = new World();
  world.putPeer(2);
  await world.start();
  world.store.put(CONFIG_KEY, IPIP);
  await world.time.advance(LEVEL_PASS_MS);
  assert.match(routes(world)[0]!, /^10\.5\.2\.0\/24 via 10\.5\.2\.0 dev flannel\.1$/, 'it has not moved yet');
  put(world, 2);
  await world.time.advance(LEVEL_PASS_MS);
  assert.deepEqual(routes(world), [`10.5.2.0/24 via ${addressOf(258)} dev flannel.ipip`]);
  assert.equal(world.kernel.link('flannel.1'), undefined);
  assert.ok(world.report.converged);
});

it('a host whose kernel lacks the module says so, and goes on when it is there', async () => {
  const world = new World({ config: IPIP });
  world.kernel.lacks.add('ipip');
  put(world, 2);
  await world.start();
  await world.time.advance(LEVEL_PASS_MS);
  assert.ok(!world.report.converged);
  assert.ok(world.report.held.some(({ kind, key, unmet }) => kind === 'link' && key === 'flannel.ipip' && unmet));
  assert.equal(world.kernel.link('flannel.ipip'), undefined);
  world.kernel.lacks.clear();
  await world.time.advance(2 * LEVEL_PASS_MS);
  assert.ok(world.report.converged, JSON.stringify(world.report.held));
  assert.equal(routes(world).length, 1);
});
