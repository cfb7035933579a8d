/** Single-key reads: right whenever they answer, and a handful of requests however many peers there are. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { everything, scopeOf } from '../../../../reconciler/contracts/scope.ts';
import { idOf, type Resource } from '../../../../reconciler/kinds/index.ts';
import { FaultyTransport } from '../../../helpers/faulty-transport.ts';
import { destroyAll } from '../../../helpers/netns.ts';
import { create, type Fixture, fixture, interest, objectsOf, peer, vtep, vtepAddress } from './fixture.ts';

after(destroyAll);

/** A namespace with a vxlan device and some peers, and a count of the requests that a listing costs. */
async function counted(label: string, peers = 20): Promise<Fixture & { requests(): number }> {
  let transport: FaultyTransport | undefined;
  const wrap = (inner: ConstructorParameters<typeof FaultyTransport>[0]) => {
    transport = new FaultyTransport(inner);
    return transport;
  };
  const f = await fixture(label, { wrap });
  const all = Array.from({ length: peers }, (_, n) => objectsOf(n + 2)).flat();
  await f.driver.apply([create(vtep), create(vtepAddress), ...all.map(create)]);
  return {
    ...f,
    requests: () => {
      const { sent } = transport!;
      transport!.sent = 0;
      return sent;
    },
  };
}

async function read(f: Fixture, resources: Resource[]) {
  const listing = await f.driver.list(scopeOf({ ids: resources.map(idOf) }), interest);
  assert.equal(listing.complete, true, listing.problem);
  return listing.haves;
}

test('one peer costs five requests, there or not, with and without a default route', async (t) => {
  const f = await counted('cost', 500);
  t.after(f.close);
  for (const gateway of [undefined, '192.0.2.254']) {
    if (gateway) await f.ns.ip('route', 'add', 'default', 'via', gateway);
    f.requests();
    assert.deepEqual(await read(f, objectsOf(7)), objectsOf(7));
    assert.ok(f.requests() <= 5);
    assert.deepEqual(await read(f, objectsOf(2000)), []);
    assert.ok(f.requests() <= 6); // and the policy rules, if nothing at all was found
  }
});

test('every kind is read by its key, there or not', async (t) => {
  const f = await counted('kinds');
  t.after(f.close);
  assert.deepEqual(await read(f, [vtep]), [vtep]);
  assert.deepEqual(await read(f, [{ ...vtep, name: 'flannel.2' }]), []);
  assert.deepEqual(await read(f, [{ ...vtep, name: 'a-name-that-is-too-long-for-a-device' }]), []);
  assert.deepEqual(await read(f, [vtepAddress]), [vtepAddress]);
  assert.deepEqual(await read(f, [{ ...vtepAddress, address: '10.5.1.0/31' }]), []);
  for (const resource of objectsOf(3)) assert.deepEqual(await read(f, [resource]), [resource]);
  for (const resource of objectsOf(3000)) assert.deepEqual(await read(f, [resource]), []);
  const elsewhere = [peer(3).neighbour, peer(3).fdb].map((resource) => ({ ...resource, dev: 'flannel.9' }));
  assert.deepEqual(await read(f, elsewhere), []);
  assert.deepEqual(await read(f, [{ ...peer(3).fdb, dev: 'eth0' }]), []);
  assert.deepEqual(await read(f, [{ kind: 'file', path: '/x', content: '', mode: 0 }]), []);
});

test('an alternative name is not the name', async (t) => {
  const f = await counted('altname', 1);
  t.after(f.close);
  await f.ns.ip('link', 'property', 'add', 'dev', 'flannel.1', 'altname', 'flannel.7');
  assert.deepEqual(await read(f, [{ ...vtep, name: 'flannel.7' }]), []);
});

test('an FDB entry of several destinations is read with all of them', async (t) => {
  const f = await counted('group', 1);
  t.after(f.close);
  const mac = '00:00:00:00:00:00';
  await f.ns.bridgeBatch([
    `fdb append ${mac} dev flannel.1 dst 192.0.2.10 self permanent`,
    `fdb append ${mac} dev flannel.1 dst 192.0.2.11 self permanent`,
  ]);
  const entries = await read(f, [{ ...peer(2).fdb, mac }]);
  assert.deepEqual(
    new Set(entries.map((have) => have.kind === 'fdb' && have.dst)),
    new Set(['192.0.2.10', '192.0.2.11']),
  );
});

