/** What the plan does and says, case by case; that it always converges is test/property/plan-*.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Address, Fdb, Have, Link, Neighbour, Nexthop, Route } from '../../../../reconciler/kinds/index.ts';
import { keepSubnets } from '../../../../reconciler/plan/gates.ts';
import { changesOf } from '../../../../reconciler/plan/plan.ts';
import { deedsOf, deviceOf, observed, observedOf, overlayWith, planFor } from '../../../helpers/planning.ts';
import { vxlanOf } from '../../../helpers/tunnels.ts';
import { type Overlay, peerWants, wantsOf } from '../../../helpers/wants.ts';

const overlay = overlayWith(1);
const wants = [...wantsOf(overlay).values()];
const there = observedOf(overlay);
const device = deviceOf(overlay);
const [neighbour, fdb, nexthop, route] = peerWants(overlay, overlay.peers[0]!) as [Neighbour, Fdb, Nexthop, Route];
const ROUTE = 'route 254|10.5.2.0/24|0|0';
const NEXTHOP = 'nexthop 168100352';

/** `there` with some of it replaced: by a function from what was there, or left out. */
const except = (kind: Have['kind'], ...instead: Have[]): Have[] => [
  ...there.filter((have) => have.kind !== kind),
  ...instead,
];
const wantsFor = (other: Overlay): Have[] => [...wantsOf(other).values()];

test('nothing there: everything is created, in the order in which it stands on each other', () => {
  assert.deepEqual(deedsOf(planFor(wants, [])), [
    'create link flannel.1',
    'create address flannel.1|10.5.1.0/32',
    'create neighbour flannel.1|10.5.2.0',
    'create fdb flannel.1|02:00:00:00:02:01',
    `create ${NEXTHOP}`,
    `create ${ROUTE}`,
    'create file /run/flannel/subnet.env',
  ]);
});

test('all there: nothing to do', () => {
  assert.deepEqual(planFor(wants, there), { steps: [], held: [], inSync: 7, blocked: 0 });
});

test('what flanneld made is adopted: the device is marked, and not a route is written', () => {
  const flanneld = there.flatMap((have): Have[] => {
    if (have.kind === 'link') return [{ ...have, alias: '' }];
    if (have.kind === 'neighbour') return [{ ...have, protocol: 0 }];
    if (have.kind === 'route') return [{ ...have, nexthopId: 0, protocol: 3 }];
    return have.kind === 'nexthop' ? [] : [have];
  });
  const plan = planFor(wants, flanneld);
  assert.deepEqual(deedsOf(plan), ['update link flannel.1']);
  const [change] = changesOf(plan);
  assert.ok(change?.op === 'update');
  assert.deepEqual([change.fields, change.recreate, change.reason], [['alias'], false, 'differs: alias']);
});

test('what nobody wants is deleted after the rest has been made, top down', () => {
  const next = wantsFor(overlayWith(1, { peers: [{ block: 9, mac: '02:00:00:00:99:01', publicIP: '198.18.0.9' }] }));
  assert.deepEqual(deedsOf(planFor(next, there)), [
    'create neighbour flannel.1|10.5.9.0',
    'create fdb flannel.1|02:00:00:00:99:01',
    'create nexthop 168102144',
    'create route 254|10.5.9.0/24|0|0',
    `delete ${ROUTE}`,
    `delete ${NEXTHOP}`,
    'delete fdb flannel.1|02:00:00:00:02:01',
    'delete neighbour flannel.1|10.5.2.0',
  ]);
});

test('nothing is deleted without complete knowledge, and there is no noise about it', () => {
  const next = wantsFor(overlayWith(0));
  for (const lack of [{ desiredComplete: false }, { scopeComplete: false }])
    assert.deepEqual(planFor(next, there, lack), { steps: [], held: [], inSync: 3, blocked: 0 });
});

test('a scope narrows where the plan looks, not what it concludes', () => {
  const desired = wantsOf(overlay);
  const plan = planFor(wants, [device, route, nexthop], { wants: new Map(), desired });
  assert.deepEqual(deedsOf(plan), [], 'listed, and not asked for: still wanted');
});

