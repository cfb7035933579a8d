import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MOST_PLAIN, prefersPlain } from '../../../../reconciler/backends/routes.ts';
import type { Have, Route } from '../../../../reconciler/kinds/index.ts';
import { deedsOf, observedOf, overlayWith, planFor } from '../../../helpers/planning.ts';
import { wantsOf } from '../../../helpers/wants.ts';

const overlay = overlayWith(1);
const wants = [...wantsOf(overlay).values()];
const ROUTE = 'route 254|10.5.2.0/24|0|0';
const plain = { prefersPlain: () => true };
const of = (haves: Have[], kind: Have['kind']) => haves.find((have) => have.kind === kind);

describe('a route that is to be plain', () => {
  it('is made so, without a nexthop object', () => {
    const haves = observedOf(overlay).filter(({ kind }) => kind !== 'route' && kind !== 'nexthop');
    const plan = planFor(wants, haves, plain);
    assert.deepEqual(deedsOf(plan), [`create ${ROUTE}`]);
    const [change] = plan.steps.flatMap(({ changes }) => changes);
    assert.ok(change?.op === 'create' && change.want.kind === 'route');
    assert.deepEqual([change.want.nexthopId, change.want.gateway], [0, '10.5.2.0']);
  });

  it('stays on its nexthop object if it is right there', () => {
    assert.deepEqual(deedsOf(planFor(wants, observedOf(overlay), plain)), []);
  });

  it('is moved to a plain gateway if its nexthop object is wrong, which then goes', () => {
    const haves = observedOf(overlay).map((have) =>
      have.kind === 'nexthop' ? { ...have, gateway: '10.5.2.9' } : have,
    );
    const id = (of(haves, 'route') as Route).nexthopId;
    assert.deepEqual(deedsOf(planFor(wants, haves, plain)), [`update ${ROUTE}`, `delete nexthop ${id}`]);
  });
});

it('direct routes are plain up to 1,024 peers, those of a tunnel never', () => {
  const host = { uplink: { name: 'eth0', mtu: 1500, address: '192.168.64.2', networks: [] } };
  const asked = (peers: number, dev: string) =>
    prefersPlain({ ...host, hostname: 'web1', publicIP: '192.168.64.2', nexthopObjects: true }, peers, dev);
  assert.deepEqual(
    [asked(MOST_PLAIN, 'eth0'), asked(MOST_PLAIN + 1, 'eth0'), asked(1, 'flannel.1')],
    [true, false, false],
  );
});