/** What each of these puts in the way of a look-up of 10.5.3.0/24, and of 10.7.0.0/24 which isn't there. */
const AMBIGUITIES: [string, string[]][] = [
  [
    'a connected route of a bridge',
    ['link add br0 type bridge', 'link set br0 up', 'address add 10.5.30.1/24 dev br0'],
  ],
  [
    'the same prefix connected',
    ['link add br0 type bridge', 'link set br0 up', 'address add 10.5.3.1/24 dev br0 metric 50'],
  ],
  ['a policy rule before main', ['rule add pref 100 lookup 100', 'route add 10.5.3.0/24 dev eth0 table 100']],
  ['a policy rule that answers all', ['rule add pref 100 lookup 100', 'route add default dev eth0 table 100']],
  [
    'main without short prefixes',
    ['rule add pref 100 lookup main suppress_prefixlength 8', 'route add 10.0.0.0/8 dev eth0'],
  ],
  ['main for a mark only', ['rule add pref 32766 fwmark 1 lookup main', 'rule delete pref 32766 from all lookup main']],
  [
    'main for an interface only',
    ['rule add pref 32766 iif lo lookup main', 'rule delete pref 32766 from all lookup main'],
  ],
  [
    'main for one user only',
    ['rule add pref 32766 uidrange 9-9 lookup main', 'rule delete pref 32766 from all lookup main'],
  ],
  [
    'main for all but a source',
    ['rule add not from 10.5.1.0/24 pref 32766 lookup main', 'rule delete pref 32766 from all lookup main'],
  ],
  ['an unreachable rule before main', ['rule add pref 100 unreachable']],
  ['a longer foreign prefix', ['route add 10.5.3.0/25 dev eth0', 'route add 10.5.3.0/32 dev eth0']],
  ['a shorter foreign prefix', ['route add 10.5.0.0/20 dev eth0', 'route add 10.7.0.0/16 dev eth0']],
  ['a shorter blackhole', ['route add blackhole 10.5.0.0/16', 'route add blackhole 10.7.0.0/16']],
  ['a longer prohibition', ['route add prohibit 10.5.3.0/28', 'route add unreachable 10.7.0.0/28']],
  ['the same prefix with another metric', ['route add 10.5.3.0/24 dev eth0 metric 5']],
  ['the same prefix with another tos', ['route add 10.5.3.0/24 tos 0x10 dev eth0']],
  ['an appended duplicate', ['route append 10.5.3.0/24 dev eth0']],
  ['the network address as an address of ours', ['address add 10.5.3.0/32 dev eth0']],
  ['a whole local prefix', ['route add local 10.5.0.0/16 dev lo', 'route add local 10.7.0.0/16 dev lo']],
  [
    'the prefix itself as a local one',
    ['route add local 10.7.0.0/24 dev lo', 'route add broadcast 10.5.30.0/24 dev eth0'],
  ],
  ['a default route', ['route add default via 192.0.2.254']],
];

for (const [what, commands] of AMBIGUITIES) {
  test(`a route is read rightly beside ${what}`, async (t) => {
    const f = await counted('ambiguous', 4);
    t.after(f.close);
    await f.ns.ipBatch(commands);
    const { route } = peer(3);
    const absent = { ...route, dst: '10.7.0.0/24' };
    const wide = { ...interest, networks: ['10.5.0.0/16', '10.7.0.0/16'] };
    const all = (await f.driver.list(everything(), wide)).haves;
    for (const wanted of [route, absent, { ...route, metric: 5 }, { ...route, metric: 50 }, { ...route, tos: 16 }]) {
      const expected = all.filter((have) => idOf(have) === idOf(wanted));
      const got = await read(f, [wanted]);
      if (what.includes('duplicate') && expected.length === 2) assert.deepEqual(got, expected.slice(0, 1));
      else assert.deepEqual(got, expected, idOf(wanted));
    }
    assert.deepEqual((await read(f, [route]))[0], route);
    assert.deepEqual(await read(f, [absent]), []);
  });
}