test('a new VNI: the new path is made, the routes move over, then the old device goes with all that is under it', () => {
  assert.deepEqual(deedsOf(planFor(wantsFor(overlayWith(1, { vni: 2 })), there)), [
    'create link flannel.2',
    'create address flannel.2|10.5.1.0/32',
    'create neighbour flannel.2|10.5.2.0',
    'create fdb flannel.2|02:00:00:00:02:01',
    `update ${NEXTHOP}`,
    'delete link flannel.1',
  ]);
});

test('a device made anew takes all under it along, so all of it is created in the same plan', () => {
  const plan = planFor(wantsFor(overlayWith(1, { port: 4789 })), there);
  assert.deepEqual(deedsOf(plan), [
    'update link flannel.1',
    'create address flannel.1|10.5.1.0/32',
    'create neighbour flannel.1|10.5.2.0',
    'create fdb flannel.1|02:00:00:00:02:01',
    `create ${NEXTHOP}`,
    `create ${ROUTE}`,
  ]);
  const [link] = changesOf(plan);
  assert.ok(link?.op === 'update' && link.recreate);
});

test('a device is not made anew while it is not certain what belongs under it', () => {
  const plan = planFor(wantsFor(overlayWith(1, { port: 4789 })), there, { desiredComplete: false });
  assert.deepEqual(deedsOf(plan), []);
  assert.deepEqual(
    plan.held.map(({ why, unmet }) => [why, unmet]),
    [['waiting', true]],
  );
});

test('a route is not replaced while the listing may lack the one in front of it', () => {
  const wrong = except('route', { ...route, nexthopId: 0, gateway: '10.5.9.0' });
  const plan = planFor(wants, wrong, { scopeComplete: false });
  assert.deepEqual(deedsOf(plan), []);
  assert.deepEqual(
    plan.held.map(({ key, why, unmet }) => [key, why, unmet]),
    [['254|10.5.2.0/24|0|0', 'waiting', true]],
  );
});

test('what could not be read is not absent: it is held, and not made', () => {
  const unread = new Map([['file /run/flannel/subnet.env', { why: 'unreadable', detail: 'EACCES' }]]);
  const plan = planFor(wants, except('file'), { unread });
  assert.deepEqual(deedsOf(plan), []);
  assert.deepEqual(
    plan.held.map(({ kind, why, unmet }) => [kind, why, unmet]),
    [['file', 'unreadable', true]],
  );
});

test('a stale route on a nexthop object that moves is deleted: it would move along instead of going with its device', () => {
  const stale: Route = { ...route, dst: '10.5.77.0/24' };
  const deeds = deedsOf(planFor(wantsFor(overlayWith(1, { vni: 2 })), [...there, stale]));
  assert.deepEqual(deeds.slice(-3), [
    `update ${NEXTHOP}`,
    'delete route 254|10.5.77.0/24|0|0',
    'delete link flannel.1',
  ]);
});

test('a new MAC costs the ARP entries, which are created again', () => {
  const mac = '02:00:00:00:77:01';
  assert.deepEqual(deedsOf(planFor(wantsFor(overlayWith(1, { mac })), there)), [
    'update link flannel.1',
    'create neighbour flannel.1|10.5.2.0',
  ]);
});

