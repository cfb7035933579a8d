/**
 * A round that looks only where something changed ends where a full one would: for changes of what is wanted, and for changes of the host as
 * the kernel's events tell them (not at all, for what it drops in silence).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Change } from '../../reconciler/contracts/driver.ts';
import { emptyScope, mergeScope, scopeOf } from '../../reconciler/contracts/scope.ts';
import { type Have, identical, idOf, linkOf, type Want } from '../../reconciler/kinds/index.ts';
import { changesOf } from '../../reconciler/plan/plan.ts';
import { BASE, host, INSTANCE, overlay, peers } from '../helpers/hosts.ts';
import { type Delivery, ModelDriver, populate } from '../helpers/model-driver.ts';
import { Errno, ModelKernel } from '../helpers/model-kernel.ts';
import { holds } from '../helpers/property.ts';
import { planOf, runRound } from '../helpers/run-round.ts';
import { macOf, wantsOf } from '../helpers/wants.ts';

const changedIds = (before: ReadonlyMap<string, Want>, after: ReadonlyMap<string, Want>): string[] =>
  [...new Set([...before.keys(), ...after.keys()])].filter((id) => !identical(before.get(id), after.get(id)));

test('after leases have changed, a round over their ids leaves nothing for a full one', async (t) => {
  await holds(t, fc.record({ resources: host, wanted: overlay, next: peers }), async ({ resources, wanted, next }) => {
    const kernel = new ModelKernel();
    populate(kernel, resources);
    const base = { driver: new ModelDriver(kernel), instance: INSTANCE };
    const [before, after] = [wantsOf(wanted), wantsOf({ ...wanted, peers: next })];
    const { plan } = await runRound({ ...base, desired: before });
    // A device that stays for a peer's sake goes when the peer does, but only a full round thinks of it.
    fc.pre(!plan.held.some(({ why }) => why === 'still in use'));

    const scope = scopeOf({ ids: changedIds(before, after) });
    await runRound({ ...base, desired: after, scope });
    // Nor does any but a full one think of what neither of the two wanted, and what stayed for as long as something went through it.
    const isOlder = ({ op, id }: Change): boolean => op === 'delete' && !before.has(id);
    const left = changesOf(await planOf({ ...base, desired: after }));
    assert.deepEqual(
      left.filter((change) => !isOlder(change)),
      [],
    );
  });
});

test('a round over the ids of one peer plans nothing for the others', async (t) => {
  await holds(t, fc.record({ wanted: overlay, pick: fc.nat() }), async ({ wanted, pick }) => {
    const kernel = new ModelKernel();
    populate(kernel, BASE);
    const desired = wantsOf(wanted);
    const base = { driver: new ModelDriver(kernel), instance: INSTANCE, desired };
    await runRound(base);
    for (const have of kernel.all()) if (have.kind === 'route') kernel.deleteRoute(have);
    const routes = [...desired.values()].filter((want) => want.kind === 'route');
    fc.pre(routes.length > 0);
    const one = idOf(routes[pick % routes.length]!);
    const { outcomes } = await runRound({ ...base, scope: scopeOf({ ids: [one] }) });
    assert.deepEqual(
      outcomes.map(({ change }) => `${change.op} ${change.id}`),
      [`create ${one}`],
    );
  });
});

/** What a person or a program may do to what is there. Picks are taken modulo what there is. */
const deed = fc.record({
  what: fc.constantFrom('delete', 'alter', 'link down', 'link up', 'link gone', 'new MAC', 'new MTU', 'no alias'),
  pick: fc.nat(),
});
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

function disturb(kernel: ModelKernel, { what, pick }: Deed): void {
  const under = kernel.all().filter((have) => linkOf(have)?.startsWith('flannel.') ?? true);
  const links = under.filter((have) => have.kind === 'link');
  const others = under.filter((have) => have.kind !== 'link');
  const link = links[pick % links.length];
  const other = others[pick % others.length];
  if (what === 'delete' && other) remove(kernel, other);
  else if (what === 'alter' && other) alter(kernel, other);
  else if (!link) return;
  else if (what === 'link down') kernel.setLink(link.name, { up: false });
  else if (what === 'link up') kernel.setLink(link.name, { up: true });
  else if (what === 'link gone') kernel.deleteLink(link.name);
  else if (what === 'new MAC') kernel.setLink(link.name, { mac: macOf(77) });
  else if (what === 'new MTU') kernel.setLink(link.name, { mtu: 1280 });
  else if (what === 'no alias') kernel.setLink(link.name, { alias: '' });
}

function remove(kernel: ModelKernel, have: Have): void {
  if (have.kind === 'address') kernel.deleteAddress(have);
  else if (have.kind === 'neighbour') kernel.deleteNeighbour(have);
  else if (have.kind === 'fdb') kernel.deleteFdb(have);
  else if (have.kind === 'nexthop') kernel.deleteNexthop(have.id);
  else if (have.kind === 'route') kernel.deleteRoute(have);
  else if (have.kind === 'file') kernel.deleteFile(have.path);
}

function alter(kernel: ModelKernel, have: Have): void {
  if (have.kind === 'neighbour') kernel.setNeighbour({ ...have, mac: macOf(78), protocol: 0 }, 'replace');
  else if (have.kind === 'fdb') kernel.setFdb({ ...have, dst: '198.18.0.77' }, 'replace');
  else if (have.kind === 'nexthop') kernel.setNexthop({ ...have, gateway: '10.5.99.0' }, 'replace');
  else if (have.kind === 'route') kernel.setRoute({ ...have, nexthopId: 0, gateway: '10.5.99.0' }, 'replace');
  else if (have.kind === 'file') kernel.writeFile({ ...have, content: 'edited\n' });
}

test('after the host has changed, a round over what the events tell leaves nothing for a full one', async (t) => {
  const deliveries = fc.constantFrom<Delivery>('faithful', 'doubled', 'reversed');
  const given = fc.record({
    wanted: overlay,
    deeds: fc.array(deed, { maxLength: 5 }),
    delivery: deliveries,
    objects: fc.boolean(),
  });
  await holds(t, given, async ({ wanted, deeds, delivery, objects: nexthopObjects }) => {
    const kernel = new ModelKernel();
    populate(kernel, BASE);
    const driver = new ModelDriver(kernel);
    const base = { driver, instance: INSTANCE, desired: wantsOf(wanted), nexthopObjects };
    await runRound(base);

    const scope = emptyScope();
    const stop = await driver.watch((more) => mergeScope(scope, more));
    driver.delivery = delivery;
    for (const one of deeds) {
      try {
        disturb(kernel, one);
      } catch (error) {
        if (!(error instanceof Errno)) throw error; // e.g. a route on a link that is down by now
      }
    }
    driver.deliver();
    await stop();

    await runRound({ ...base, scope });
    assert.deepEqual(changesOf(await planOf(base)), []);
  });
});

test('with every event lost, the full pass repairs the same', async (t) => {
  await holds(t, fc.tuple(overlay, fc.array(deed, { maxLength: 5 })), async ([wanted, deeds]) => {
    const kernel = new ModelKernel();
    populate(kernel, BASE);
    const base = { driver: new ModelDriver(kernel), instance: INSTANCE, desired: wantsOf(wanted) };
    await runRound(base);
    for (const one of deeds) {
      try {
        disturb(kernel, one);
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
      }
    }
    await runRound(base);
    assert.deepEqual(changesOf(await planOf(base)), []);
  });
});
