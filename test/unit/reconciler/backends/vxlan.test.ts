import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Lease, LeaseAttrs } from '../../../../config/model.ts';
import type { BackendContext } from '../../../../reconciler/backends/backend.ts';
import { backendFor, ipv4Only, unsupportedBackend } from '../../../../reconciler/backends/index.ts';
import { idOf } from '../../../../reconciler/kinds/index.ts';
import { contextOf, OWN_MAC, peerOf } from '../../../helpers/desired.ts';
import { CONFIG_KEY } from '../../../helpers/store.ts';
import { vxlanOf } from '../../../helpers/tunnels.ts';

const withBackend = (options: object): string =>
  JSON.stringify({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan', ...options } });
const backendOf = (context: BackendContext) => backendFor(context.config)!;
const peer = peerOf(7);
const altered = (attrs: Partial<LeaseAttrs>): Lease => ({ ...peer, attrs: { ...peer.attrs, ...attrs } });

describe('vxlan, the device', () => {
  it('is what flannel makes, marked', () => {
    const context = contextOf();
    assert.deepEqual(backendOf(context).device(context), [
      {
        kind: 'link',
        name: 'flannel.1',
        type: 'vxlan',
        up: true,
        mac: OWN_MAC,
        mtu: 1450,
        alias: 'selvage:/coreos.com/network',
        master: '',
        rpFilter: 2,
        tunnel: {
          type: 'vxlan',
          vni: 1,
          port: 8472,
          local: '192.168.64.3',
          parent: 'eth0',
          learning: false,
          gbp: false,
        },
      },
      { kind: 'address', dev: 'flannel.1', address: '10.5.34.0/32' },
    ]);
  });

  it('takes no MTU that the uplink does not carry, and says so with both figures', () => {
    for (const [mtu, gets, says] of [
      [
        9000,
        1450,
        /Backend\.MTU 9000 is more than eth0 carries, whose MTU is 1500; so flannel\.1 and FLANNEL_MTU have 1450/,
      ],
      [1400, 1350, undefined],
      [1500, 1450, undefined],
    ] as const) {
      const context = contextOf({ config: `{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","MTU":${mtu}}}` });
      const backend = backendOf(context);
      const [link] = backend.device(context);
      assert.deepEqual([link?.kind === 'link' && link.mtu, backend.mtu(context)], [gets, gets]);
      const [notice] = backend.notices(context);
      if (says) assert.match(notice?.detail ?? '', says);
      else assert.equal(notice, undefined);
    }
  });

  it('follows the options of the config', () => {
    const context = contextOf({ config: withBackend({ VNI: 77, Port: 4789, GBP: true, Learning: true, MTU: 9000 }) });
    const [link] = backendOf(context).device(context);
    assert.ok(link?.kind === 'link');
    assert.deepEqual([link.name, link.mtu], ['flannel.77', 1450]);
    assert.deepEqual(
      [vxlanOf(link).vni, vxlanOf(link).port, vxlanOf(link).gbp, vxlanOf(link).learning],
      [77, 4789, true, true],
    );
    assert.deepEqual(backendOf(context).deviceNames(context), ['flannel.77']);
    assert.deepEqual(backendOf(context).backendData(context, OWN_MAC), { VNI: 77, VtepMAC: OWN_MAC });
  });

  it("has the interface's own address as its local one behind a NAT", () => {
    const context = contextOf({ publicIP: '203.0.113.9' });
    const [link] = backendOf(context).device(context);
    assert.equal(link?.kind === 'link' && vxlanOf(link).local, '192.168.64.3');
  });

  it('reaches peers on the link without the tunnel if DirectRouting is on, and the others through it', () => {
    const context = contextOf({ config: withBackend({ DirectRouting: true }) });
    const onLink = altered({ publicIP: '192.168.64.9' });
    const kinds = (lease: Lease) =>
      backendOf(context)
        .peer(context, lease)
        .wants?.map(({ kind }) => kind);
    assert.deepEqual(kinds(peer), ['neighbour', 'fdb', 'nexthop', 'route']);
    assert.deepEqual(kinds(onLink), ['nexthop', 'route']);
    const [nexthop, route] = backendOf(context).peer(context, onLink).wants!;
    assert.deepEqual(nexthop, {
      kind: 'nexthop',
      id: 0x0a050700,
      dev: 'eth0',
      gateway: '192.168.64.9',
      onlink: false,
      protocol: 115,
      plain: true,
    });
    assert.ok(route?.kind === 'route');
    assert.deepEqual([route.dst, route.dev, route.nexthopId], ['10.5.7.0/24', 'eth0', 0x0a050700]);
  });
});

describe('vxlan, a peer', () => {
  it('has ARP, FDB, nexthop and route as flannel makes them', () => {
    const context = contextOf();
    const dev = 'flannel.1';
    const mac = '02:00:00:00:01:07';
    assert.deepEqual(backendOf(context).peer(context, peer).wants, [
      { kind: 'neighbour', dev, ip: '10.5.7.0', mac, permanent: true, protocol: 115 },
      { kind: 'fdb', dev, mac, dst: '192.168.1.7', permanent: true, plain: true },
      { kind: 'nexthop', id: 0x0a050700, dev, gateway: '10.5.7.0', onlink: true, protocol: 115, plain: true },
      {
        kind: 'route',
        table: 254,
        dst: '10.5.7.0/24',
        tos: 0,
        metric: 0,
        dev,
        gateway: '10.5.7.0',
        onlink: true,
        nexthopId: 0x0a050700,
        protocol: 115,
        type: 'unicast',
        plain: true,
      },
    ]);
  });

  it('has a plain gateway on a kernel without nexthop objects', () => {
    const context = contextOf({ nexthopObjects: false });
    const { wants } = backendOf(context).peer(context, peer);
    assert.deepEqual(
      wants?.map(({ kind }) => kind),
      ['neighbour', 'fdb', 'route'],
    );
    assert.equal(wants?.[2]?.kind === 'route' && wants[2].nexthopId, 0);
  });

  it('is taken whatever VNI its lease names, as flannel does', () => {
    const context = contextOf();
    const lease = altered({ backendData: { VNI: 9, VtepMAC: '02:00:00:00:01:07' } });
    assert.equal(backendOf(context).peer(context, lease).wants?.length, 4);
    const old = altered({ backendData: { vtepmac: '02-00-00-00-01-07' } });
    assert.deepEqual(backendOf(context).peer(context, old).wants, backendOf(context).peer(context, peer).wants);
  });

  const holds: [string, Lease, boolean][] = [
    ['other backend', altered({ backendType: 'host-gw' }), false],
    ['other backend', altered({ backendType: '' }), false],
    ['other backend', altered({ backendType: 'VXLAN' }), false],
    ['malformed lease', altered({ backendData: undefined }), true],
    ['malformed lease', altered({ backendData: {} }), true],
    ['malformed lease', altered({ backendData: { VtepMAC: 'x' } }), true],
    ['malformed lease', altered({ backendData: { VtepMAC: '01:00:5e:00:00:01' } }), true],
    ['malformed lease', altered({ backendData: { VtepMAC: '00:00:00:00:00:00' } }), true],
    ['own MAC', altered({ backendData: { VtepMAC: OWN_MAC.toUpperCase() } }), false],
    ['own address', altered({ publicIP: '192.168.64.3' }), false],
    ['no address', altered({ publicIP: '0.0.0.0' }), false],
    ['outside the network', { ...peer, subnet: '10.6.7.0/24' }, false],
  ];
  for (const [index, [why, lease, unreadable]] of holds.entries()) {
    it(`is held for: ${why} (${index})`, () => {
      const context = contextOf();
      const result = backendOf(context).peer(context, lease);
      assert.ok(result.held, 'it must be held');
      assert.deepEqual([result.held.why, result.held.key, result.unreadable], [why, lease.subnet, unreadable]);
      assert.equal(result.held.unmet, false);
      assert.match(result.held.detail, /\.$/);
    });
  }

  it('leaves things that its subnet alone tells', () => {
    const context = contextOf();
    const ids = backendOf(context).peer(context, peer).wants!.map(idOf);
    assert.deepEqual(
      backendOf(context).idsOfSubnet(context, peer.subnet),
      ids.filter((id) => !id.startsWith('fdb')),
    );
  });
});

describe('backendFor', () => {
  for (const [name, config, words] of [
    ['another backend', '{"Network":"10.5.0.0/16","Backend":{"Type":"wireguard"}}', /wireguard/],
    ['no type at all', '{"Network":"10.5.0.0/16","Backend":{}}', /without a Type/],
    [
      'IPv6 alone',
      '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fc00::/48","Backend":{"Type":"vxlan"}}',
      /IPv6/,
    ],
  ] as const) {
    it(`has none for ${name}, and says so`, () => {
      const { config: parsed } = contextOf({ config });
      assert.equal(backendFor(parsed), undefined);
      const held = unsupportedBackend(parsed, CONFIG_KEY);
      assert.match(held.detail, words);
      assert.equal(held.unmet, true);
    });
  }

  it('matches the type whatever its case', () => {
    assert.equal(backendFor(contextOf({ config: withBackend({ Type: 'VXLAN' }) }).config)?.type, 'vxlan');
  });

  it('says of a network of both families that it does one of them, and what that means to flanneld', () => {
    const dual = '{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fc00::/48","Backend":{"Type":"vxlan"}}';
    const [held, ...more] = ipv4Only(contextOf({ config: dual }).config, CONFIG_KEY);
    assert.match(held?.detail ?? '', /EnableIPv6 is true in .*IPv4 only.*flanneld.*crashes/);
    assert.deepEqual([held?.unmet, more], [false, []]);
    assert.deepEqual(ipv4Only(contextOf({}).config, CONFIG_KEY), []);
  });
});
