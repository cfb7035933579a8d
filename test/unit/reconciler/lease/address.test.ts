import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseNetworkConfig } from '../../../../config/network.ts';
import type { Host } from '../../../../reconciler/contracts/host.ts';
import { hereOf, impossibleAddress } from '../../../../reconciler/lease/address.ts';
import { leaseOf } from '../../../helpers/store.ts';

const configOf = (config: object) => parseNetworkConfig(JSON.stringify({ Backend: { Type: 'vxlan' }, ...config }));
const FLAT = configOf({ Network: '10.5.0.0/16' });
/** flannel's README. */
const PART = configOf({ Network: '10.0.0.0/8', SubnetLen: 20, SubnetMin: '10.10.0.0', SubnetMax: '10.99.0.0' });

const host: Host = {
  hostname: 'web1',
  uplink: { name: 'ens33', mtu: 1500, address: '192.168.132.131', networks: ['192.168.132.0/24'] },
  publicIP: '192.168.132.131',
  nexthopObjects: true,
  guards: [{ range: '192.168.132.0/24', what: '', dev: 'ens33', of: 'uplink' }],
  addresses: ['192.168.132.131', '192.168.132.231'],
};

const problem = (publicIP: string, config = FLAT, here = true, subnet = '10.5.9.0/24') => {
  const lease = leaseOf({ subnet, host: 9, revision: 1 });
  return impossibleAddress(config, { ...lease, attrs: { ...lease.attrs, publicIP } }, here ? hereOf(host) : undefined);
};

describe('an address that no peer can have', () => {
  for (const [address, why] of [
    ['127.0.0.1', /loopback/],
    ['224.0.0.5', /multicast/],
    ['239.255.255.250', /multicast/],
    ['255.255.255.255', /240\.0\.0\.0\/4/],
    ['240.0.0.1', /240\.0\.0\.0\/4/],
    ['0.1.2.3', /not the address of a host/],
    ['10.5.9.7', /inside the subnet that it leads to/],
    ['10.5.200.1', /inside the Network 10\.5\.0\.0\/16/],
    ['10.5.0.7', /inside the Network/],
    ['10.5.255.255', /inside the Network/],
  ] as const) {
    it(`${address}, wherever it is asked`, () => {
      assert.match(problem(address) ?? '', why);
      assert.match(problem(address, FLAT, false) ?? '', why);
    });
  }

  it("is also the broadcast address of the host's network, and a second address of the host itself", () => {
    assert.match(problem('192.168.132.255') ?? '', /broadcast address of ens33's network/);
    assert.match(problem('192.168.132.0') ?? '', /broadcast address/);
    assert.match(problem('192.168.132.231') ?? '', /this host's own/);
    for (const address of ['192.168.132.255', '192.168.132.231'])
      assert.equal(problem(address, FLAT, false), undefined);
  });

  it('is no other: not private, not far away, not in the part of a Network that has no subnets', () => {
    for (const address of ['192.168.132.132', '10.6.0.1', '203.0.113.9', '169.254.3.4', '0.0.0.0'])
      assert.equal(problem(address), undefined, address);
    assert.equal(problem('10.0.1.7', PART, true, '10.10.16.0/20'), undefined);
    assert.equal(problem('10.200.1.7', PART, true, '10.10.16.0/20'), undefined);
    assert.match(problem('10.20.1.7', PART, true, '10.10.16.0/20') ?? '', /inside the Network/);
  });
});
