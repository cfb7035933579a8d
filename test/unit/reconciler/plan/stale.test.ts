import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Route } from '../../../../reconciler/kinds/index.ts';
import { deedsOf, observedOf, overlayWith, planFor } from '../../../helpers/planning.ts';
import { peersOf, wantsOf } from '../../../helpers/wants.ts';

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
