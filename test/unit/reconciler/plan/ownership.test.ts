import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Address, Fdb, Have, Link, Neighbour, Nexthop, Route, Want } from '../../../../reconciler/kinds/index.ts';
import { Ownership, ownDevices } from '../../../../reconciler/plan/ownership.ts';
import { contextFor, deviceOf, INSTANCE, overlayWith } from '../../../helpers/planning.ts';
import { vxlanOf } from '../../../helpers/tunnels.ts';
import { byId, linkWant, peerWants } from '../../../helpers/wants.ts';

const overlay = overlayWith(1);
const device = deviceOf(overlay);
const [neighbour, fdb, nexthop, route] = peerWants(overlay, overlay.peers[0]!) as [Neighbour, Fdb, Nexthop, Route];
const wanted = byId<Want>([linkWant(overlay)]);
const address = (text: string, dev = device.name): Address => ({ kind: 'address', dev, address: text });

const owner = (have: Have, others: Have[] = [device], desired = wanted): string =>
  new Ownership(contextFor(others, desired)).ownerOf(have);
const linkOwner = (parts: Partial<Link>, others: Have[] = [], desired = wanted): string => {
  const link = { ...device, ...parts };
  return owner(link, [link, ...others], desired);
};

test('a device is ours by its kind and its mark, whatever somebody has named it', () => {
  assert.equal(linkOwner({}), 'ours');
  assert.equal(linkOwner({ type: 'bridge', tunnel: undefined }), 'foreign');
  assert.equal(linkOwner({ name: 'vxlan1' }), 'ours');
  assert.equal(linkOwner({ name: 'vxlan1', alias: '' }, [address('10.5.1.0/32', 'vxlan1')]), 'foreign');
  assert.equal(linkOwner({ master: 'br0' }), 'foreign');
  assert.equal(linkOwner({ alias: 'selvage:/other/network' }), 'foreign');
  assert.equal(linkOwner({ alias: 'uplink to the lab' }), 'foreign');
  assert.equal(linkOwner({ alias: 'selvage:/coreos.com/network/more' }), 'foreign');
});

test('an unmarked device is ours by an address inside our networks, whatever else is on it', () => {
  assert.equal(linkOwner({ alias: '' }, [address('10.5.1.0/32')]), 'ours');
  assert.equal(linkOwner({ alias: '' }, [address('169.254.3.4/16'), address('10.5.1.0/32')], new Map()), 'ours');
  assert.equal(linkOwner({ alias: '' }, [address('10.6.1.0/32')]), 'foreign');
  assert.equal(linkOwner({ alias: '', type: 'bridge' }, [address('10.5.1.0/32')]), 'foreign');
});

test('an unmarked device without an address is ours only if we want it, and only if its addresses are known', () => {
  assert.equal(linkOwner({ alias: '' }), 'ours');
  assert.equal(linkOwner({ alias: '' }, [], new Map()), 'foreign');
  const halfMade = { ...device, alias: '' };
  const context = { ...contextFor([halfMade], wanted), addressesComplete: false };
  assert.equal(new Ownership(context).ownerOf(halfMade), 'foreign');
});

test('0.0.0.0/0 as a network makes nothing ours', () => {
  const instance = { ...INSTANCE, networks: ['0.0.0.0/0'] };
  const context = { ...contextFor([device], wanted), instance };
  assert.equal(new Ownership(context).ownerOf(route), 'foreign');
  assert.equal(new Ownership(context).ownerOf(nexthop), 'foreign');
});

test('an address is ours on our device and inside our networks', () => {
  assert.equal(owner(address('10.5.1.0/32')), 'ours');
  assert.equal(owner(address('192.168.9.1/24')), 'foreign');
  assert.equal(owner(address('10.5.1.0/32', 'eth0')), 'foreign');
  assert.equal(owner(address('10.5.1.0/32'), []), 'foreign', 'its device is not there');
});

