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
