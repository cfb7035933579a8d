import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BUILD_ORDER,
  goesThrough,
  idOf,
  isResourceKind,
  kindsThat,
  nameOf,
  parentOf,
  rangeOf,
  rulesOf,
  standsOn,
  textOf,
} from '../../../../reconciler/kinds/index.ts';
import { deviceOf, overlayWith } from '../../../helpers/planning.ts';
import { peerWants } from '../../../helpers/wants.ts';

const overlay = overlayWith(1);
const link = deviceOf(overlay);
const [neighbour, fdb, nexthop, route] = peerWants(overlay, overlay.peers[0]!) as [never, never, never, never];
const all = [
  link,
  { kind: 'address' as const, dev: 'flannel.1', address: '10.5.34.0/32' },
  neighbour,
  fdb,
  { kind: 'udp-peer' as const, dev: 'flannel0', subnet: '10.5.2.0/24', host: '192.0.2.2' },
  nexthop,
  route,
  {
    kind: 'firewall' as const,
    part: 'rules' as const,
    engine: 'nft' as const,
    family: 'ip' as const,
    table: 'filter',
    tag: 'selvage',
    chain: 'FORWARD',
    rules: [{ comment: 'selvage', verdict: { to: 'jump' as const, chain: 'SELVAGE-FWD' } }],
    place: 'first' as const,
    inPlace: true,
  },
  { kind: 'file' as const, path: '/run/flannel/subnet.env', content: '', mode: 0o644 },
];

test('the list is the build order, and names each kind once', () => {
  assert.deepEqual(BUILD_ORDER, [
    'link',
    'address',
    'neighbour',
    'fdb',
    'udp-peer',
    'nexthop',
    'route',
    'firewall',
    'file',
  ]);
  assert.deepEqual(
    all.map(({ kind }) => kind),
    BUILD_ORDER,
  );
  for (const kind of BUILD_ORDER) assert.equal(rulesOf(kind).kind, kind);
});

test('what a kind stands on is built before it', () => {
  for (const resource of all)
    for (const id of standsOn(resource)) {
      const [kind] = id.split(' ');
      assert.ok(BUILD_ORDER.indexOf(kind as never) < BUILD_ORDER.indexOf(resource.kind), `${resource.kind} on ${id}`);
    }
});

test('a route goes through its ARP entry, and that through its FDB entry', () => {
  assert.equal(goesThrough(route), idOf(neighbour));
  assert.equal(goesThrough(nexthop), idOf(neighbour));
  assert.equal(goesThrough(neighbour), idOf(fdb));
  assert.equal(goesThrough(fdb), undefined);
});

test('only what lives under a device has a parent', () => {
  assert.equal(parentOf(link), undefined);
  assert.equal(parentOf(route), 'flannel.1');
  assert.deepEqual(
    kindsThat((rules) => rules.isUnderLink),
    ['address', 'neighbour', 'fdb', 'udp-peer', 'nexthop', 'route'],
  );
});

test('where it lies in a network is a range or a number, and nothing for a device, an FDB entry, the firewall and a file', () => {
  assert.deepEqual(
    all.filter((resource) => rangeOf(resource) === undefined).map(({ kind }) => kind),
    ['link', 'fdb', 'firewall', 'file'],
  );
});

test('each words itself as ip, bridge, iptables or ls print it', () => {
  const { mac, dst } = fdb as unknown as { mac: string; dst: string };
  const { gateway, id } = nexthop as unknown as { gateway: string; id: number };
  assert.deepEqual(all.map(textOf), [
    'flannel.1 type vxlan id 1 local 192.0.2.1 dev eth0 dstport 8472',
    '10.5.34.0/32 dev flannel.1',
    `${gateway} dev flannel.1 lladdr ${mac} PERMANENT`,
    `${mac} dev flannel.1 dst ${dst} self permanent`,
    '10.5.2.0/24 to 192.0.2.2 by udp dev flannel0',
    `id ${id} via ${gateway} dev flannel.1 proto selvage onlink`,
    `${gateway}/24 via ${gateway} dev flannel.1 onlink`,
    '-A FORWARD -m comment --comment selvage -j SELVAGE-FWD',
    '/run/flannel/subnet.env',
  ]);
  assert.equal(
    textOf({ ...(route as object), type: 'blackhole', dev: '', gateway: '', metric: 5, table: 9 } as never),
    `blackhole ${gateway}/24 table 9 metric 5 onlink`,
  );
});

test('a sentence has a name for each', () => {
  for (const resource of all)
    assert.match(nameOf(resource), /^(link|address|neighbour|FDB entry|udp peer|nexthop object|route|firewall|file) /);
});

test('a scope may name what is no resource', () => {
  assert.ok(isResourceKind('route'));
  assert.ok(!isResourceKind('docker'));
  assert.ok(!isResourceKind('constructor'));
});
