/** Somebody else's objects: a create in their place is a conflict and leaves them byte-identical; what serves is a noop. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { destroyAll } from '../../../helpers/netns.ts';
import { vxlanOf } from '../../../helpers/tunnels.ts';
import { create, fixture, objectsOf, peer, remove, results, update, vtep } from './fixture.ts';

after(destroyAll);

test('a foreign route in the place is a conflict, named and untouched', async (t) => {
  const f = await fixture('route');
  t.after(f.close);
  await f.driver.apply([create(vtep), create(peer(2).nexthop)]);
  await f.ns.ip('route', 'add', '10.5.2.0/24', 'via', '192.0.2.254', 'dev', 'eth0', 'proto', 'static');
  const before = await f.ns.ip('-4', '-d', 'route', 'show', 'table', 'all');
  const [onObject, plain] = await f.driver.apply([create(peer(2).route), create({ ...peer(2).route, nexthopId: 0 })]);
  for (const outcome of [onObject, plain]) {
    assert.deepEqual(results([outcome!]), ['conflict EEXIST']);
    assert.match(outcome?.failure?.message ?? '', /via 192\.0\.2\.254 dev eth0 proto 4 is in its place/);
  }
  assert.deepEqual(results(await f.driver.apply([remove(peer(2).route)])), ['noop']);
  assert.deepEqual(results(await f.driver.apply([remove({ ...peer(2).route, nexthopId: 0 })])), ['noop']);
  assert.equal(await f.ns.ip('-4', '-d', 'route', 'show', 'table', 'all'), before);
});

test('a delete hits no route that differs in protocol, gateway, device, type, tos or table', async (t) => {
  const f = await fixture('qualified');
  t.after(f.close);
  await f.driver.apply([create(vtep)]);
  const route = { ...peer(2).route, nexthopId: 0 };
  await f.ns.ipBatch([
    'route add 10.5.2.0/24 via 10.5.2.0 dev flannel.1 onlink proto 3',
    'route add 10.5.2.0/24 via 10.5.2.1 dev flannel.1 onlink proto 115 metric 1',
    'route add 10.5.2.0/24 via 10.5.2.0 dev eth0 onlink proto 115 metric 2',
    'route add unreachable 10.5.2.0/24 proto 115 metric 3',
    'route add 10.5.2.0/24 tos 0x10 via 10.5.2.0 dev flannel.1 onlink proto 115',
    'route add 10.5.2.0/24 via 10.5.2.0 dev flannel.1 onlink proto 115 table 100',
    'route add 10.5.2.0/25 via 10.5.2.0 dev flannel.1 onlink proto 115',
  ]);
  const before = await f.ns.ip('-4', '-d', 'route', 'show', 'table', 'all');
  assert.deepEqual(results(await f.driver.apply([remove(route)])), ['noop']);
  assert.equal(await f.ns.ip('-4', '-d', 'route', 'show', 'table', 'all'), before);
  assert.deepEqual(results(await f.driver.apply([remove({ ...route, protocol: 3 })])), ['done']);
  const rest = await f.ns.ip('-4', '-d', 'route', 'show', 'table', 'all');
  assert.equal(rest.split('\n').length, before.split('\n').length - 1);
});

test('a metric qualifies a delete, unless it is 0: then the kernel takes the lowest', async (t) => {
  const f = await fixture('metric');
  t.after(f.close);
  await f.driver.apply([create(vtep)]);
  const route = { ...peer(2).route, nexthopId: 0 };
  await f.driver.apply([create({ ...route, metric: 9 }), create(route)]);
  assert.deepEqual(results(await f.driver.apply([remove({ ...route, metric: 8 })])), ['noop']);
  assert.deepEqual(results(await f.driver.apply([remove(route)])), ['done']);
  assert.deepEqual(
    (await f.ns.ipJson('route', 'show', 'proto', '115')).map(({ metric }) => metric),
    [9],
  );
});

test('the same, made by another meanwhile, is a noop', async (t) => {
  const f = await fixture('same');
  t.after(f.close);
  await f.driver.apply([create(vtep)]);
  const { neighbour, fdb, route } = peer(2);
  await f.ns.ipBatch([
    `neigh add 10.5.2.0 lladdr ${neighbour.mac} dev flannel.1 nud permanent`,
    'route add 10.5.2.0/24 via 10.5.2.0 dev flannel.1 onlink',
    'address add 10.5.1.0/32 dev flannel.1',
    `nexthop add id ${peer(3).nexthop.id} via 10.5.3.0 dev flannel.1 onlink`,
  ]);
  await f.ns.bridgeBatch([`fdb add ${fdb.mac} dev flannel.1 dst ${fdb.dst} self permanent`]);
  const outcomes = await f.driver.apply([
    create(vtep),
    create({ kind: 'address', dev: 'flannel.1', address: '10.5.1.0/32' }),
    create(neighbour),
    create(fdb),
    create(peer(3).nexthop),
    create({ ...route, nexthopId: 0 }),
  ]);
  assert.deepEqual(results(outcomes), ['noop', 'noop', 'noop', 'noop', 'noop', 'noop']);
});

test('permanent entries of somebody else are conflicts, what the kernel learned gives way', async (t) => {
  const f = await fixture('neigh');
  t.after(f.close);
  await f.driver.apply([create({ ...vtep, tunnel: vxlanOf(vtep, { learning: true }) })]);
  await f.ns.ipBatch([
    'neigh add 10.5.2.0 lladdr 02:00:00:00:00:02 dev flannel.1 nud permanent',
    'neigh add 10.5.3.0 lladdr 02:00:00:00:00:03 dev flannel.1 nud reachable',
    'neigh add 10.5.4.0 dev flannel.1 nud failed',
  ]);
  await f.ns.bridgeBatch([
    `fdb add ${peer(2).fdb.mac} dev flannel.1 dst 192.0.2.77 self permanent`,
    `fdb add ${peer(3).fdb.mac} dev flannel.1 dst 192.0.2.77 self dynamic`,
  ]);
  const outcomes = await f.driver.apply([
    ...[2, 3, 4].map((n) => create(peer(n).neighbour)),
    ...[2, 3].map((n) => create(peer(n).fdb)),
  ]);
  assert.deepEqual(results(outcomes), ['conflict EEXIST', 'done', 'done', 'conflict EEXIST', 'done']);
  const arp = await f.ns.ipJson('neigh', 'show', 'dev', 'flannel.1', 'nud', 'permanent');
  assert.deepEqual(
    new Map(arp.map(({ dst, lladdr }) => [dst, lladdr])),
    new Map([
      ['10.5.2.0', '02:00:00:00:00:02'],
      ['10.5.3.0', peer(3).neighbour.mac],
      ['10.5.4.0', peer(4).neighbour.mac],
    ]),
  );
  const fdb = await f.ns.bridgeJson('fdb', 'show', 'dev', 'flannel.1');
  assert.deepEqual(
    new Map(fdb.map(({ mac, dst }) => [mac, dst])),
    new Map([
      [peer(2).fdb.mac, '192.0.2.77'],
      [peer(3).fdb.mac, peer(3).fdb.dst],
    ]),
  );
});

test('a foreign nexthop object in the place is a conflict', async (t) => {
  const f = await fixture('nexthop');
  t.after(f.close);
  await f.driver.apply([create(vtep)]);
  await f.ns.ip('nexthop', 'add', 'id', String(peer(2).nexthop.id), 'via', '192.0.2.254', 'dev', 'eth0');
  const [outcome] = await f.driver.apply([create(peer(2).nexthop)]);
  assert.deepEqual(results([outcome!]), ['conflict EEXIST']);
  assert.match(outcome?.failure?.message ?? '', /nexthop object \d+ \(10\.5\.2\.0\) via 192\.0\.2\.254 dev eth0/);
});

test('another device of that name is left alone, and so is what it carries', async (t) => {
  const f = await fixture('name');
  t.after(f.close);
  await f.ns.ip('link', 'add', 'flannel.1', 'type', 'bridge');
  const outcomes = await f.driver.apply([create(vtep), update(vtep, vtep), remove(vtep)]);
  assert.deepEqual(results(outcomes), ['conflict EEXIST', 'conflict EEXIST', 'conflict EEXIST']);
  assert.match(outcomes[0]?.failure?.message ?? '', /link flannel\.1 of type bridge is in its place/);
  const [link] = await f.ns.ipJson('link', 'show', 'flannel.1');
  assert.deepEqual([link?.linkinfo?.info_kind, link?.ifalias], ['bridge', undefined]);
});

test('a device of another name that holds the VNI on that port is named', async (t) => {
  const f = await fixture('vni');
  t.after(f.close);
  await f.ns.ip('link', 'add', 'vx9', 'type', 'vxlan', 'id', '1', 'dev', 'eth0', 'dstport', '8472');
  const [outcome] = await f.driver.apply([create(vtep)]);
  assert.deepEqual(results([outcome!]), ['conflict EEXIST']);
  assert.match(outcome?.failure?.message ?? '', /link vx9, vxlan id 1 port 8472 dev eth0 is in its place/);
});

test('a UDP port that is taken is a conflict, and no half-made device stays', async (t) => {
  const f = await fixture('port');
  t.after(f.close);
  const holder = f.ns.spawn(process.execPath, [
    '-e',
    "require('node:dgram').createSocket('udp4').bind(8472, () => console.log('bound'))",
  ]);
  await once(holder.stdout!, 'data');
  const [outcome] = await f.driver.apply([create(vtep)]);
  assert.deepEqual(results([outcome!]), ['conflict EADDRINUSE']);
  assert.deepEqual((await f.ns.ipJson('link', 'show', 'type', 'vxlan')).length, 0);
});

test('an answer of 0 is not proof', async (t) => {
  const f = await fixture('proof');
  t.after(f.close);
  await f.driver.apply([create(vtep), ...objectsOf(2).map(create)]);
  const wrong = { ...peer(2).fdb, dst: '192.0.2.200' };
  assert.deepEqual(results(await f.driver.apply([remove(wrong)])), ['done']); // the read-back tells
  const [entry] = await f.ns.bridgeJson('fdb', 'show', 'dev', 'flannel.1');
  assert.equal(entry?.dst, peer(2).fdb.dst);
});

test('what makes no sense is invalid and alone in failing', async (t) => {
  const f = await fixture('invalid');
  t.after(f.close);
  const outcomes = await f.driver.apply([
    create(vtep),
    create({ ...peer(2).neighbour, mac: 'nonsense' }),
    create({ ...peer(2).route, nexthopId: 0, dst: '10.5.2.1/24' }),
    create(peer(3).neighbour),
    create({ ...vtep, name: 'br0', type: 'bridge', tunnel: undefined }),
    create({ kind: 'file', path: '/x', content: '', mode: 0 }),
  ]);
  assert.deepEqual(results(outcomes), [
    'done',
    'invalid EINVAL',
    'invalid EINVAL',
    'done',
    'invalid EINVAL',
    'invalid EINVAL',
  ]);
  assert.match(outcomes[2]?.failure?.message ?? '', /"Invalid prefix for given prefix length"/);
});
