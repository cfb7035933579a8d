import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fdb, Have, Link, Neighbour, Nexthop, Route } from '../../../../reconciler/kinds/index.ts';
import { compare, identical, mustRecreate } from '../../../../reconciler/kinds/index.ts';
import { deviceOf, overlayWith } from '../../../helpers/planning.ts';
import { vxlanOf } from '../../../helpers/tunnels.ts';
import { linkWant, peerWants } from '../../../helpers/wants.ts';

const overlay = overlayWith(1);
const want = linkWant(overlay);
const have = deviceOf(overlay);
const [neighbour, fdb, nexthop, route] = peerWants(overlay, overlay.peers[0]!) as [Neighbour, Fdb, Nexthop, Route];

test('a link in sync differs in nothing: port 0 is 8472, and MAC "" is any', () => {
  assert.equal(vxlanOf(want).port, 0);
  assert.deepEqual(compare(want, have), []);
  assert.deepEqual(compare({ ...want, mac: '' }, have), []);
});

test('each field of a link is compared, and says whether the device must be made anew', () => {
  const vxlan = vxlanOf(have);
  const cases: [Partial<Link>, string, boolean][] = [
    [{ up: false }, 'up', false],
    [{ mac: '02:00:00:00:00:99' }, 'mac', false],
    [{ mtu: 1400 }, 'mtu', false],
    [{ alias: '' }, 'alias', false],
    [{ type: 'bridge' }, 'type', true],
    [{ tunnel: { ...vxlan, local: '' } }, 'vxlan.local', false],
    [{ tunnel: { ...vxlan, parent: 'eth1' } }, 'vxlan.parent', false],
    [{ tunnel: { ...vxlan, learning: true } }, 'vxlan.learning', false],
    [{ tunnel: { ...vxlan, vni: 2 } }, 'vxlan.vni', true],
    [{ tunnel: { ...vxlan, port: 4789 } }, 'vxlan.port', true],
    [{ tunnel: { ...vxlan, gbp: true } }, 'vxlan.gbp', true],
  ];
  for (const [change, field, recreate] of cases) {
    const fields = compare(want, { ...have, ...change });
    assert.deepEqual(fields, [field]);
    assert.equal(mustRecreate('link', fields), recreate, field);
  }
});

test('protocol marks, masters and file modes are not compared', () => {
  assert.deepEqual(compare(neighbour, { ...neighbour, protocol: 0 }), []);
  assert.deepEqual(compare(nexthop, { ...nexthop, protocol: 3 }), []);
  assert.deepEqual(compare(route, { ...route, protocol: 3 }), []);
  const file = { kind: 'file' as const, path: '/run/x', content: 'a', mode: 0o644 };
  assert.deepEqual(compare(file, { ...file, mode: 0o600 }), []);
  assert.deepEqual(compare(file, { ...file, content: 'b' }), ['content']);
});

test('neighbours, FDB entries and nexthop objects', () => {
  assert.deepEqual(compare(neighbour, { ...neighbour, mac: '02:00:00:00:00:99', permanent: false }), [
    'mac',
    'permanent',
  ]);
  assert.deepEqual(compare(fdb, { ...fdb, dst: '198.18.9.9', plain: false }), ['dst', 'plain']);
  assert.deepEqual(compare(nexthop, { ...nexthop, gateway: '10.5.9.0', onlink: false }), ['gateway', 'onlink']);
  assert.equal(mustRecreate('nexthop', compare(nexthop, { ...nexthop, plain: false })), true);
  assert.equal(mustRecreate('fdb', ['plain']), true, 'a replacement leaves a nexthop group where it is');
});

test('a route on its nexthop object has no gateway of its own to be compared', () => {
  assert.deepEqual(compare(route, { ...route, gateway: '', dev: '', onlink: false }), []);
  assert.deepEqual(compare(route, { ...route, nexthopId: 0 }), ['nexthopId']);
  const plain = { ...route, nexthopId: 0 };
  assert.deepEqual(compare(plain, plain), []);
  assert.deepEqual(compare(plain, { ...plain, gateway: '10.5.9.0' }), ['gateway']);
  assert.deepEqual(compare(plain, { ...plain, dev: '', gateway: '', type: 'blackhole' }), ['dev', 'gateway', 'type']);
  assert.deepEqual(compare(plain, route), ['nexthopId']);
});

test('identical looks at every field', () => {
  const copy = (one: Have): Have => structuredClone(one);
  assert.ok(identical(have, copy(have)) && identical(undefined, undefined));
  assert.ok(!identical(have, undefined) && !identical(undefined, have));
  assert.ok(!identical(neighbour, { ...neighbour, protocol: 0 }));
  assert.ok(!identical(have, { ...have, tunnel: vxlanOf(have, { local: '' }) }));
  assert.ok(!identical(have, { ...have, tunnel: undefined }));
});
