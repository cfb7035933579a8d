import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipv4Number } from '../../../../drivers/netlink/codec/text.ts';
import { Relevance } from '../../../../drivers/netlink/relevance.ts';
import type { Link, Nexthop } from '../../../../reconciler/kinds/index.ts';

const relevance = new Relevance({
  networks: ['10.5.0.0/16', '10.9.128.0/17', '0.0.0.0/0'],
  devices: ['flannel.1', 'eth7'],
  uplink: 'eth0',
  files: [],
});

test('prefixes inside the networks concern us, wider ones and others do not', () => {
  const inside = (cidr: string) => relevance.inNetworks(ipv4Number(cidr), Number(cidr.split('/')[1] ?? 32));
  for (const cidr of ['10.5.0.0/16', '10.5.34.0/24', '10.5.255.255', '10.9.128.0/17', '10.9.255.0/24']) {
    assert.equal(inside(cidr), true, cidr);
  }
  for (const cidr of ['10.4.0.0/15', '10.0.0.0/8', '0.0.0.0/0', '10.6.0.0/24', '10.9.0.0/24', '192.0.2.1']) {
    assert.equal(inside(cidr), false, cidr);
  }
});

const link = (name: string, type = ''): Link => ({
  kind: 'link',
  name,
  type,
  up: true,
  mac: '',
  mtu: 1500,
  alias: '',
  master: '',
});

test('links: ours, the uplink, every vxlan, everything named flannel', () => {
  for (const [name, type] of [
    ['eth7', 'veth'],
    ['eth0', ''],
    ['vx5', 'vxlan'],
    ['flannel.ipip', 'ipip'],
  ] as const) {
    assert.equal(relevance.link(link(name, type)), true, name);
  }
  assert.equal(relevance.link(link('docker0', 'bridge')), false);
  assert.equal(relevance.addressesOf(link('eth0')), false);
  assert.equal(relevance.addressesOf(link('vx5', 'vxlan')), true);
});

test('nexthop objects: ours by protocol, by id inside the networks, or by device', () => {
  const nexthop: Nexthop = {
    kind: 'nexthop',
    id: 5,
    dev: 'eth0',
    gateway: '192.0.2.254',
    onlink: false,
    protocol: 4,
    plain: true,
  };
  assert.equal(relevance.nexthop(nexthop), false);
  assert.equal(relevance.nexthop({ ...nexthop, protocol: 115 }), true);
  assert.equal(relevance.nexthop({ ...nexthop, id: ipv4Number('10.5.34.0') }), true);
  assert.equal(relevance.nexthop({ ...nexthop, dev: 'flannel.1' }), true);
});
