/**
 * Whatever is done to the host, the store, the watches and the process: once it ends, the host becomes what the store says, and the agent comes to
 * rest.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { scopeOf } from '../../reconciler/contracts/scope.ts';
import { factsOf, LEVEL_PASS_MS, OWN_ADDRESS, SUBNET_FILE, World } from '../helpers/agent-world.ts';
import { assertConverged } from '../helpers/converged.ts';
import { Errno } from '../helpers/errno.ts';
import { device, host } from '../helpers/hosts.ts';
import type { Delivery } from '../helpers/model-driver.ts';
import { populate } from '../helpers/model-driver.ts';
import { ModelKernel } from '../helpers/model-kernel.ts';
import { holds } from '../helpers/property.ts';
import { CONFIG, CONFIG_KEY, keyFor, valueFor } from '../helpers/store.ts';

type Step = (world: World) => void | Promise<void>;

const CONFIGS = [
  CONFIG,
  '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","VNI":7}}',
  '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","Port":9999}}',
  '{"Network":"10.6.0.0/16","Backend":{"Type":"vxlan"}}',
  '{"Network":"10.5.0.0/16","Backend":{"Type":"host-gw"}}',
  'junk',
];

const n = fc.integer({ min: 2, max: 7 });
const which = fc.nat(1000);
const own = (world: World): string => keyFor(world.agent.state.lease.current?.subnet ?? '10.5.250.0/24');

/** Deletes one of the things that are there. */
function deleteOne({ kernel }: World, index: number): void {
  const all = kernel.all().filter((have) => have.kind === 'file' || !(have.kind === 'link' && have.name === 'eth0'));
  const have = all[index % all.length];
  if (!have) return;
  if (have.kind === 'link') kernel.deleteLink(have.name);
  else if (have.kind === 'address') kernel.deleteAddress(have);
  else if (have.kind === 'neighbour') kernel.deleteNeighbour(have);
  else if (have.kind === 'fdb') kernel.deleteFdb(have);
  else if (have.kind === 'udp-peer') kernel.deleteUdpPeer(have);
  else if (have.kind === 'nexthop') kernel.deleteNexthop(have.id);
  else if (have.kind === 'route') kernel.deleteRoute(have);
  else if (have.kind === 'file') kernel.deleteFile(have.path);
}

function spoilLink({ kernel }: World, how: number): void {
  if (!kernel.link('flannel.1')) return;
  const changes = [{ up: false }, { up: true }, { mac: '02:aa:aa:aa:aa:aa' }, { mtu: 1300 }, { alias: '' }];
  try {
    kernel.setLink('flannel.1', changes[how % changes.length]!);
  } catch (error) {
    // It can't come up while one of another sort has its port.
    if (!(error instanceof Errno) || error.code !== 'EADDRINUSE') throw error;
  }
}

function fault({ driver }: World, peer: number, kind: string, lies: boolean): void {
  const ids: Record<string, string> = {
    route: `route 254|10.5.${peer}.0/24|0|0`,
    nexthop: `nexthop ${0x0a050000 + peer * 256}`,
    link: 'link flannel.1',
    file: `file ${SUBNET_FILE}`,
  };
  driver.faults.set(ids[kind]!, lies ? 'lie' : { kind: 'transient', code: 'EBUSY', message: 'The kernel is busy.' });
}

const onHost: fc.Arbitrary<Step> = fc.oneof(
  which.map(
    (index): Step =>
      (world) =>
        deleteOne(world, index),
  ),
  which.map(
    (how): Step =>
      (world) =>
        spoilLink(world, how),
  ),
  fc.tuple(n, fc.constantFrom('route', 'nexthop', 'link', 'file'), fc.boolean()).map(
    ([peer, kind, lies]): Step =>
      (world) =>
        fault(world, peer, kind, lies),
  ),
  fc.constantFrom<Delivery>('faithful', 'lost', 'doubled', 'reversed').map(
    (delivery): Step =>
      ({ driver }) => {
        driver.delivery = delivery;
      },
  ),
  fc.boolean().map(
    (torn): Step =>
      ({ driver }) => {
        driver.hides = torn ? (have) => have.kind === 'fdb' : undefined;
      },
  ),
  fc.constantFrom(OWN_ADDRESS, '192.168.64.9').map(
    (address): Step =>
      (world) => {
        world.facts = factsOf(address);
        world.kernel.emit(scopeOf({ links: ['eth0'] }));
      },
  ),
);

