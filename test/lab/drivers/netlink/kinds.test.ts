/** Every kind, made and changed and removed by us and read by iproute2, and the other way round. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { readSysctl } from '../../../../drivers/host/sysctl.ts';
import { everything } from '../../../../reconciler/contracts/scope.ts';
import type { Link } from '../../../../reconciler/kinds/index.ts';
import { destroyAll } from '../../../helpers/netns.ts';
import { vxlanOf } from '../../../helpers/tunnels.ts';
import {
  create,
  type Fixture,
  fixture,
  interest,
  objectsOf,
  peer,
  remove,
  results,
  update,
  vtep,
  vtepAddress,
} from './fixture.ts';

after(destroyAll);

const haves = async ({ driver }: Fixture) => {
  const listing = await driver.list(everything(), interest);
  assert.equal(listing.complete, true, listing.problem);
  return listing.haves;
};

test('a vxlan device is made as flannel makes it, in one go, up and marked', async (t) => {
  const f = await fixture('link');
  t.after(f.close);
  assert.deepEqual(results(await f.driver.apply([create(vtep), create(vtepAddress)])), ['done', 'done']);
  const [link] = await f.ns.ipJson('link', 'show', 'flannel.1');
  assert.deepEqual(
    [link?.mtu, link?.address, link?.ifalias, link?.txqlen, link?.flags?.includes('UP'), link?.link],
    [1450, vtep.mac, vtep.alias, undefined, true, undefined],
  );
  assert.equal(link?.linkinfo?.info_kind, 'vxlan');
  const { id, local, link: parent, port, learning, ageing, ttl } = link?.linkinfo?.info_data ?? {};
  assert.deepEqual([id, local, parent, port, learning, ageing], [1, '192.0.2.1', 'eth0', 8472, false, 300]);
  assert.equal(ttl, 0); // "auto"
  const [{ addr_info } = {}] = await f.ns.ipJson('-4', 'address', 'show', 'flannel.1');
  assert.deepEqual(
    addr_info?.map(({ local, prefixlen, scope }) => [local, prefixlen, scope]),
    [['10.5.1.0', 32, 'global']],
  );
  assert.equal(readSysctl('net.ipv6.conf.flannel/1.accept_ra', f.ns.path), '0');
  assert.equal(readSysctl('net.ipv4.conf.flannel/1.rp_filter', f.ns.path), '2');
  const listed = await haves(f);
  assert.deepEqual(
    listed.filter(({ kind }) => kind !== 'link'),
    [vtepAddress],
  );
  assert.deepEqual(
    listed.find((have) => have.kind === 'link' && have.name === 'flannel.1'),
    vtep,
  );
});

test('iproute2’s own vxlan device of the same make reads the same', async (t) => {
  const f = await fixture('iplink');
  t.after(f.close);
  await f.ns.ip(
    ...'link add flannel.1 address 02:11:22:33:44:55 mtu 1450 txqueuelen 0 type vxlan id 1 dev eth0'.split(' '),
    ...'local 192.0.2.1 dstport 8472 nolearning'.split(' '),
  );
  await f.ns.ip('link', 'set', 'flannel.1', 'alias', vtep.alias ?? '', 'up');
  await f.ns.sysctl('net.ipv4.conf.flannel/1.rp_filter', '2');
  await f.ns.sysctl('net.ipv4.conf.flannel/1.forwarding', '1');
  assert.deepEqual(
    (await haves(f)).find((have) => have.kind === 'link' && have.name === 'flannel.1'),
    vtep,
  );
});

test('group policy, learning, port and a device without parent survive the round trip', async (t) => {
  const f = await fixture('odd');
  t.after(f.close);
  const odd: Link = {
    ...vtep,
    up: false,
    tunnel: { type: 'vxlan', vni: 77, port: 4789, local: '', parent: '', learning: true, gbp: true },
  };
  assert.deepEqual(results(await f.driver.apply([create(odd)])), ['done']);
  assert.deepEqual(
    (await haves(f)).find((have) => have.kind === 'link' && have.name === 'flannel.1'),
    odd,
  );
  const [link] = await f.ns.ipJson('link', 'show', 'flannel.1');
  // iproute2 prints true, from 6.15 on null, and nothing where it is off.
  assert.ok('gbp' in link!.linkinfo!.info_data!);
});

test('what a link can change in place it changes in place; the rest is recreated', async (t) => {
  const f = await fixture('linkset');
  t.after(f.close);
  await f.driver.apply([create(vtep)]);
  const [before] = await f.ns.ipJson('link', 'show', 'flannel.1');
  const wanted = {
    ...vtep,
    mac: '02:11:22:33:44:66',
    mtu: 1400,
    alias: 'selvage:/other',
    up: false,
    tunnel: vxlanOf(vtep, { local: '192.0.2.7', learning: true, parent: 'lo' }),
  };
  const elsewhere = { ...vtep, mtu: 1300, tunnel: vxlanOf(vtep, { learning: true }) };
  for (const want of [
    elsewhere, // an MTU and a tunnel's attribute at once
    vtep,
    { ...vtep, mac: wanted.mac },
    { ...vtep, mac: wanted.mac, mtu: 1400 },
    { ...wanted, tunnel: vtep.tunnel },
    wanted,
  ]) {
    assert.deepEqual(results(await f.driver.apply([update(vtep, want)])), ['done']);
    assert.deepEqual(
      (await haves(f)).find((have) => have.kind === 'link' && have.name === 'flannel.1'),
      want,
    );
  }
  assert.deepEqual(results(await f.driver.apply([update(vtep, wanted)])), ['noop']);
  const [same] = await f.ns.ipJson('link', 'show', 'flannel.1');
  assert.equal(same?.ifindex, before?.ifindex);

  const other = { ...vtep, tunnel: vxlanOf(vtep, { vni: 2 }) };
  assert.deepEqual(results(await f.driver.apply([update(wanted, other, true)])), ['done']);
  const [anew] = await f.ns.ipJson('link', 'show', 'flannel.1');
  assert.notEqual(anew?.ifindex, before?.ifindex);
  assert.equal(anew?.linkinfo?.info_data?.id, 2);
  assert.deepEqual(results(await f.driver.apply([remove(other), remove(other)])), ['done', 'noop']);
});

test('neighbour, FDB entry, nexthop object and route: made by us, read by iproute2', async (t) => {
  const f = await fixture('peer');
  t.after(f.close);
  const { neighbour, fdb, nexthop, route } = peer(2);
  const plain = { ...peer(3).route, nexthopId: 0 };
  const outcomes = await f.driver.apply([create(vtep), ...objectsOf(2).map(create), create(plain)]);
  assert.deepEqual([...new Set(results(outcomes))], ['done']);

  const [arp] = await f.ns.ipJson('neigh', 'show', 'dev', 'flannel.1', 'nud', 'permanent');
  assert.deepEqual([arp?.dst, arp?.lladdr, arp?.protocol], [neighbour.ip, neighbour.mac, '115']);
  const [entry] = await f.ns.bridgeJson('fdb', 'show', 'dev', 'flannel.1');
  assert.deepEqual([entry?.mac, entry?.dst, entry?.state, entry?.flags], [fdb.mac, fdb.dst, 'permanent', ['self']]);
  const [object] = await f.ns.ipJson('nexthop', 'show');
  assert.deepEqual(
    [object?.id, object?.gateway, object?.dev, object?.flags, object?.protocol],
    [nexthop.id, nexthop.gateway, 'flannel.1', ['onlink'], '115'],
  );
  const routes = await f.ns.ipJson('route', 'show', 'proto', '115');
  assert.deepEqual(
    routes.map(({ dst, nhid, gateway, dev, flags, scope }) => [dst, nhid, gateway, dev, flags, scope]),
    [
      [route.dst, nexthop.id, route.gateway, 'flannel.1', ['onlink'], 'global'],
      [plain.dst, undefined, plain.gateway, 'flannel.1', ['onlink'], 'global'],
    ],
  );
  assert.deepEqual(
    (await haves(f)).filter(({ kind }) => kind !== 'link'),
    [neighbour, fdb, nexthop, route, plain],
  );
});

test('made by iproute2 as flannel makes them, read by us', async (t) => {
  const f = await fixture('read');
  t.after(f.close);
  await f.driver.apply([create(vtep)]);
  const { neighbour, fdb, route } = peer(2);
  await f.ns.ipBatch([
    `neigh replace 10.5.2.0 lladdr ${neighbour.mac} dev flannel.1 nud permanent`,
    'neigh add 10.5.9.9 lladdr 02:00:00:00:00:09 dev flannel.1 nud stale',
    'route replace 10.5.2.0/24 via 10.5.2.0 dev flannel.1 onlink',
    'route add 10.5.7.0/24 dev eth0 scope link src 192.0.2.1',
    'route add blackhole 10.5.8.0/24 metric 9',
    'route add 203.0.113.0/24 via 192.0.2.254',
    'route add 10.6.0.0/24 dev flannel.1 table 100',
    'nexthop add id 5 blackhole',
    'nexthop add id 6 dev flannel.1',
  ]);
  await f.ns.bridgeBatch([
    `fdb replace ${fdb.mac} dev flannel.1 dst ${fdb.dst} self permanent`,
    'fdb add 02:00:00:00:00:09 dev flannel.1 dst 192.0.2.9 port 4789 self static',
    'fdb append 00:00:00:00:00:00 dev flannel.1 dst 192.0.2.10 self permanent',
    'fdb append 00:00:00:00:00:00 dev flannel.1 dst 192.0.2.11 self permanent',
  ]);
  const listed = (await haves(f)).filter(({ kind }) => kind !== 'link');
  const of = (kind: string) => listed.filter((have) => have.kind === kind);
  assert.deepEqual(
    new Set(of('neighbour')),
    new Set([
      { ...neighbour, protocol: 0 },
      { ...neighbour, ip: '10.5.9.9', mac: '02:00:00:00:00:09', permanent: false, protocol: 0 },
    ]),
  );
  assert.deepEqual(
    new Set(of('fdb')),
    new Set([
      fdb,
      { ...fdb, mac: '02:00:00:00:00:09', dst: '192.0.2.9', permanent: false, plain: false },
      { ...fdb, mac: '00:00:00:00:00:00', dst: '192.0.2.10' },
      { ...fdb, mac: '00:00:00:00:00:00', dst: '192.0.2.11' },
    ]),
  );
  const bare = { ...route, gateway: '', onlink: false, nexthopId: 0, protocol: 3 };
  assert.deepEqual(of('route'), [
    { ...bare, gateway: '10.5.2.0', onlink: true },
    { ...bare, dst: '10.5.7.0/24', dev: 'eth0', plain: false },
    { ...bare, dst: '10.5.8.0/24', dev: '', metric: 9, type: 'blackhole' },
  ]);
  assert.deepEqual(of('nexthop'), [{ ...peer(2).nexthop, id: 6, gateway: '', onlink: false, protocol: 0 }]);
});

test('updates replace in place', async (t) => {
  const f = await fixture('update');
  t.after(f.close);
  await f.driver.apply([create(vtep), ...objectsOf(2).map(create)]);
  const { neighbour, fdb, nexthop, route } = peer(2);
  const moved = {
    neighbour: { ...neighbour, mac: '02:bb:00:00:00:01' },
    fdb: { ...fdb, dst: '192.0.2.99' },
    nexthop: { ...nexthop, gateway: '10.5.2.9' },
    route: { ...route, nexthopId: 0, gateway: '10.5.2.8' },
  };
  const changes = [
    update(neighbour, moved.neighbour),
    update(fdb, moved.fdb),
    update(route, moved.route),
    update(nexthop, moved.nexthop),
  ];
  assert.deepEqual([...new Set(results(await f.driver.apply(changes)))], ['done']);
  assert.deepEqual(
    (await haves(f)).filter(({ kind }) => kind !== 'link'),
    Object.values(moved),
  );
});

test('deletes take exactly what they name, and what is gone already is a noop', async (t) => {
  const f = await fixture('delete');
  t.after(f.close);
  await f.driver.apply([create(vtep), ...objectsOf(2).map(create), ...objectsOf(3).map(create)]);
  const gone = objectsOf(2).reverse().map(remove);
  assert.deepEqual([...new Set(results(await f.driver.apply(gone)))], ['done']);
  assert.deepEqual([...new Set(results(await f.driver.apply(gone)))], ['noop']);
  assert.deepEqual(
    (await haves(f)).filter(({ kind }) => kind !== 'link'),
    objectsOf(3),
  );
  await f.ns.ip('link', 'delete', 'flannel.1');
  assert.deepEqual([...new Set(results(await f.driver.apply(objectsOf(3).map(remove))))], ['noop']);
});

test('the last address of a device takes ARP and plain routes along, silently; nexthop objects and what is on them stay', async (t) => {
  const f = await fixture('lastaddress');
  t.after(f.close);
  const plain = { ...peer(3).route, nexthopId: 0 };
  await f.driver.apply([create(vtep), create(vtepAddress), ...objectsOf(2).map(create), create(plain)]);
  assert.deepEqual(results(await f.driver.apply([remove(vtepAddress), remove(vtepAddress)])), ['done', 'noop']);
  const left = (await haves(f)).filter(({ kind }) => kind !== 'link');
  assert.deepEqual(left, objectsOf(2).slice(1));
});

test('without its device nothing can be made: vanished, not failed', async (t) => {
  const f = await fixture('vanished');
  t.after(f.close);
  const outcomes = await f.driver.apply([create(vtepAddress), ...objectsOf(2).map(create)]);
  // the route names its nexthop object, not the device
  assert.deepEqual(results(outcomes), [
    'vanished ENODEV',
    'vanished ENODEV',
    'vanished ENODEV',
    'vanished ENODEV',
    'transient EINVAL',
  ]);
  assert.match(
    outcomes[0]?.failure?.message ?? '',
    /^address 10\.5\.1\.0\/32 on flannel\.1 was not created: its device/,
  );
  const orphan = { ...vtep, tunnel: vxlanOf(vtep, { parent: 'eth9' }) };
  assert.deepEqual(results(await f.driver.apply([create(orphan)])), ['vanished ENODEV']);
});

test('a link that goes down takes what is under it silently; the FDB stays', async (t) => {
  const f = await fixture('down');
  t.after(f.close);
  await f.driver.apply([create(vtep), create(vtepAddress), ...objectsOf(2).map(create)]);
  await f.ns.ip('link', 'set', 'flannel.1', 'down');
  const left = (await haves(f)).filter(({ kind }) => kind !== 'link').map(({ kind }) => kind);
  assert.deepEqual(left, ['address', 'fdb']);
  const outcomes = await f.driver.apply(objectsOf(3).map(create));
  assert.deepEqual(results(outcomes), ['done', 'done', 'vanished ENETDOWN', 'transient EINVAL']);
});

test('nexthop objects are supported here', async (t) => {
  const f = await fixture('nexthops');
  t.after(f.close);
  assert.equal(f.driver.supportsNexthops(), true);
});
