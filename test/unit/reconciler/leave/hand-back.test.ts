import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Have, idOf, type Route } from '../../../../reconciler/kinds/index.ts';
import { planHandBack } from '../../../../reconciler/leave/hand-back.ts';
import { Ownership } from '../../../../reconciler/plan/ownership.ts';
import { contextFor, observedOf, overlayWith } from '../../../helpers/planning.ts';

const plan = (haves: Have[]) => {
  const { steps, held } = planHandBack({ haves, ownership: new Ownership(contextFor(haves)), defaultRpFilter: 0 });
  return { changes: steps.flatMap(({ changes }) => changes), held };
};

/** What is there once the changes were made. */
function after(haves: Have[]): Have[] {
  const { changes } = plan(haves);
  const made = new Map(changes.map((change) => [change.id, change]));
  return haves.flatMap((have) => {
    const change = made.get(idOf(have));
    if (!change) return have;
    return change.op === 'delete' ? [] : change.want;
  });
}

const deeds = (haves: Have[]) => plan(haves).changes.map(({ op, id }) => `${op} ${id}`);

describe('a host that is handed back to flannel', () => {
  it('keeps all of it, without marks and on plain gateways; then there is nothing left to do', () => {
    const haves = observedOf(overlayWith(2));
    const left = after(haves);
    const route = left.find((have) => have.kind === 'route') as Route;
    assert.deepEqual(
      [route.dev, route.gateway, route.onlink, route.nexthopId, route.protocol],
      ['flannel.1', '10.5.2.0', true, 0, 3],
    );
    assert.deepEqual(
      left.filter((have) => have.kind === 'nexthop' || ('protocol' in have && have.protocol === 115)),
      [],
    );
    const link = left.find((have) => have.kind === 'link');
    assert.deepEqual([link?.alias, link?.rpFilter], ['', 0]);
    assert.equal(left.length, haves.length - 2, 'only the two nexthop objects are gone');
    assert.deepEqual(plan(left), { changes: [], held: [] });
  });

  it('replaces before it deletes, so that no route is ever without its way', () => {
    const order = deeds(observedOf(overlayWith(2))).map((deed) => deed.split(' ').slice(0, 2).join(' '));
    assert.ok(order.indexOf('delete nexthop') > order.lastIndexOf('update route'), order.join(', '));
  });

  it('touches nothing of anybody else’s, nor what is flannel’s already', () => {
    const foreign: Have[] = observedOf(overlayWith(2)).map((have) => {
      if (have.kind === 'link') return { ...have, alias: 'selvage:/another' };
      return 'protocol' in have ? { ...have, protocol: 3 } : have;
    });
    assert.deepEqual(deeds(foreign), []);
  });

  it('keeps a nexthop object that somebody else’s route is on, and says so', () => {
    const haves = observedOf(overlayWith(1));
    const ours = haves.find((have) => have.kind === 'route') as Route;
    const theirs: Route = { ...ours, table: 100, protocol: 4 };
    const { changes, held } = plan([...haves, theirs]);
    assert.deepEqual(
      changes.filter(({ op }) => op === 'delete'),
      [],
    );
    assert.deepEqual(
      held.map(({ kind, why, unmet }) => [kind, why, unmet]),
      [['nexthop', 'still in use', true]],
    );
  });

  it('leaves a route whose way nobody can read, with its nexthop object', () => {
    const haves = observedOf(overlayWith(1)).map((have) =>
      have.kind === 'nexthop' ? { ...have, plain: false } : have,
    );
    const { changes, held } = plan(haves);
    assert.deepEqual(
      changes.filter(({ id }) => /^(route|nexthop) /.test(id)),
      [],
    );
    assert.ok(held.some(({ kind, why }) => kind === 'route' && why === 'unknown form'));
  });

  it('removes what is hidden behind the route in force, instead of replacing that one again', () => {
    const haves = observedOf(overlayWith(1));
    const route = haves.find((have) => have.kind === 'route') as Route;
    const hidden: Route = { ...route, dev: 'flannel.1', gateway: '10.5.2.0', nexthopId: 0 };
    const ofRoutes = deeds([...haves, hidden]).filter((deed) => deed.includes('route'));
    assert.deepEqual(ofRoutes, [`update ${idOf(route)}`, `delete ${idOf(route)}`]);
  });
});