test('a neighbour is ours by our mark or by where it points, if it is permanent', () => {
  assert.equal(owner(neighbour), 'ours');
  assert.equal(owner({ ...neighbour, protocol: 0 }), 'ours');
  assert.equal(owner({ ...neighbour, ip: '192.168.9.9' }), 'ours', 'we once made it');
  assert.equal(owner({ ...neighbour, ip: '192.168.9.9', protocol: 0 }), 'foreign');
  assert.equal(owner({ ...neighbour, permanent: false }), 'learned');
  assert.equal(owner({ ...neighbour, dev: 'eth0' }), 'foreign');
  assert.equal(owner({ ...neighbour, dev: 'eth0', permanent: false }), 'foreign');
});

test('an FDB entry is ours if it looks like a VTEP’s, or a lease names it', () => {
  assert.equal(owner(fdb), 'ours');
  assert.equal(owner({ ...fdb, mac: '00:00:00:00:00:00' }), 'foreign');
  assert.equal(owner({ ...fdb, mac: '03:00:00:00:00:01' }), 'foreign', 'multicast');
  assert.equal(owner({ ...fdb, dst: '' }), 'foreign');
  assert.equal(owner({ ...fdb, plain: false }), 'foreign');
  assert.equal(owner({ ...fdb, permanent: false }), 'learned');
  assert.equal(owner({ ...fdb, permanent: false, plain: false }), 'foreign', 'another control plane’s');
  const named = byId<Want>([linkWant(overlay), fdb]);
  for (const form of [{ plain: false }, { plain: false, dst: '' }, { plain: false, permanent: false }])
    assert.equal(owner({ ...fdb, ...form }, [device], named), 'ours', 'a live lease names its MAC');
  const vendor = { ...fdb, mac: '3c:fd:fe:00:00:01' };
  assert.equal(owner(vendor), 'foreign');
  assert.equal(owner(vendor, [device], byId<Want>([linkWant(overlay), vendor])), 'ours');
});

test('a nexthop object is ours by our mark and an id inside our networks', () => {
  assert.equal(owner(nexthop), 'ours');
  assert.equal(owner({ ...nexthop, dev: 'eth0' }), 'ours');
  assert.equal(owner({ ...nexthop, protocol: 3 }), 'foreign');
  assert.equal(owner({ ...nexthop, id: 7 }), 'foreign');
});

test('a route is ours by our mark or our device, inside our networks, and never if the kernel made it', () => {
  assert.equal(owner(route), 'ours');
  assert.equal(owner({ ...route, protocol: 3 }), 'ours', 'what flanneld left');
  assert.equal(owner({ ...route, dev: 'eth0' }), 'ours', 'DirectRouting');
  assert.equal(owner({ ...route, dev: 'eth0', protocol: 3 }), 'foreign');
  assert.equal(owner({ ...route, protocol: 2 }), 'foreign');
  assert.equal(owner({ ...route, dst: '10.6.2.0/24' }), 'foreign');
  assert.equal(owner({ ...route, dst: '10.0.0.0/8' }), 'foreign', 'wider than our network');
  assert.equal(owner({ ...route, dst: 'default' }), 'foreign');
  assert.equal(owner({ ...route, table: 100 }), 'foreign');
});

test('a file is ours if it is the one that we write', () => {
  const file = { kind: 'file' as const, path: INSTANCE.subnetFile, content: '', mode: 0o644 };
  assert.equal(owner(file), 'ours');
  assert.equal(owner({ ...file, path: '/run/flannel/other.env' }), 'foreign');
});

test('the devices to look under are those wanted and those of ours that are not', () => {
  const stale = { ...device, name: 'flannel.7', tunnel: vxlanOf(device, { vni: 7 }) };
  const other = { ...device, name: 'flannel.8', alias: 'selvage:/other', tunnel: vxlanOf(device, { vni: 8 }) };
  assert.deepEqual(ownDevices(contextFor([stale, other], wanted)), ['flannel.7', 'flannel.1']);
  assert.equal(new Ownership(contextFor([stale, other], wanted)).ownsDevice('flannel.1'), false);
});

test('Docker’s files give way where they are wanted, and are never ours to clean up', () => {
  const file = { kind: 'file' as const, path: '/etc/docker/daemon.json', content: '{}', mode: 0o644 };
  assert.equal(owner(file), 'foreign');
  assert.equal(owner(file, [device], byId<Want>([linkWant(overlay), { ...file, content: '{"mtu":1450}' }])), 'learned');
});
