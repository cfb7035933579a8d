import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Lease, LeaseAttrs } from '../../../../config/model.ts';
import { backendFor, pathOf } from '../../../../reconciler/backends/index.ts';
import { ipipType } from '../../../../reconciler/backends/ipip.ts';
import { Desired } from '../../../../reconciler/desired/desired.ts';
import { idOf, type Link } from '../../../../reconciler/kinds/index.ts';
import { contextOf, OWN_MAC, peerOf, sourceOf } from '../../../helpers/desired.ts';

const config = '{"Network":"10.5.0.0/16","Backend":{"Type":"IPIP"}}';
const direct = '{"Network":"10.5.0.0/16","Backend":{"Type":"ipip","DirectRouting":true}}';
const context = (parts: Parameters<typeof contextOf>[0] = {}) => contextOf({ config, ...parts });
const backend = backendFor(context().config)!;
const base = peerOf(7);
const peer = (attrs: Partial<LeaseAttrs> = {}): Lease => ({
  ...base,
  attrs: { ...base.attrs, publicIP: '192.168.65.9', backendType: 'ipip', backendData: undefined, ...attrs },
});

const device: Link = {
  kind: 'link',
  name: 'flannel.ipip',
  type: 'ipip',
  up: true,
  mac: '',
  mtu: 1480,
  alias: 'selvage:/coreos.com/network',
  master: '',
  rpFilter: 2,
  tunnel: { type: 'ipip', local: '192.168.64.3', remote: '' },
};

describe('ipip', () => {
  it('has one device for all peers, with room for the outer header, and no BackendData', () => {
    assert.deepEqual(backend.device(context()), [
      device,
      { kind: 'address', dev: 'flannel.ipip', address: '10.5.34.0/32' },
    ]);
    assert.deepEqual(backend.deviceNames(context()), ['flannel.ipip']);
    assert.equal(backend.backendData(context(), OWN_MAC), undefined);
    assert.equal(backend.mtu(context()), 1480);
    assert.deepEqual([backend.type, backend.path], ['ipip', 'ipip']);
  });

  const way = { dev: 'flannel.ipip', gateway: '192.168.65.9', onlink: true };
  const route = { kind: 'route', table: 254, dst: '10.5.7.0/24', tos: 0, metric: 0, protocol: 115, type: 'unicast' };
  const id = 0x0a050700;

  it("routes through the peer's own address, on-link on the device, be it behind a router or not", () => {
    for (const publicIP of ['192.168.65.9', '192.168.64.9']) {
      assert.deepEqual(backend.peer(context(), peer({ publicIP })).wants, [
        { kind: 'nexthop', id, ...way, gateway: publicIP, protocol: 115, plain: true },
        { ...route, ...way, gateway: publicIP, nexthopId: id, plain: true },
      ]);
    }
    assert.deepEqual(backend.peer(context({ nexthopObjects: false }), peer()).wants, [
      { ...route, ...way, nexthopId: 0, plain: true },
    ]);
  });

  it('reaches a peer on the link without the tunnel, with DirectRouting', () => {
    const there = { config: direct, nexthopObjects: false };
    const [want] = backendFor(context(there).config)!.peer(context(there), peer({ publicIP: '192.168.64.9' })).wants!;
    assert.deepEqual(want, {
      ...route,
      dev: 'eth0',
      gateway: '192.168.64.9',
      onlink: false,
      nexthopId: 0,
      plain: true,
    });
    const [far] = backendFor(context(there).config)!.peer(context(there), peer()).wants!;
    assert.equal(far?.kind === 'route' && far.dev, 'flannel.ipip');
  });

  it('leaves nothing that its subnet alone does not tell', () => {
    assert.deepEqual(backend.idsOfSubnet(context(), '10.5.7.0/24'), backend.peer(context(), peer()).wants!.map(idOf));
  });

  for (const [why, lease] of [
    ['other backend', peer({ backendType: 'vxlan' })],
    ['other backend', peer({ backendType: '' })],
    ['own address', peer({ publicIP: '192.168.64.3' })],
    ['no address', peer({ publicIP: '0.0.0.0' })],
    ['outside the network', { ...peer(), subnet: '10.6.7.0/24' }],
  ] as const) {
    it(`holds a peer: ${why}`, () => {
      const { held } = backend.peer(context(), lease);
      assert.ok(held, 'it must be held');
      assert.deepEqual([held.why, held.key], [why, lease.subnet]);
    });
  }

  it('says that it is behind a NAT if its public address is not its own', () => {
    assert.deepEqual(backend.notices(context()), []);
    const [held] = backend.notices(context({ publicIP: '203.0.113.7' }));
    assert.deepEqual([held?.why, held?.unmet], ['behind a NAT', true]);
    assert.match(held!.detail, /can't reach it by ipip; leave --public-ip out, or set Backend\.Type to vxlan\.$/);
  });

  it('is the path of its leases, and of a host that has its device', () => {
    assert.equal(pathOf(peer().attrs, []), 'ipip');
    const seen = ipipType.seenOn({ links: [device], directRoutes: [], directTypes: new Set() });
    assert.deepEqual(
      seen.map(({ path }) => path),
      ['ipip'],
    );
    assert.deepEqual(ipipType.seenOn({ links: [], directRoutes: [], directTypes: new Set() }), []);
  });

  it('is seen to reach hosts on its link without the tunnel where a route shows it', () => {
    const devices = (directTypes: ReadonlySet<string>): string[] => {
      const [seen] = ipipType.seenOn({ links: [device], directRoutes: [], directTypes });
      return seen!
        .peer(context(), peer({ publicIP: '192.168.64.9' }))
        .wants!.flatMap((want) => (want.kind === 'route' ? want.dev : []));
    };
    assert.deepEqual([devices(new Set()), devices(new Set(['ipip']))], [['flannel.ipip'], ['eth0']]);
  });

  it('is left peer by peer: who has not moved from vxlan is reached there', () => {
    const before = backendFor(contextOf().config)!;
    const desired = new Desired(context(), [before]);
    desired.setAll(sourceOf(peerOf(8), peer()));
    const devices = [...desired.wants.values()].flatMap((want) =>
      want.kind === 'route' ? `${want.dst} ${want.dev}` : [],
    );
    assert.deepEqual(devices.sort(), ['10.5.7.0/24 flannel.ipip', '10.5.8.0/24 flannel.1']);
    assert.deepEqual(desired.interest().devices, ['flannel.ipip', 'flannel.1']);
  });
});
