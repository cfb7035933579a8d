import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Instance } from '../../../../reconciler/contracts/host.ts';
import { networksLeft } from '../../../../reconciler/desired/left-behind.ts';
import { type Have, MAIN_TABLE, type Route, SELVAGE_PROTOCOL } from '../../../../reconciler/kinds/index.ts';
import { device } from '../../../helpers/hosts.ts';

const OLD = '10.5.0.0/16';
const NOW = '10.9.0.0/16';
const instance: Instance = {
  prefix: '/coreos.com/network',
  networks: [NOW, OLD],
  subnetFile: '/run/flannel/subnet.env',
};
const OURS = device('flannel.1', {
  type: 'vxlan',
  alias: 'selvage:/coreos.com/network',
  tunnel: { type: 'vxlan', vni: 1, port: 8472, local: '192.168.64.3', parent: 'eth0', learning: false, gbp: false },
});
const route: Route = {
  kind: 'route',
  table: MAIN_TABLE,
  dst: '10.5.2.0/24',
  tos: 0,
  metric: 0,
  dev: 'eth0',
  gateway: '192.168.64.9',
  onlink: false,
  nexthopId: 0,
  protocol: SELVAGE_PROTOCOL,
  type: 'unicast',
  plain: true,
};
const address: Have = { kind: 'address', dev: 'flannel.1', address: '10.5.1.0/32' };
const neighbour: Have = {
  kind: 'neighbour',
  dev: 'flannel.1',
  ip: '10.5.2.0',
  mac: '02:00:00:00:00:02',
  permanent: true,
  protocol: SELVAGE_PROTOCOL,
};
const nexthop: Have = {
  kind: 'nexthop',
  id: 0x0a050200,
  dev: 'eth0',
  gateway: '192.168.64.9',
  onlink: false,
  protocol: SELVAGE_PROTOCOL,
  plain: true,
};
const left = (haves: Have[], current = NOW) => networksLeft([OLD], current, haves, instance);

describe('a network that this host is no longer in', () => {
  for (const have of [route, address, neighbour, nexthop])
    it(`has something of ours while there is a ${have.kind}`, () => assert.deepEqual(left([OURS, have]), [OLD]));

  it('has nothing of ours in what is in the network of now, or is somebody else’s', () => {
    const foreign = { ...route, protocol: 3 };
    const now: Have = { ...address, address: '10.9.1.0/32' };
    assert.deepEqual(left([OURS, foreign, now, { ...neighbour, ip: '10.9.2.0' }]), []);
    assert.deepEqual(left([OURS, route, address], '10.4.0.0/15'), [], 'a wider one of which it is a part');
    assert.deepEqual(left([{ ...OURS, alias: 'selvage:/other' }, address]), []);
  });

  it('has the address on a device that flannel made', () => {
    assert.deepEqual(left([{ ...OURS, alias: '' }, address]), [OLD]);
  });
});
