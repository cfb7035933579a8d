import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostFacts, Interface } from '../../../../reconciler/contracts/host.ts';
import { chooseUplink, type UplinkOptions } from '../../../../reconciler/desired/uplink.ts';

type AddressParts = string | { address: string; scope?: string; permanent?: boolean; deprecated?: boolean };

const link = (name: string, index: number, ...addresses: AddressParts[]): Interface => ({
  name,
  index,
  mac: '02:00:00:00:00:01',
  mtu: 1400 + index,
  up: true,
  loopback: name === 'lo',
  addresses: addresses.map((parts) => ({
    scope: 'global',
    permanent: true,
    deprecated: false,
    ...(typeof parts === 'string' ? { address: parts } : parts),
  })),
});

const facts: HostFacts = {
  interfaces: [
    link('lo', 1, '127.0.0.1/8'),
    link('eth0', 2, '10.0.2.15/24'),
    link('eth1', 3, '192.168.56.11/24', '192.168.57.11/24'),
    link('wlan0', 4),
  ],
  linkRoutes: [
    { dev: 'eth0', dst: '10.0.2.0/24' },
    { dev: 'eth0', dst: '10.9.0.0/16' },
    { dev: 'eth1', dst: '192.168.56.0/24' },
    { dev: 'eth0', dst: '0.0.0.0/0' },
  ],
  defaultRoutes: [
    { dev: 'eth1', gateway: '192.168.56.1', metric: 200 },
    { dev: 'eth0', gateway: '10.0.2.2', metric: 100 },
  ],
};

const choose = (options: Partial<UplinkOptions> = {}, on = facts) =>
  chooseUplink(on, { iface: [], ifaceRegex: [], ...options });
const chosen = (options: Partial<UplinkOptions> = {}, on = facts) => {
  const { uplink, problem } = choose(options, on);
  assert.ok(uplink, problem);
  return `${uplink.name} ${uplink.address}`;
};

