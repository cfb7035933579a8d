import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Address, Link, Neighbour, Nexthop, Route } from '../../../../reconciler/kinds/index.ts';
import { deedsOf, deviceOf, observedOf, overlayWith, planFor } from '../../../helpers/planning.ts';
import { blockOf, peersOf, wantsOf } from '../../../helpers/wants.ts';

it('the FDB entry of a peer whose MAC has changed goes at once, also where its route waits behind a foreign one', () => {
  const overlay = overlayWith(1);
  const [peer] = peersOf(1);
  const haves = observedOf(overlay);
  const at = haves.findIndex(({ kind }) => kind === 'route');
  const { dst } = haves[at] as Route;
  const foreign: Route = {
    ...(haves[at] as Route),
    type: 'blackhole',
    protocol: 0,
    dev: '',
    gateway: '',
    onlink: false,
    nexthopId: 0,
  };
  haves.splice(at, 0, foreign);
  const moved = overlayWith(1, { peers: [{ ...peer!, mac: '02:00:00:00:ee:01' }] });
  const plan = planFor(wantsOf(moved).values(), haves);
  assert.deepEqual(deedsOf(plan), [
    `update neighbour flannel.1|${dst.replace('/24', '')}`,
    'create fdb flannel.1|02:00:00:00:ee:01',
    `delete fdb flannel.1|${peer!.mac}`,
  ]);
  assert.deepEqual(
    plan.held.map(({ why }) => why),
    ['foreign route'],
  );
});

it('the address of a device that is still in use stays, as it tells that the device is ours', () => {
  const overlay = overlayWith(1);
  const flanneld = observedOf(overlay).map((have) => (have.kind === 'link' ? { ...have, alias: '' } : have));
  const theirs: Address = { kind: 'address', dev: 'flannel.1', address: '192.168.1.0/24' };
  const inTheWay: Link = { ...deviceOf(overlay), name: 'flannel.2', type: 'bridge', tunnel: undefined };
  const wanted = [...wantsOf(overlayWith(1, { vni: 2 })).values()];
  const plan = planFor(wanted, [...flanneld, theirs, inTheWay]);
  assert.deepEqual(deedsOf(plan), []);
});

it('an FDB entry goes in the plan in which its ARP entry is lost with the device’s MAC', () => {
  const overlay = overlayWith(1);
  const haves = observedOf(overlay).map((have) =>
    have.kind === 'link' ? { ...have, mac: '06:00:00:00:00:03' } : have,
  );
  const at = haves.findIndex(({ kind }) => kind === 'route');
  const ours = haves[at] as Route;
  const kernels: Route = { ...ours, protocol: 2, nexthopId: 0 };
  haves.splice(at, 0, kernels);
  const nexthop = haves.find((have): have is Nexthop => have.kind === 'nexthop')!;
  const [peer] = peersOf(1);
  const direct = wantsOf(overlayWith(1, { peers: [{ ...peer!, direct: true }] }));
  const deeds = deedsOf(planFor(direct.values(), haves));
  assert.deepEqual(deeds, [
    'update link flannel.1',
    `delete route 254|${ours.dst}|0|0`,
    `delete nexthop ${nexthop.id}`,
    `delete fdb flannel.1|${peer!.mac}`,
  ]);
});

it('an earlier address of ours that is a peer’s now goes before the way to that peer is made, and after our new one', () => {
  const overlay = overlayWith(1);
  const [peer] = peersOf(1);
  const wanted = [...wantsOf(overlay).values()];
  const own = wanted.find((want): want is Address => want.kind === 'address')!;
  const earlier: Address = { ...own, address: `${blockOf('10.5.0.0/16', peer!.block)}/32` };
  const link = observedOf(overlay).filter((have) => have.kind === 'link');
  const deeds = deedsOf(planFor(wanted, [...link, earlier]));
  assert.deepEqual(deeds.slice(0, 2), [
    `create address flannel.1|${own.address}`,
    `delete address flannel.1|${earlier.address}`,
  ]);
  assert.equal(deeds.length, 7, deeds.join('\n'));
});

it('a stale ARP entry is not deleted one by one where a new MAC of its device takes it along', () => {
  const overlay = overlayWith(1);
  const stale: Neighbour = {
    kind: 'neighbour',
    dev: 'flannel.1',
    ip: '10.5.251.0',
    mac: '02:00:00:00:00:51',
    permanent: true,
    protocol: 0,
  };
  const haves = [...observedOf(overlay), stale];
  const wants = [...wantsOf(overlay).values()];
  assert.deepEqual(deedsOf(planFor(wants, haves)), ['delete neighbour flannel.1|10.5.251.0']);
  const other = haves.map((have) => (have.kind === 'link' ? { ...have, mac: '06:00:00:00:00:03' } : have));
  const deeds = deedsOf(planFor(wants, other));
  assert.equal(deeds[0], 'update link flannel.1');
  assert.ok(!deeds.includes('delete neighbour flannel.1|10.5.251.0'), String(deeds));
});
