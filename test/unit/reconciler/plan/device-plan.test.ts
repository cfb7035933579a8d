/** What a plan does about devices that hold what a wanted one needs: a VNI on a port, or the port alone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Have, Link } from '../../../../reconciler/kinds/index.ts';
import { deedsOf, deviceOf, observedOf, overlayWith, planFor } from '../../../helpers/planning.ts';
import { vxlanOf } from '../../../helpers/tunnels.ts';
import { wantsOf } from '../../../helpers/wants.ts';

const overlay = overlayWith(0);
const wants = [...wantsOf(overlay).values()];
const device = deviceOf(overlay);
const others = observedOf(overlay).filter(({ kind }) => kind !== 'link');
const like = (name: string, tunnel: object, rest: Partial<Link> = {}): Link => ({
  ...device,
  name,
  tunnel: vxlanOf(device, tunnel),
  ...rest,
});
const plan = (...haves: Have[]) => planFor(wants, [...haves, ...others]);

describe('a device of ours that nobody wants, in the way of one that is wanted', () => {
  it('is taken back under its own name, if that is all', () => {
    assert.deepEqual(deedsOf(planFor(wants, [like('flannel.7', {})])).slice(0, 1), ['update link flannel.1']);
  });

  it('goes first, if the wanted one has to be made anew', () => {
    const wrongPort = like('flannel.1', { port: 4789 });
    assert.deepEqual(deedsOf(plan(wrongPort, like('flannel.7', {}))), [
      'delete link flannel.7',
      'update link flannel.1',
      'create address flannel.1|10.5.1.0/32',
    ]);
  });

  it('goes first, if the wanted one is down and can’t open the port beside it', () => {
    const down = like('flannel.1', {}, { up: false });
    const deeds = deedsOf(plan(down, like('flannel.2', { vni: 2, gbp: true })));
    assert.deepEqual(deeds, ['delete link flannel.2', 'update link flannel.1']);
  });

  it('goes with every other that is in the way too', () => {
    const two = [like('flannel.2', { vni: 2, gbp: true }), like('flannel.3', { vni: 3, gbp: true })];
    assert.deepEqual(deedsOf(planFor(wants, two)).slice(0, 2), ['delete link flannel.3', 'update link flannel.1']);
  });

  it('stays where it is only to be reported, and is named', () => {
    const down = like('flannel.1', {}, { up: false });
    const stays = planFor(wants, [down, like('flannel.2', { vni: 2, gbp: true }), ...others], { reportStale: true });
    assert.deepEqual(deedsOf(stays), []);
    assert.match(stays.held.map(({ detail }) => detail).join(), /UDP port 8472 is in use by flannel.2/);
  });

  it('stays while not all is known', () => {
    const waits = planFor(wants, [like('flannel.1', { port: 4789 }), like('flannel.7', {}), ...others], {
      desiredComplete: false,
    });
    assert.deepEqual(deedsOf(waits), []);
  });
});

it('another’s device on the port keeps ours down, and is named', () => {
  const held = plan(like('flannel.1', {}, { up: false }), like('theirs', { vni: 9, gbp: true }, { alias: 'theirs' }));
  assert.deepEqual(deedsOf(held), []);
  assert.match(held.held[0]!.detail, /UDP port 8472 is in use by theirs/);
});