test('a device that is not ours is held, and everything under it waits', () => {
  const address: Address = { kind: 'address', dev: 'flannel.1', address: '172.20.0.0/32' };
  const rival: Link = { ...device, name: 'vxlan9', alias: '' };
  const cases: [Have[], RegExp][] = [
    [
      [{ ...device, type: 'bridge', tunnel: undefined }],
      /^flannel\.1 is a bridge device, which selvage did not make; remove or rename it/,
    ],
    [[{ ...device, type: '', tunnel: undefined }], /^flannel\.1 is not a vxlan device/],
    [[{ ...device, master: 'br0' }], /^flannel\.1 is a port of br0; take it out/],
    [
      [{ ...device, alias: 'selvage:/other' }],
      /^flannel\.1 belongs to the network at \/other; give one of the two networks another VNI/,
    ],
    [[{ ...device, alias: 'mine' }], /alias "mine"/],
    [[{ ...device, alias: '', tunnel: vxlanOf(device, { vni: 7 }) }], /VNI 7/],
    [[{ ...device, alias: '' }, address], /has the address 172\.20\.0\.0\/32, which is not in 10\.5\.0\.0\/16/],
    [
      [rival],
      /^VNI 1 on UDP port 8472 is in use by vxlan9; remove that device, or give the network another VNI or Port\.$/,
    ],
  ];
  for (const [haves, sentence] of cases) {
    const plan = planFor(wants, haves);
    assert.deepEqual(deedsOf(plan), ['create file /run/flannel/subnet.env'], String(sentence));
    assert.equal(plan.held.length, 1);
    assert.match(plan.held[0]!.detail, sentence);
    assert.deepEqual([plan.held[0]!.kind, plan.held[0]!.key, plan.held[0]!.unmet], ['link', 'flannel.1', true]);
    assert.equal(plan.blocked, 5);
  }
});

test('a device that nothing shows to be ours is told of and left alone', () => {
  const stray: Link = { ...device, name: 'flannel.7', alias: '', tunnel: vxlanOf(device, { vni: 7, port: 9999 }) };
  const plan = planFor(wants, [...there, stray]);
  assert.deepEqual(deedsOf(plan), []);
  assert.deepEqual(
    plan.held.map(({ key, why, unmet }) => [key, why, unmet]),
    [['flannel.7', 'unmarked device', false]],
  );
});

test('a foreign route in the slot is held, says what is there, and gets no nexthop object made for it', () => {
  const connected: Route = { ...route, dev: 'docker0', gateway: '', onlink: false, nexthopId: 0, protocol: 2 };
  const cases: [Route, string][] = [
    [
      connected,
      "10.5.2.0/24 is already routed by docker0 (proto kernel); remove that address or move docker0 to this host's subnet, then selvage will take over.",
    ],
    [
      { ...connected, dev: 'eth0', gateway: '192.0.2.9', protocol: 4 },
      '10.5.2.0/24 is already routed via 192.0.2.9 on eth0 (proto static); remove that route, then selvage will take over.',
    ],
    [
      { ...connected, dev: '', type: 'blackhole', protocol: 3 },
      '10.5.2.0/24 is already routed (blackhole, proto boot); remove that route, then selvage will take over.',
    ],
  ];
  for (const [foreign, sentence] of cases) {
    const plan = planFor(
      wants,
      except('route', foreign).filter(({ kind }) => kind !== 'nexthop'),
    );
    assert.deepEqual(deedsOf(plan), []);
    assert.deepEqual(plan.held, [
      { kind: 'route', key: '254|10.5.2.0/24|0|0', why: 'foreign route', detail: sentence, unmet: true },
    ]);
  }
});

test('the form of a route: what works stays, what is changed goes on a nexthop object', () => {
  const plain: Route = { ...route, nexthopId: 0 };
  const withoutNexthop = (...routes: Route[]): Have[] =>
    except('route', ...routes).filter(({ kind }) => kind !== 'nexthop');
  assert.deepEqual(deedsOf(planFor(wants, withoutNexthop(plain))), []);
  assert.deepEqual(
    deedsOf(planFor(wants, except('route', plain))),
    [`delete ${NEXTHOP}`],
    'its nexthop object is unused',
  );
  const wrong = withoutNexthop({ ...plain, gateway: '10.5.9.0' });
  assert.deepEqual(deedsOf(planFor(wants, wrong)), [`create ${NEXTHOP}`, `update ${ROUTE}`]);
});

test('without nexthop objects every route has a plain gateway', () => {
  const plan = planFor(wants, [], { nexthopObjects: false });
  assert.ok(!deedsOf(plan).some((deed) => deed.includes('nexthop')));
  const made = changesOf(plan).find(({ id }) => id === ROUTE);
  assert.ok(made?.op === 'create' && made.want.kind === 'route');
  assert.deepEqual([made.want.nexthopId, made.want.gateway, made.want.onlink], [0, '10.5.2.0', true]);
});