test('a full listing has the appended duplicate too, the effective one first', async (t) => {
  const f = await counted('duplicate', 4);
  t.after(f.close);
  await f.ns.ip('route', 'append', '10.5.3.0/24', 'via', '192.0.2.254');
  await f.ns.ip('route', 'prepend', '10.5.4.0/24', 'via', '192.0.2.254');
  const { haves } = await f.driver.list(scopeOf({ kinds: ['route'] }), interest);
  const ways = (dst: string) =>
    haves.filter((have) => have.kind === 'route' && have.dst === dst).map((have) => have.kind === 'route' && have.dev);
  assert.deepEqual(ways('10.5.3.0/24'), ['flannel.1', 'eth0']);
  assert.deepEqual(ways('10.5.4.0/24'), ['eth0', 'flannel.1']);
});

test('several hundred ids are read by a dump each kind', async (t) => {
  const f = await counted('many', 700);
  t.after(f.close);
  const wanted = Array.from({ length: 400 }, (_, n) => objectsOf(n + 10)).flat();
  f.requests();
  const haves = await read(f, [...wanted, ...objectsOf(5000)]);
  assert.ok(f.requests() <= 8); // neighbours and FDB entries twice, for proof that they are complete
  assert.deepEqual(new Set(haves.map(idOf)), new Set(wanted.map(idOf)));
  assert.equal(haves.length, wanted.length);
});

test('without nexthop_compat_mode a route on a nexthop object still has its device and gateway', async (t) => {
  const f = await counted('compat', 3);
  t.after(f.close);
  await f.ns.sysctl('net.ipv4.nexthop_compat_mode', '0');
  const { haves } = await f.driver.list(scopeOf({ kinds: ['route'] }), interest);
  assert.deepEqual(
    haves,
    [2, 3, 4].map((n) => peer(n).route),
  );
  assert.deepEqual(await read(f, [peer(3).route]), [peer(3).route]);
  const under = await f.driver.list(scopeOf({ links: ['flannel.1'] }), interest);
  assert.equal(under.haves.filter(({ kind }) => kind === 'route').length, 3);
});

test('a link’s scope is the link and all that is under it; of others what concerns us', async (t) => {
  const f = await counted('scope', 3);
  t.after(f.close);
  await f.ns.ipBatch([
    'link add flannel.9 type vxlan id 9 dev eth0 dstport 8472',
    'address add 10.5.9.0/32 dev flannel.9',
    'neigh add 10.5.99.0 lladdr 02:00:00:00:00:09 dev flannel.9 nud permanent',
    'neigh add 192.0.2.50 lladdr 02:00:00:00:00:50 dev eth0 nud permanent',
    'route add 10.5.77.0/24 via 192.0.2.254',
    'route add 198.51.100.0/24 via 192.0.2.254',
  ]);
  const ids = async (...links: string[]) => (await f.driver.list(scopeOf({ links }), interest)).haves.map(idOf).sort();
  const own = [vtep, vtepAddress, ...[2, 3, 4].flatMap(objectsOf)].map(idOf).sort();
  assert.deepEqual(await ids('flannel.1'), own);
  assert.deepEqual(await ids('flannel.9'), ['address flannel.9|10.5.9.0/32', 'link flannel.9']);
  assert.deepEqual(await ids('eth0'), ['link eth0', 'route 254|10.5.77.0/24|0|0']);
  assert.deepEqual(await ids('flannel.2'), []);
  const all = (await f.driver.list(everything(), interest)).haves.map(idOf);
  assert.equal(new Set(all).size, all.length);
  assert.deepEqual(
    all.sort(),
    [...own, 'address flannel.9|10.5.9.0/32', 'link eth0', 'link flannel.9', 'route 254|10.5.77.0/24|0|0'].sort(),
  );
  // asked for twice in one scope, listed once
  const scope = scopeOf({ kinds: ['route'], links: ['flannel.1'], ids: objectsOf(3).map(idOf) });
  const merged = (await f.driver.list(scope, interest)).haves.map(idOf).sort();
  assert.deepEqual(merged, [...own, 'route 254|10.5.77.0/24|0|0'].sort());
});
