import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseNetworkConfig } from '../../../../config/network.ts';
import { backendFor } from '../../../../reconciler/backends/index.ts';
import { MAX_IDS, scopeOf } from '../../../../reconciler/contracts/scope.ts';
import { Desired } from '../../../../reconciler/desired/desired.ts';
import { contextOf, OWN_SUBNET, peerOf, sourceOf } from '../../../helpers/desired.ts';
import { leaseOf, macOf } from '../../../helpers/store.ts';

const FILE = 'file /run/flannel/subnet.env';
const OWN_IDS = ['link flannel.1', 'address flannel.1|10.5.34.0/32', FILE];
const idsOf = (n: number): string[] => [
  `neighbour flannel.1|10.5.${n}.0`,
  `fdb flannel.1|02:00:00:00:01:${n.toString(16).padStart(2, '0')}`,
  `nexthop ${0x0a050000 + n * 256}`,
  `route 254|10.5.${n}.0/24|0|0`,
];

function desiredOf(...leases: Parameters<typeof sourceOf>): Desired {
  const desired = new Desired(contextOf());
  desired.setAll(sourceOf(...leases));
  return desired;
}

const sorted = (ids: Iterable<string>): string[] => [...ids].sort();

describe('desired', () => {
  it('has the device, the file and all peers, but not its own lease', () => {
    const desired = desiredOf(peerOf(1), peerOf(2), leaseOf({ subnet: OWN_SUBNET, host: 1, revision: 1 }));
    assert.deepEqual(sorted(desired.wants.keys()), sorted([...OWN_IDS, ...idsOf(1), ...idsOf(2)]));
    assert.deepEqual(desired.held, []);
    assert.equal(desired.complete, true);
  });

  it('has subnet.env to the byte', () => {
    const want = desiredOf().wants.get(FILE);
    const content =
      'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.34.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n';
    assert.deepEqual(want, { kind: 'file', path: '/run/flannel/subnet.env', content, mode: 0o644, shared: true });
  });

  it('is incomplete until the leases are known', () => {
    const desired = new Desired(contextOf());
    assert.equal(desired.complete, false);
    desired.update([], { leases: new Map(), complete: true });
    assert.equal(desired.complete, true);
    desired.setAll({ leases: new Map(), complete: false });
    assert.equal(desired.complete, false);
  });

  it('wants nothing of a backend that we do not run, and is never complete', () => {
    const desired = new Desired(contextOf({ config: '{"Network":"10.5.0.0/16","Backend":{"Type":"wireguard"}}' }));
    desired.setAll(sourceOf(peerOf(1)));
    assert.deepEqual([desired.wants.size, desired.complete], [0, false]);
    assert.deepEqual(
      desired.held.map(({ why }) => why),
      ['backend not supported'],
    );
    assert.deepEqual(desired.interest().devices, []);
  });

  it('reaches a peer whose VNI it does not have on an earlier VNI, where the config’s path is no tunnel', () => {
    const context = contextOf({ config: '{"Network":"10.5.0.0/16","Backend":{"Type":"host-gw"}}' });
    const earlier = backendFor(parseNetworkConfig('{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","VNI":7}}'))!;
    const desired = new Desired(context, [earlier]);
    desired.setAll(sourceOf(peerOf(1)));
    assert.ok(desired.wants.has('neighbour flannel.7|10.5.1.0'));
    assert.match(desired.held[0]?.detail ?? '', /names vxlan 1, which this host has no path for.*by vxlan 7/);
    const without = new Desired(context);
    without.setAll(sourceOf(peerOf(1)));
    assert.deepEqual(
      without.held.map(({ why }) => why),
      ['other backend'],
    );
  });

  it('tells what an update touches: before and after, and nothing of other peers', () => {
    const desired = desiredOf(peerOf(1), peerOf(2));
    const kept = idsOf(2).map((id) => desired.wants.get(id));
    const moved = peerOf(1, { mac: '02:00:00:00:09:09' });
    const affected = desired.update(['10.5.1.0/24'], sourceOf(moved, peerOf(2)));
    assert.deepEqual(sorted(affected), sorted([...idsOf(1), 'fdb flannel.1|02:00:00:00:09:09']));
    assert.deepEqual(
      idsOf(2).map((id) => desired.wants.get(id)),
      kept,
    );
    assert.equal(desired.wants.has(idsOf(1)[1]!), false);

    assert.deepEqual(sorted(desired.update(['10.5.2.0/24'], sourceOf(moved))), sorted(idsOf(2)));
    assert.deepEqual(desired.idsOfPeer('10.5.2.0/24'), []);
    assert.deepEqual(desired.update(['10.5.99.0/24'], sourceOf(moved)), new Set());
  });

  it('gives one MAC to the elder lease, and to the next when it goes', () => {
    const mac = '02:00:00:00:0a:0a';
    const [elder, younger] = [peerOf(1, { mac, revision: 5 }), peerOf(2, { mac, revision: 6 })];
    const desired = desiredOf(younger);
    assert.equal(desired.held.length, 0);
    const affected = desired.update(['10.5.1.0/24'], sourceOf(elder, younger));
    assert.deepEqual(desired.idsOfPeer('10.5.1.0/24').length, 4);
    assert.equal(desired.wants.has(idsOf(2)[0]!), false, 'a peer in part is no peer');
    assert.ok(affected.has(idsOf(2)[0]!), 'who has lost is looked at as well');
    assert.deepEqual(
      desired.held.map(({ key, why }) => [key, why]),
      [['10.5.2.0/24', 'shared with another peer']],
    );
    assert.match(desired.held[0]!.detail, /02:00:00:00:0a:0a, which 10\.5\.1\.0\/24/);
    assert.equal(desired.peerOfId(`fdb flannel.1|${mac}`), '10.5.1.0/24');

    const after = desired.update(['10.5.1.0/24'], sourceOf(younger));
    assert.ok(after.has(idsOf(2)[0]!) && desired.wants.has(idsOf(2)[0]!));
    assert.deepEqual(desired.held, []);
    assert.equal(desired.peerOfId(`fdb flannel.1|${mac}`), '10.5.2.0/24');
  });

  it('of one host with two leases has both in force, over its one VTEP, and the entry stays while one of them does', () => {
    const [first, second] = [peerOf(1), peerOf(2, { of: 1, mac: macOf(257) })];
    const desired = desiredOf(first, second);
    assert.deepEqual(desired.held, []);
    const fdb = `fdb flannel.1|${macOf(257)}`;
    for (const id of [fdb, 'route 254|10.5.1.0/24|0|0', 'route 254|10.5.2.0/24|0|0'])
      assert.ok(desired.wants.has(id), id);
    desired.update([first.subnet], sourceOf(second));
    assert.ok(desired.wants.has(fdb));
    assert.ok(!desired.wants.has('route 254|10.5.1.0/24|0|0'));
    desired.update([second.subnet], sourceOf());
    assert.ok(!desired.wants.has(fdb));
  });

  it('names the subnets whose leases do not say what they must', () => {
    const broken = { ...peerOf(1), attrs: { ...peerOf(1).attrs, backendData: {} } };
    const other = { ...peerOf(2), attrs: { ...peerOf(2).attrs, backendType: 'host-gw' } };
    const desired = desiredOf(broken, other);
    assert.deepEqual(desired.unreadableSubnets, ['10.5.1.0/24']);
    assert.equal(desired.held.length, 2);
    desired.update(['10.5.1.0/24'], sourceOf(peerOf(1), other));
    assert.deepEqual([desired.unreadableSubnets, desired.held.length], [[], 1]);
  });

  it('expands a scope to whole peers', () => {
    const desired = desiredOf(peerOf(1), peerOf(2));
    const expand = (parts: Parameters<typeof scopeOf>[0]) => desired.expandScope(scopeOf(parts));
    assert.deepEqual(sorted(expand({ peers: ['10.5.1.0/24'] }).ids), sorted(idsOf(1)));
    assert.deepEqual(sorted(expand({ ids: [idsOf(2)[1]!] }).ids), sorted(idsOf(2)));
    const alone = ['link flannel.1', 'route 254|10.5.99.0/24|0|0'];
    assert.deepEqual(sorted(expand({ ids: alone }).ids), sorted(alone));
    const gone = expand({ peers: ['10.5.9.0/24'] });
    assert.deepEqual(sorted(gone.ids), sorted(idsOf(9).filter((id) => !id.startsWith('fdb'))));
    assert.deepEqual(gone.peers.size, 0);
    assert.equal(expand({ all: true }).all, true);
    assert.deepEqual([...expand({ links: ['flannel.1'], kinds: ['file'] }).links], ['flannel.1']);
  });

  it('looks at kinds when it would be too many ids', () => {
    const peers = Array.from({ length: 200 }, (_, n) => peerOf(n));
    const scope = desiredOf(...peers).expandScope(scopeOf({ peers: peers.map(({ subnet }) => subnet) }));
    assert.ok(200 * 4 > MAX_IDS);
    assert.deepEqual([scope.ids.size, sorted(scope.kinds)], [0, ['fdb', 'neighbour', 'nexthop', 'route']]);
  });

  it('restricts itself to a scope', () => {
    const desired = desiredOf(peerOf(1), peerOf(2));
    const inside = (parts: Parameters<typeof scopeOf>[0]) => sorted(desired.restrict(scopeOf(parts)).keys());
    assert.deepEqual(inside({ all: true }), sorted(desired.wants.keys()));
    assert.deepEqual(inside({ kinds: ['link', 'file'] }), sorted(['link flannel.1', FILE]));
    assert.deepEqual(inside({ links: ['flannel.1'] }), sorted([...desired.wants.keys()].filter((id) => id !== FILE)));
    assert.deepEqual(inside({ links: ['flannel.2'] }), []);
    assert.deepEqual(inside({ ids: [idsOf(1)[0]!, 'route 254|10.5.99.0/24|0|0'] }), [idsOf(1)[0]!]);
    assert.deepEqual(inside({ peers: ['10.5.2.0/24'] }), sorted(idsOf(2)));
    assert.deepEqual(inside({}), []);
  });

  it('says what is of interest', () => {
    const context = contextOf();
    context.instance.networks = ['10.5.0.0/16', '10.4.0.0/16'];
    assert.deepEqual(new Desired(context).interest(), {
      networks: ['10.5.0.0/16', '10.4.0.0/16'],
      devices: ['flannel.1'],
      listens: new Map([['flannel.1', { port: 8472, address: '' }]]),
      uplink: 'eth0',
      files: ['/run/flannel/subnet.env'],
    });
  });
});