test('a nexthop id that somebody else has: a plain gateway for that route, and a note', () => {
  const theirs: Nexthop = { ...nexthop, protocol: 11, gateway: '192.0.2.9', dev: 'eth0' };
  const plan = planFor(
    wants,
    except('nexthop', theirs).filter(({ kind }) => kind !== 'route'),
  );
  assert.deepEqual(deedsOf(plan), [`create ${ROUTE}`]);
  const [made] = changesOf(plan);
  assert.ok(made?.op === 'create' && made.want.kind === 'route' && made.want.nexthopId === 0);
  assert.deepEqual(
    plan.held.map(({ why, unmet }) => [why, unmet]),
    [['foreign nexthop', false]],
  );
  assert.match(
    plan.held[0]!.detail,
    /^Nexthop id 168100352 is taken by somebody else \(proto zebra, via 192\.0\.2\.9\)/,
  );
});

test('a nexthop object of another form is made anew, and its route with it', () => {
  const plan = planFor(wants, except('nexthop', { ...nexthop, plain: false }));
  assert.deepEqual(deedsOf(plan), [`update ${NEXTHOP}`, `update ${ROUTE}`]);
  const [change] = changesOf(plan);
  assert.ok(change?.op === 'update' && change.recreate);
});

test('a stale nexthop object that carries somebody else’s route stays', () => {
  const theirs: Route = { ...route, dst: '192.168.44.0/24', protocol: 4 };
  const plan = planFor(wantsFor(overlayWith(0)), [...there, theirs]);
  assert.ok(!deedsOf(plan).includes(`delete ${NEXTHOP}`));
  assert.match(plan.held[0]!.detail, /somebody else's route to 192\.168\.44\.0\/24 \(proto static\)/);
});

test('of two routes in a slot, the wrong one in front goes if the one behind is right', () => {
  const wrong: Route = { ...route, nexthopId: 0, gateway: '10.5.9.0' };
  const plan = planFor(wants, except('route', wrong, observed(route) as Route));
  assert.deepEqual(deedsOf(plan), [`delete ${ROUTE}`]);
  const [change] = changesOf(plan);
  assert.ok(change?.op === 'delete' && change.have.kind === 'route' && change.have.gateway === '10.5.9.0');
  const right = planFor(wants, except('route', observed(route) as Route, wrong));
  assert.deepEqual(deedsOf(right), [`delete ${ROUTE}`], 'or the one behind, if the one in front is right');
});

test('what the kernel has learned gives way, and is not cleaned up', () => {
  const learned: Have[] = [
    { ...neighbour, permanent: false, mac: '02:00:00:00:55:01' },
    { ...fdb, permanent: false, dst: '198.18.5.5' },
  ];
  const rest = there.filter(({ kind }) => kind !== 'neighbour' && kind !== 'fdb');
  assert.deepEqual(deedsOf(planFor(wants, [...rest, ...learned])), [
    'update neighbour flannel.1|10.5.2.0',
    'update fdb flannel.1|02:00:00:00:02:01',
  ]);
  const other: Have[] = [
    { ...neighbour, ip: '10.5.7.7', permanent: false },
    { ...fdb, mac: '02:00:00:00:44:01', permanent: false },
  ];
  assert.deepEqual(deedsOf(planFor(wants, [...there, ...other])), []);
});

test('foreign things on our device stay', () => {
  const foreign: Have[] = [
    { kind: 'address', dev: 'flannel.1', address: '169.254.7.7/16' },
    { ...neighbour, ip: '192.168.3.3', protocol: 0 },
    { ...fdb, mac: '00:00:00:00:00:00' },
    { ...route, dst: '192.168.0.0/16', nexthopId: 0, protocol: 4 },
  ];
  const { held, ...rest } = planFor(wants, [...there, ...foreign]);
  assert.deepEqual(rest, { steps: [], inSync: 7, blocked: 0 });
  assert.deepEqual(
    held.map(({ key, why, unmet }) => [key, why, unmet]),
    [['flannel.1|169.254.7.7/16', 'foreign address', false]],
    'and an address is told of',
  );
});

test('an old device stays while a route that can’t be moved goes through it, and all of its path with it', () => {
  const bridge: Link = { ...device, name: 'flannel.2', type: 'bridge', tunnel: undefined };
  const plain = except('route', { ...route, nexthopId: 0 }).filter(({ kind }) => kind !== 'nexthop');
  const plan = planFor(wantsFor(overlayWith(1, { vni: 2 })), [...plain, bridge]);
  assert.deepEqual(deedsOf(plan), []);
  assert.deepEqual(
    plan.held.map(({ key, why }) => [key, why]),
    [
      ['flannel.2', 'foreign device'],
      ['flannel.1', 'still in use'],
    ],
  );
});

test('what the host has for a lease that can’t be read stays', () => {
  const next = wantsFor(overlayWith(0));
  const keepStale = keepSubnets(['10.5.2.0/24'], there);
  assert.deepEqual(deedsOf(planFor(next, there, { keepStale })), []);
});

test('what is not tried again yet is held; children of a device that waits are not tried either', () => {
  const waits = (id: string) => ({
    empty: false,
    holds: (change: { id: string }) =>
      change.id === id ? { why: 'backing off', detail: 'Wait.', until: 9 } : undefined,
  });
  const device = planFor(wants, [], { retry: waits('link flannel.1') });
  assert.deepEqual(deedsOf(device), ['create file /run/flannel/subnet.env']);
  assert.deepEqual(device.held, [{ kind: 'link', key: 'flannel.1', why: 'backing off', detail: 'Wait.', unmet: true }]);

  const object = planFor(
    wants,
    except('nexthop').filter(({ kind }) => kind !== 'route'),
    { retry: waits(NEXTHOP) },
  );
  assert.deepEqual(deedsOf(object), [`create ${ROUTE}`], 'a route never waits for its nexthop object');

  const stale = planFor(wantsFor(overlayWith(0)), there, { retry: waits(ROUTE) });
  assert.deepEqual(
    stale.held.map(({ unmet }) => unmet),
    [false],
    'a delete leaves nothing unmet',
  );
});

test('a vendor’s MAC in a lease is served like any other', () => {
  const mac = '3c:fd:fe:00:00:01';
  const vendor = overlayWith(1, { peers: [{ block: 2, mac, publicIP: '198.18.0.1' }] });
  const moved = observedOf(vendor).map((have) => (have.kind === 'fdb' ? { ...have, dst: '198.18.9.9' } : have));
  assert.deepEqual(deedsOf(planFor(wantsFor(vendor), moved)), [`update fdb flannel.1|${mac}`]);
});

test('a peer that can’t be moved, as the new device can’t be had, keeps all that its old path is made of', () => {
  const next: Link = { ...device, name: 'flannel.2', tunnel: vxlanOf(device, { vni: 2 }) };
  const moved = [neighbour, fdb, nexthop, route].map((want) => ({ ...want, dev: 'flannel.2' }));
  const both = [
    ...wants.filter(({ kind }) => kind === 'link' || kind === 'address' || kind === 'file'),
    next,
    ...moved,
  ];
  const foreign: Link = { ...next, type: 'bridge', alias: '', tunnel: undefined };
  assert.deepEqual(deedsOf(planFor(both, [...there, foreign])), []);
  const gone: Have[] = [
    { ...neighbour, ip: '10.5.99.0', mac: '02:00:00:00:99:01' },
    { ...fdb, mac: '02:00:00:00:99:01' },
  ];
  assert.deepEqual(
    deedsOf(planFor(both, [...there, foreign, ...gone])),
    ['delete fdb flannel.1|02:00:00:00:99:01', 'delete neighbour flannel.1|10.5.99.0'],
    'and nothing else',
  );
  assert.deepEqual(deedsOf(planFor(both, [...there, next])).slice(-2), [
    `delete fdb flannel.1|${fdb.mac}`,
    `delete neighbour flannel.1|${neighbour.ip}`,
  ]);
});
