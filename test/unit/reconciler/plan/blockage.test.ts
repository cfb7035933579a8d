import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change, Outcome } from '../../../../reconciler/contracts/driver.ts';
import {
  type Fdb,
  type Have,
  idOf,
  type Neighbour,
  type Nexthop,
  type Resource,
  type Route,
  standsOn,
} from '../../../../reconciler/kinds/index.ts';
import { Blockage } from '../../../../reconciler/plan/blockage.ts';
import { deviceOf, overlayWith } from '../../../helpers/planning.ts';
import { peerWants } from '../../../helpers/wants.ts';

const overlay = overlayWith(1);
const link = deviceOf(overlay);
const [neighbour, fdb, nexthop, route] = peerWants(overlay, overlay.peers[0]!) as [Neighbour, Fdb, Nexthop, Route];
const plain: Route = { ...route, nexthopId: 0 };
const file = { kind: 'file' as const, path: '/run/x', content: '', mode: 0o644 };

const create = (want: Resource): Change => ({ op: 'create', id: idOf(want), reason: '', want });
const remove = (have: Have): Change => ({ op: 'delete', id: idOf(have), reason: '', have });
const update = (have: Have, want: Resource): Change => ({
  op: 'update',
  id: idOf(want),
  reason: '',
  want,
  have,
  fields: [],
  recreate: false,
});

function blocked(by: Change, change: Change, result: Outcome['result'] = 'failed'): string | undefined {
  const blockage = new Blockage();
  blockage.note({ change: by, result });
  return blockage.by(change);
}

test('what stands on a device that could not be made waits, and nothing else', () => {
  for (const child of [neighbour, fdb, nexthop, route])
    assert.equal(blocked(create(link), create(child)), 'link flannel.1');
  assert.equal(blocked(create(link), create({ ...plain, dev: 'eth0' })), undefined);
  assert.equal(blocked(create(link), create(file)), undefined);
  assert.equal(blocked(create(link), create(neighbour), 'done'), undefined);
  assert.equal(blocked(create(link), create(neighbour), 'noop'), undefined);
  assert.equal(
    blocked(create(link), create(neighbour), 'blocked'),
    'link flannel.1',
    'what was blocked was not made either',
  );
});

test('a route waits for its nexthop object, a plain one doesn’t', () => {
  assert.equal(blocked(create(nexthop), create(route)), 'nexthop 168100352');
  assert.equal(blocked(create(nexthop), create(plain)), undefined);
  assert.equal(blocked(create(neighbour), create(route)), undefined);
});

test('what something still goes through is not taken away', () => {
  const moved: Route = { ...plain, dev: 'flannel.2' };
  assert.equal(blocked(update(route, moved), remove(nexthop)), 'nexthop 168100352');
  assert.equal(blocked(update(route, moved), remove(link)), 'link flannel.1');
  assert.equal(blocked(remove(route), remove(nexthop)), 'nexthop 168100352');
  assert.equal(blocked(remove(route), remove(neighbour)), undefined);
  assert.equal(blocked(update(nexthop, { ...nexthop, dev: 'flannel.2' }), remove(link)), 'link flannel.1');
});

test('a chain: no new device, so no new path, so the old one stays', () => {
  const next = { ...link, name: 'flannel.2' };
  const blockage = new Blockage();
  blockage.note({ change: create(next), result: 'failed' });
  const move = update(nexthop, { ...nexthop, dev: 'flannel.2' });
  assert.equal(blockage.by(move), 'link flannel.2');
  blockage.note({ change: move, result: 'blocked' });
  assert.equal(blockage.by(remove(link)), 'link flannel.1');
});

test('what could not be moved keeps the entries of its gateway on the old path', () => {
  const blockage = new Blockage([remove(fdb), remove(neighbour)]);
  blockage.note({ change: update(nexthop, { ...nexthop, dev: 'flannel.2' }), result: 'blocked' });
  assert.equal(blockage.by(remove(fdb)), idOf(fdb));
  assert.equal(blockage.by(remove(neighbour)), idOf(neighbour));
  assert.equal(blockage.by(remove({ ...neighbour, ip: '10.5.99.0' })), undefined);
});

test('what a resource stands on', () => {
  assert.deepEqual(standsOn(link), []);
  assert.deepEqual(standsOn(file), []);
  assert.deepEqual(standsOn(route), ['link flannel.1', 'nexthop 168100352']);
  assert.deepEqual(standsOn({ ...plain, dev: '' }), []);
});
