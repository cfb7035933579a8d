import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseNetworkConfig } from '../../../../config/network.ts';
import type { HostFacts, Interface } from '../../../../reconciler/contracts/host.ts';
import { Guards, guardsOf } from '../../../../reconciler/desired/guards.ts';
import { type ChooseInput, chooseLease } from '../../../../reconciler/lease/choose.ts';
import { leaseOf } from '../../../helpers/store.ts';

const link = (name: string, addresses: string[], more: Partial<Interface> = {}): Interface => ({
  name,
  index: 1,
  mac: '02:00:00:00:00:01',
  mtu: 1500,
  up: true,
  loopback: name === 'lo',
  addresses: addresses.map((address) => ({ address, scope: 'global', permanent: true, deprecated: false })),
  ...more,
});

const facts: HostFacts = {
  interfaces: [
    link('lo', ['127.0.0.1/8', '10.5.177.1/32']),
    link('ens33', ['192.168.132.131/24']),
    link('eth1', ['10.5.9.7/24']),
    link('br-x', ['10.5.64.1/18'], { type: 'bridge' }),
    link('docker0', ['10.5.8.1/24'], { type: 'bridge' }),
    link('flannel.1', ['10.5.8.0/32'], { type: 'vxlan' }),
    link('odd7', ['10.5.30.0/32'], { type: 'vxlan', alias: 'selvage:/coreos.com/network' }),
  ],
  linkRoutes: [
    { dev: 'ens33', dst: '192.168.132.0/24', metric: 100 },
    { dev: 'eth1', dst: '10.5.9.0/24', metric: 101 },
    { dev: 'br-x', dst: '10.5.64.0/18', metric: 0 },
    { dev: 'docker0', dst: '10.5.8.0/24', metric: 0 },
    { dev: 'ens33', dst: '10.5.40.0/24', metric: 0 },
  ],
  defaultRoutes: [{ dev: 'ens33', gateway: '192.168.132.1', metric: 100 }],
  store: ['10.5.20.9', '127.0.0.1'],
  nameServers: ['10.5.21.53', '127.0.0.53'],
};
const guards = new Guards(guardsOf(facts, { name: 'ens33', networks: ['192.168.132.0/24'] }));
const what = (subnet: string, own?: string) => guards.ofPeer(subnet, own)?.what;

describe('guards of a host', () => {
  it('are the networks and addresses of its interfaces, its gateway, its store and its name servers', () => {
    assert.equal(what('192.168.132.0/26'), "ens33's network 192.168.132.0/24");
    assert.equal(what('192.168.0.0/16'), "ens33's network 192.168.132.0/24");
    assert.equal(what('10.5.9.0/24'), "eth1's network 10.5.9.0/24", 'its route has another metric, so ours would win');
    assert.equal(what('10.5.9.128/25'), "eth1's network 10.5.9.0/24");
    assert.equal(what('10.5.177.0/24'), "lo's address 10.5.177.1");
    assert.equal(what('10.5.20.0/24'), 'the store at 10.5.20.9');
    assert.equal(what('10.5.21.0/24'), 'the name server 10.5.21.53');
    assert.equal(what('10.5.70.0/24'), "br-x's network 10.5.64.0/18");
    assert.equal(what('10.5.30.0/24'), undefined, 'a device of ours that was renamed guards nothing');
  });

  it('leave to the plan what meets its own slot in the kernel', () => {
    assert.equal(what('10.5.8.0/24'), undefined);
    assert.equal(what('10.5.40.0/24'), undefined, "somebody's route on the link");
    assert.equal(what('10.5.40.0/25'), '10.5.40.0/24 on the link of ens33');
  });

  it("do not count what is inside the host's own subnet: its containers are there", () => {
    assert.equal(what('10.5.8.128/25', '10.5.8.0/24'), undefined);
    assert.equal(guards.ofOwn('10.5.8.0/24'), undefined);
    assert.equal(guards.ofOwn('10.5.64.0/24'), undefined);
    assert.equal(guards.ofOwn('10.5.9.0/24')?.dev, 'eth1');
  });
});

describe('the choice of a lease', () => {
  const choose = (config: object, parts: Partial<ChooseInput> = {}) =>
    chooseLease({
      config: parseNetworkConfig(JSON.stringify({ Backend: { Type: 'vxlan' }, ...config })),
      leases: [],
      occupied: [],
      publicIP: '192.168.132.131',
      guards,
      random: () => 0,
      ...parts,
    });

  it('takes no block of what the host must reach, and of containers only if nothing else is free', () => {
    const some = { Network: '10.5.0.0/16', SubnetMin: '10.5.8.0', SubnetMax: '10.5.10.0' };
    const choice = choose(some);
    assert.equal(choice.action === 'create' && choice.subnet, '10.5.10.0/24');
    const taken = [leaseOf({ subnet: '10.5.10.0/24', host: 9, revision: 1 })];
    const last = choose(some, { leases: taken });
    assert.equal(last.action === 'create' && last.subnet, '10.5.8.0/24');
  });

  it('keeps a previous subnet that its own bridge is on, and not one that cuts it off', () => {
    const back = choose({ Network: '10.5.0.0/16' }, { previousSubnet: '10.5.8.1/24' });
    assert.equal(back.action === 'create' && back.subnet, '10.5.8.0/24');
    const other = choose({ Network: '10.5.0.0/16' }, { previousSubnet: '10.5.9.1/24' });
    assert.notEqual(other.action === 'create' && other.subnet, '10.5.9.0/24');
  });

  for (const config of [
    { Network: '192.168.132.0/24', SubnetLen: 26 },
    { Network: '192.168.0.0/16', SubnetMin: '192.168.132.0', SubnetMax: '192.168.132.0' },
    { Network: '192.168.128.0/20', SubnetLen: 26, SubnetMin: '192.168.132.64', SubnetMax: '192.168.132.64' },
  ]) {
    it(`takes none, keeps none and gives none back: ${JSON.stringify(config)}`, () => {
      const lease = { ...leaseOf({ subnet: '192.168.132.64/26', host: 1, revision: 1 }), leaseId: '7' };
      lease.attrs = { ...lease.attrs, publicIP: '192.168.132.131' };
      for (const leases of [[], [lease]]) {
        const choice = choose(config, { leases });
        assert.equal(choice.action, 'outOfSubnets');
        assert.match(
          choice.action === 'outOfSubnets' ? choice.detail : '',
          /ens33's network .*choose another Network\.$/,
        );
        assert.deepEqual(choice.release, []);
      }
    });
  }

  it('moves off a lease that cuts the host off where another is free', () => {
    const mine = { ...leaseOf({ subnet: '10.5.9.0/24', host: 1, revision: 1 }), leaseId: '7' };
    mine.attrs = { ...mine.attrs, publicIP: '192.168.132.131' };
    const choice = choose({ Network: '10.5.0.0/16' }, { leases: [mine] });
    assert.equal(choice.action, 'create');
    assert.deepEqual(choice.release, [mine]);
  });
});