describe('chooseUplink', () => {
  it('takes the default route of the lowest metric', () => {
    assert.deepEqual(choose().uplink, {
      name: 'eth0',
      mtu: 1402,
      address: '10.0.2.15',
      publicIP: '10.0.2.15',
      networks: ['10.0.2.0/24', '10.9.0.0/16'],
    });
  });

  it('knows what is on the link, also while the interface is down and has no routes', () => {
    const down = { ...facts, linkRoutes: [] };
    assert.deepEqual(choose({ iface: ['eth1'] }, down).uplink?.networks, ['192.168.56.0/24', '192.168.57.0/24']);
    const moving = [link('eth0', 2, { address: '10.0.2.9/24', deprecated: true }, '10.0.3.15/24')];
    assert.deepEqual(choose({}, { ...down, interfaces: moving }).uplink?.networks, ['10.0.2.0/24', '10.0.3.0/24']);
  });

  it('says where others reach it, without taking that for its own address', () => {
    const { uplink } = choose({ publicIP: '203.0.113.9' });
    assert.deepEqual([uplink?.address, uplink?.publicIP], ['10.0.2.15', '203.0.113.9']);
  });

  it('goes through --iface in turn: names and addresses', () => {
    assert.equal(chosen({ iface: ['eth9', 'eth1'] }), 'eth1 192.168.56.11');
    assert.equal(chosen({ iface: ['192.168.57.11'] }), 'eth1 192.168.57.11');
    assert.equal(chosen({ iface: ['192.168.57.1', 'eth0'] }), 'eth0 10.0.2.15', 'no part of an address');
  });

  it('then through --iface-regex: all addresses, then names', () => {
    assert.equal(chosen({ ifaceRegex: ['^192\\.168\\.57'] }), 'eth1 192.168.57.11');
    assert.equal(chosen({ ifaceRegex: ['eth1'] }), 'eth1 192.168.56.11');
    assert.equal(chosen({ ifaceRegex: ['nothing', '(?i)^ETH0$'] }), 'eth0 10.0.2.15');
    assert.equal(chosen({ iface: ['eth9'], ifaceRegex: ['1'] }), 'eth0 10.0.2.15', 'an address matches before a name');
    assert.equal(chosen({ iface: ['eth1'], ifaceRegex: ['eth0'] }), 'eth1 192.168.56.11');
  });

  it('prefers global and permanent addresses, and takes no deprecated one', () => {
    const on = (...addresses: AddressParts[]) => ({ ...facts, interfaces: [link('eth0', 2, ...addresses)] });
    assert.equal(chosen({}, on('169.254.1.1/16', '10.0.2.15/24')), 'eth0 10.0.2.15');
    assert.equal(chosen({}, on({ address: '10.0.2.9/24', permanent: false }, '10.0.2.15/24')), 'eth0 10.0.2.15');
    assert.equal(chosen({}, on('169.254.1.1/16', { address: '10.0.2.9/24', permanent: false })), 'eth0 10.0.2.9');
    assert.equal(chosen({}, on({ address: '10.0.2.9/24', deprecated: true }, '10.0.2.15/24')), 'eth0 10.0.2.15');
    assert.equal(chosen({}, on('127.0.0.5/8', '224.0.0.9/4', '169.254.1.1/16')), 'eth0 169.254.1.1');
  });

  it("takes none of flannel's own devices, whatever fits them: a tunnel can't carry itself", () => {
    const names = ['flannel.1', 'flannel-v6.1', 'flannel0', 'flannel.ipip', 'flannel-wg', 'flannel-wg-v6'];
    const own = names.map((name, index) => link(name, index + 2, `10.0.${index + 100}.0/32`));
    const on = { ...facts, interfaces: [...own, link('flannelhouse0', 20, '10.0.2.15/24')] };
    for (const iface of ['10\\.0\\..*', 'flannel.*'])
      assert.equal(chosen({ iface: [iface] }, on), 'flannelhouse0 10.0.2.15');
    assert.equal(chosen({ ifaceRegex: ['^10\\.'] }, on), 'flannelhouse0 10.0.2.15');
    assert.equal(
      choose({ iface: ['flannel.1'] }, { ...facts, interfaces: [facts.interfaces[1]!, own[0]!] }).problem,
      "--iface flannel.1 matches no interface; this host has eth0 (10.0.2.15), flannel.1 (flannel's own).",
    );
    assert.ok(choose({ iface: ['10.0.100.0'] }, on).problem);
    const over = { ...on, defaultRoutes: [{ dev: 'flannel.1', gateway: '10.0.100.1', metric: 0 }] };
    assert.match(choose({}, over).problem ?? '', /name it with --iface/);
  });

  describe('passes over what leads to no other host, and says so', () => {
    const ens = link('ens33', 2, '192.168.132.131/24');
    const way = { dev: 'ens33', gateway: '192.168.132.1', metric: 100 };
    const over = (one: Interface, ...others: Interface[]): HostFacts => ({
      interfaces: [ens, one, ...others],
      linkRoutes: [],
      defaultRoutes: [way, { dev: one.name, gateway: '', metric: 5 }],
    });
    const port = (name: string, master: string): Interface => ({ ...link(name, 9), type: 'veth', master });
    const bridge = (name: string, address = '10.5.8.1/24'): Interface => ({
      ...link(name, 5, address),
      type: 'bridge',
    });
    for (const [what, on, why] of [
      ["Docker's bridge", over(bridge('docker0')), 'docker0 is a bridge of containers'],
      [
        'a bridge of containers',
        over(bridge('lan', '172.20.0.1/16'), port('veth1', 'lan')),
        'lan is a bridge of containers',
      ],
      ['a bridge without ports', over(bridge('br9', '172.20.0.1/16')), 'br9 is a bridge of containers'],
      ["flannel's device", over(link('flannel.1', 5, '10.5.8.0/32')), "flannel.1 is flannel's own device"],
      [
        "a bridge's port",
        over({ ...port('eth7', 'br0'), addresses: ens.addresses }, bridge('br0')),
        'eth7 is a port of br0',
      ],
      [
        'a veth pair',
        over({ ...link('v0', 5, '172.20.0.1/16'), type: 'veth', looped: true }),
        'v0 is a veth whose other end is on this host too',
      ],
      [
        'a tunnel',
        over({ ...link('wg0', 5, '172.20.0.1/16'), type: 'wireguard' }),
        'wg0 is a tunnel (wireguard) that runs over another interface',
      ],
      [
        'an address inside the Network',
        over(link('eth5', 5, '10.5.77.1/24')),
        'eth5 has 10.5.77.1, which is inside the Network',
      ],
      ['no carrier', over({ ...link('eth5', 5, '172.20.0.1/16'), carrier: false }), 'eth5 has no carrier'],
      [
        'a link-local address',
        over(link('eth5', 5, '169.254.7.7/16')),
        'eth5 has the link-local address 169.254.7.7 only',
      ],
    ] as const) {
      it(what, () => {
        const isContainers = (address: string) => address.startsWith('10.5.');
        const { uplink, passedOver } = choose({ isContainers }, on);
        assert.equal(uplink?.name, 'ens33');
        assert.deepEqual(
          passedOver.map(({ reason }) => reason),
          [why],
        );
        const only = { ...on, defaultRoutes: on.defaultRoutes.slice(1) };
        const alone = choose({ isContainers }, only);
        // No better one: a doubt is no reason to have none.
        if (/carrier|link-local|Network/.test(why)) assert.equal(alone.uplink?.name, 'eth5');
        else
          assert.match(
            alone.problem ?? '',
            new RegExp(`${why.replace(/[()]/g, '\\$&')}; name it with --iface; this host has`),
          );
      });
    }

    it('but not what a person would take too', () => {
      const nic = { ...link('eth0', 9), type: 'veth', master: 'br0' };
      assert.equal(choose({}, over(bridge('br0', '192.168.1.5/24'), nic)).uplink?.name, 'br0');
      const tap = { ...link('tap0', 2, '10.0.2.100/24'), type: 'tun' };
      const defaultRoutes = [{ dev: 'tap0', gateway: '10.0.2.2', metric: 0 }];
      assert.equal(choose({}, { interfaces: [tap], linkRoutes: [], defaultRoutes }).uplink?.name, 'tap0', 'slirp');
      assert.equal(
        chosen({}, { ...over(ens), interfaces: [link('ens33', 2, '192.168.132.100/32', '192.168.132.131/24')] }),
        'ens33 192.168.132.131',
      );
      assert.equal(
        chosen({ iface: ['docker0'] }, over(bridge('docker0'))),
        'docker0 10.5.8.1',
        'who names it means it',
      );
      const ways = [
        { dev: 'eth5', gateway: '172.20.0.2', metric: 0 },
        { ...way, metric: 0 },
      ];
      const multipath = { ...over({ ...link('eth5', 5, '172.20.0.1/16'), carrier: false }), defaultRoutes: ways };
      assert.equal(choose({}, multipath).uplink?.name, 'ens33', 'the first way of several that works');
    });
  });

  for (const [name, result, expected] of [
    [
      'an --iface that is not there',
      choose({ iface: ['eth9'] }),
      '--iface eth9 matches no interface; this host has eth0 (10.0.2.15), eth1 (192.168.56.11, 192.168.57.11), wlan0 (no IPv4 address).',
    ],
    [
      'several of them',
      choose({ iface: ['eth9'], ifaceRegex: ['^bond'] }, { ...facts, interfaces: [link('lo', 1, '127.0.0.1/8')] }),
      '--iface eth9 and --iface-regex ^bond match no interface; this host has no interface but loopback.',
    ],
    [
      'an expression that is none',
      choose({ ifaceRegex: ['eth('] }),
      '--iface-regex eth( is not a valid regular expression.',
    ],
    [
      'an interface without address',
      choose({ iface: ['wlan0'] }),
      'Interface wlan0 has no usable IPv4 address; this host has eth0 (10.0.2.15), eth1 (192.168.56.11, 192.168.57.11), wlan0 (no IPv4 address).',
    ],
    [
      'no default route',
      choose({}, { interfaces: [link('eth0', 2, '10.0.2.15/24')], linkRoutes: [], defaultRoutes: [] }),
      'No IPv4 default route says which interface leads to the other hosts; name it with --iface; this host has eth0 (10.0.2.15).',
    ],
  ] as const) {
    it(`says what is wrong: ${name}`, () => {
      assert.equal(result.uplink, undefined);
      assert.equal(result.problem, expected);
    });
  }
});
