import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Lease, LeaseAttrs } from '../../../../config/model.ts';
import { backendFor } from '../../../../reconciler/backends/index.ts';
import { Desired } from '../../../../reconciler/desired/desired.ts';
import { idOf } from '../../../../reconciler/kinds/index.ts';
import { contextOf, OWN_MAC, peerOf, sourceOf } from '../../../helpers/desired.ts';

const config = '{"Network":"10.5.0.0/16","Backend":{"Type":"Host-GW"}}';
const context = (parts: Parameters<typeof contextOf>[0] = {}) => contextOf({ config, ...parts });
const backend = backendFor(context().config)!;
const base = peerOf(7);
const peer = (attrs: Partial<LeaseAttrs> = {}): Lease => ({
  ...base,
  attrs: { ...base.attrs, publicIP: '192.168.64.9', backendType: 'host-gw', backendData: undefined, ...attrs },
});

describe('host-gw', () => {
  it('has no device, no BackendData, and the MTU of the interface', () => {
    assert.deepEqual(backend.device(context()), []);
    assert.deepEqual(backend.deviceNames(context()), []);
    assert.equal(backend.backendData(context(), OWN_MAC), undefined);
    assert.equal(backend.mtu(context()), 1500);
    assert.deepEqual([backend.type, backend.path], ['host-gw', 'host-gw']);
  });

  it("routes through the peer's address on the interface", () => {
    const id = 0x0a050700;
    const gateway = '192.168.64.9';
    const way = { dev: 'eth0', gateway, onlink: false };
    const route = {
      kind: 'route',
      table: 254,
      dst: '10.5.7.0/24',
      tos: 0,
      metric: 0,
      protocol: 115,
      type: 'unicast',
      plain: true,
    };
    assert.deepEqual(backend.peer(context(), peer()).wants, [
      { kind: 'nexthop', id, ...way, protocol: 115, plain: true },
      { ...route, ...way, nexthopId: id },
    ]);
    assert.deepEqual(backend.peer(context({ nexthopObjects: false }), peer()).wants, [
      { ...route, ...way, nexthopId: 0 },
    ]);
  });

  it('leaves nothing that its subnet alone does not tell', () => {
    assert.deepEqual(backend.idsOfSubnet(context(), '10.5.7.0/24'), backend.peer(context(), peer()).wants!.map(idOf));
  });

  for (const [why, lease, unmet] of [
    ['unreachable', peer({ publicIP: '192.168.65.9' }), true],
    ['other backend', peer({ backendType: 'vxlan' }), false],
    ['other backend', peer({ backendType: '' }), false],
    ['own address', peer({ publicIP: '192.168.64.3' }), false],
    ['no address', peer({ publicIP: '0.0.0.0' }), false],
    ['outside the network', { ...peer(), subnet: '10.6.7.0/24' }, false],
  ] as const) {
    it(`holds a peer: ${why}`, () => {
      const { held } = backend.peer(context(), lease);
      assert.ok(held, 'it must be held');
      assert.deepEqual([held.why, held.key, held.unmet], [why, lease.subnet, unmet]);
      assert.match(held.detail, /\.$/);
    });
  }

  it('says that it is behind a NAT if its public address is not its own', () => {
    assert.deepEqual(backend.notices(context()), []);
    assert.deepEqual(
      backend.notices(context({ publicIP: '203.0.113.9' })).map(({ why, unmet }) => [why, unmet]),
      [['behind a NAT', true]],
    );
  });
});

describe('a host with an earlier path', () => {
  const vxlan = backendFor(contextOf().config)!;
  const desiredOf = (...leases: Lease[]) => {
    const desired = new Desired(context(), [vxlan]);
    desired.setAll(sourceOf(...leases));
    return desired;
  };

  it('keeps its device and address, and is interested in them', () => {
    const desired = desiredOf();
    assert.deepEqual(desired.deviceWants.map(idOf), ['link flannel.1', 'address flannel.1|10.5.34.0/32']);
    assert.deepEqual(desired.interest().devices, ['flannel.1']);
    assert.match(String(JSON.stringify([...desired.wants.values()])), /FLANNEL_MTU=1500/, 'the MTU is of the config');
  });

  it('reaches each peer where its lease says, and tells who has not moved', () => {
    const desired = desiredOf(peerOf(7), { ...peer(), subnet: '10.5.8.0/24' });
    assert.ok(desired.idsOfPeer('10.5.7.0/24').includes('neighbour flannel.1|10.5.7.0'));
    assert.equal(desired.idsOfPeer('10.5.8.0/24').length, 2);
    assert.deepEqual(
      desired.held.map(({ key, why, unmet }) => [key, why, unmet]),
      [['10.5.7.0/24', 'not moved yet', false]],
    );
    desired.update(['10.5.7.0/24'], sourceOf(peer()));
    assert.deepEqual(desired.held, []);
    assert.deepEqual(desired.idsOfPeer('10.5.7.0/24'), ['nexthop 168101632', 'route 254|10.5.7.0/24|0|0']);
  });
});