const onStore: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: n.map(
      (peer): Step =>
        (world) =>
          void world.putPeer(peer),
    ),
  },
  {
    weight: 2,
    arbitrary: n.map(
      (peer): Step =>
        ({ store }) =>
          store.delete(keyFor(`10.5.${peer}.0/24`)),
    ),
  },
  n.map(
    (peer): Step =>
      ({ store }) =>
        void store.put(keyFor(`10.5.${peer}.0/24`), 'junk'),
  ),
  n.map(
    (peer): Step =>
      ({ store }) =>
        void store.put(keyFor(`10.5.${peer}.0/25`), valueFor(512 + peer)),
  ),
  fc.constant<Step>((world) => world.store.delete(own(world))),
  fc.constant<Step>((world) => void world.store.put(own(world), 'junk')),
  fc.constant<Step>((world) => void world.store.put(own(world), valueFor(777))),
  fc.constantFrom(...CONFIGS).map(
    (config): Step =>
      ({ store }) =>
        void store.put(CONFIG_KEY, config),
  ),
  fc.constant<Step>(({ store }) => store.delete(CONFIG_KEY)),
  fc.constant<Step>(({ store }) => store.cut()),
  fc.constant<Step>(({ store }) => store.mend()),
  fc.constant<Step>(({ store }) => store.endWatches()),
  fc.constant<Step>(({ store }) => store.compact()),
  fc.boolean().map(
    (deaf): Step =>
      ({ store }) => {
        store.deaf = deaf;
      },
  ),
  fc.constant<Step>(({ store }) => {
    store.wipe();
    store.put(CONFIG_KEY, CONFIG);
  }),
);

const onProcess: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Step>((world) => world.settle()) },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 1, max: 100_000 }).map(
      (ms): Step =>
        (world) =>
          world.advance(ms),
    ),
  },
  fc.constant<Step>(async (world) => {
    world.kill();
    await world.start();
  }),
);

const steps = fc.array(fc.oneof(onHost, onStore, onProcess), { maxLength: 25 });

/** Nobody disturbs anything any more. */
async function makePeace(world: World): Promise<void> {
  const { store, driver } = world;
  driver.delivery = 'faithful';
  driver.hides = undefined;
  driver.faults.clear();
  store.deaf = false;
  store.mend();
  store.put(CONFIG_KEY, CONFIG);
  // What the host has for those that can't be read would stay, wanted or not.
  for (const { key, value } of store.all()) if (value === 'junk' && key !== own(world)) store.delete(key);
  store.deliver();
  if (!world.kernel.link('eth0')) world.kernel.addLink(device('eth0'));
  // Longer than anything is backed off or held as contested after so few disturbances.
  await world.advance(40 * 60_000);
}

test('the host becomes what the store says, and the agent comes to rest', async (t) => {
  await holds(
    t,
    fc.tuple(host, steps),
    async ([resources, disturbances]) => {
      const kernel = new ModelKernel();
      populate(kernel, [device('eth0'), ...resources]);
      const world = await new World({ kernel, previousSubnetEnv: 'FLANNEL_NETWORK=10.6.0.0/16\n' }).start();
      for (const disturb of disturbances) await disturb(world);
      await makePeace(world);

      const { state } = world.agent;
      if ((world.states as { lease?: string }).lease === 'retrying') {
        // Somebody's device is in the way of ours since before there was a lease: then none is taken.
        assert.ok(state.lease.held.some(({ kind, unmet }) => kind === 'link' && unmet));
        assert.equal(state.lease.current, undefined);
        world.kill();
        return;
      }
      assert.deepEqual(world.states, { store: { connected: 'watching' }, lease: 'held', work: 'idle' });
      assert.equal(state.lease.compareWith(state.mirror), 'same');
      assert.ok(world.store.get(own(world))?.value.includes(state.host.current!.publicIP));
      assert.ok(state.desired);
      const after = world.kernel.all();
      assertConverged({ instance: state.instance, desired: state.desired.wants, before: [], after });

      const [applies, writes, rounds] = [world.applies, world.store.writes.length, world.reports.length];
      const [lines, requests] = [world.log.length, world.store.requests];
      await world.advance(10 * LEVEL_PASS_MS);
      assert.equal(world.applies, applies);
      assert.equal(world.store.writes.length, writes);
      assert.equal(world.store.requests, requests);
      assert.ok(world.reports.length - rounds <= 11, `${world.reports.length - rounds} rounds`);
      assert.equal(world.log.length, lines, world.log.at(-1)?.message);
      world.kill();
    },
    100,
  );
});
