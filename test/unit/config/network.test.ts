import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeNetworkConfig } from '../../../config/check-config.ts';
import { ConfigError } from '../../../config/errors.ts';
import { parseNetworkConfig } from '../../../config/network.ts';
import { ACCEPTED, REFUSED } from '../../golden/network-configs.ts';

describe('golden network configs', () => {
  for (const { input, derived } of ACCEPTED)
    test(`accepted: ${input}`, () => assert.deepEqual(describeNetworkConfig(parseNetworkConfig(input)), derived));

  for (const { input, selvageSays } of REFUSED)
    test(`refused: ${input}`, () =>
      assert.throws(() => parseNetworkConfig(input), { name: 'ConfigError', message: selvageSays }));

  test('the description has the names in the order of the golden cases', () => {
    const dual = ACCEPTED.find(({ derived }) => derived.ipv6Network)!;
    assert.deepEqual(Object.keys(describeNetworkConfig(parseNetworkConfig(dual.input))), Object.keys(dual.derived));
  });
});

describe('ranges', () => {
  const refused: [string, string, string][] = [
    [
      '{"Network":"10.5.0.0/16","SubnetLen":31}',
      'SubnetLen',
      "SubnetLen is 31, but a host's subnet needs at least four addresses: use 18 to 30.",
    ],
    [
      '{"Network":"10.5.0.0/16","SubnetLen":"24"}',
      'SubnetLen',
      'SubnetLen is "24", but must be a whole number without quotes or a fraction: use a number up to 30.',
    ],
    [
      '{"Network":"10.5.0.0/16","SubnetMin":"10.5.9.0","SubnetMax":"10.5.1.0"}',
      'SubnetMin',
      'SubnetMin is 10.5.9.0, which is above SubnetMax 10.5.1.0 and leaves no subnet: use 10.5.1.0 or less.',
    ],
    [
      '{"Network":"10.5.0.0/16","SubnetMin":"9.5.1.0"}',
      'SubnetMin',
      'SubnetMin is 9.5.1.0, but must lie in Network 10.5.0.0/16: use 10.5.0.0 to 10.5.255.0.',
    ],
    [
      '{"Network":"10.5.0.0/16","SubnetMin":"1\\u0030.5.1.0"}',
      'SubnetMin',
      'SubnetMin is "1\\u0030.5.1.0", but must be an IPv4 address in quotes, such as "10.5.1.0", or left out.',
    ],
    [
      '{"Network":"10.5.0.0/16","SubnetMax":"fc00::"}',
      'SubnetMax',
      'SubnetMax is "fc00::", but must be an IPv4 address in quotes, such as "10.5.1.0", or left out.',
    ],
    [
      '{"Network":"10.5.0.0"}',
      'Network',
      'Network is "10.5.0.0", but must be an IPv4 range in quotes, such as "10.5.0.0/16".',
    ],
    [
      '{"Network":"010.5.0.0/16"}',
      'Network',
      'Network is "010.5.0.0/16", but must be an IPv4 range in quotes, such as "10.5.0.0/16".',
    ],
    [
      '{"Network":"10.5.0.0/16","IPv6Network":""}',
      'IPv6Network',
      'IPv6Network is "", but must be an IPv6 range in quotes, such as "fc00::/48".',
    ],
    [
      '{"Network":"10.5.0.0/16","EnableIPv4":"yes"}',
      'EnableIPv4',
      'EnableIPv4 is "yes", but must be true or false, without quotes.',
    ],
    [
      '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fc00::/48","IPv6SubnetLen":127}',
      'IPv6SubnetLen',
      "IPv6SubnetLen is 127, but a host's subnet needs at least four addresses: use 50 to 126.",
    ],
    [
      '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fc00::/48","IPv6SubnetLen":49}',
      'IPv6SubnetLen',
      'IPv6SubnetLen is 49, but IPv6Network fc00::/48 must hold at least four subnets: use 50 to 126.',
    ],
    [
      '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fc00::/48","IPv6SubnetMin":"fc00:0:0:1::1"}',
      'IPv6SubnetMin',
      'IPv6SubnetMin is fc00:0:0:1::1, but must be the first address of a /64 subnet: use fc00:0:0:1::.',
    ],
    [
      '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fc00::/48","IPv6SubnetMax":"fc01::"}',
      'IPv6SubnetMax',
      'IPv6SubnetMax is fc01::, but must lie in IPv6Network fc00::/48: use fc00:: to fc00:0:0:ffff::.',
    ],
    [
      '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fc00::/48","IPv6SubnetMax":"10.5.0.0"}',
      'IPv6SubnetMax',
      'IPv6SubnetMax is IPv4, but EnableIPv6 is true: use the first address of an IPv6 subnet.',
    ],
    [
      '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fc00::/48","IPv6SubnetMin":"fc00:0:0:5::","IPv6SubnetMax":"fc00:0:0:1::"}',
      'IPv6SubnetMin',
      'IPv6SubnetMin is fc00:0:0:5::, which is above IPv6SubnetMax fc00:0:0:1:: and leaves no subnet: use fc00:0:0:1:: or less.',
    ],
  ];
  for (const [input, field, message] of refused) {
    test(`refused: ${input}`, () =>
      assert.throws(() => parseNetworkConfig(input), { name: 'ConfigError', field, message }));
  }

  test('a network of /28 has exactly four subnets of four', () => {
    const { subnetLen, subnetMin, subnetMax } = parseNetworkConfig('{"Network":"10.5.0.0/28"}');
    assert.deepEqual([subnetLen, subnetMin, subnetMax], [30, '10.5.0.4', '10.5.0.12']);
  });

  test('0 and null are "not given" where they are for flannel', () => {
    const plain = parseNetworkConfig('{"Network":"10.5.0.0/16"}');
    assert.deepEqual(parseNetworkConfig('{"Network":"10.5.0.0/16","SubnetLen":0,"SubnetMin":"0.0.0.0"}'), plain);
    assert.deepEqual(parseNetworkConfig('{"Network":"10.5.0.0/16","SubnetLen":null,"EnableIPv4":null}'), plain);
    assert.deepEqual(parseNetworkConfig('{"Network":"10.5.0.0/16","IPv6SubnetMin":null}'), plain);
  });

  test('Go takes an IPv4-mapped address for IPv4', () => {
    const { subnetMin } = parseNetworkConfig('{"Network":"10.5.0.0/16","SubnetMin":"::ffff:10.5.9.0"}');
    assert.equal(subnetMin, '10.5.9.0');
  });

  test('IPv6 fields of a network without IPv6 are read but not used', () => {
    const config = parseNetworkConfig('{"Network":"10.5.0.0/16","IPv6Network":"10.6.0.0/16","IPv6SubnetLen":9}');
    assert.equal('ipv6Network' in config, false);
  });
});

describe('backends', () => {
  const backend = (json: string) => parseNetworkConfig(`{"Network":"10.5.0.0/16","Backend":${json}}`).backend;
  const defaults = { kind: 'vxlan', vni: 1, port: 0, gbp: false, learning: false, directRouting: false };

  test('absent means udp, in every version of flannel', () => {
    assert.deepEqual(parseNetworkConfig('{"Network":"10.5.0.0/16"}').backend, { type: 'udp', kind: 'udp', port: 8285 });
  });

  test('the type keeps its spelling and matches whatever its case', () => {
    assert.deepEqual(backend('{"Type":"VXLAN"}'), { type: 'VXLAN', ...defaults });
    assert.deepEqual(backend('{"TYPE":"Host-GW"}'), { type: 'Host-GW', kind: 'host-gw' });
    assert.deepEqual(backend('{"type":"Udp","port":7890}'), { type: 'Udp', kind: 'udp', port: 7890 });
    assert.deepEqual(backend('{"Type":"IPIP"}'), { type: 'IPIP', kind: 'ipip', directRouting: false });
    assert.deepEqual(backend('{"Type":"wireguard","PSK":1}'), { type: 'wireguard', kind: 'other' });
    assert.deepEqual(backend('{"Type":"GCE"}'), { type: 'GCE', kind: 'gce' });
    const aws = (id: string) => backend(`{"Type":"aws-vpc"${id}}`);
    const type = { type: 'aws-vpc', kind: 'aws-vpc' };
    assert.deepEqual(aws(''), type);
    assert.deepEqual(aws(',"routetableid":"rtb-1"'), { ...type, routeTables: ['rtb-1'] });
    assert.deepEqual(aws(',"RouteTableID":["rtb-1","rtb-\\u0032"]'), { ...type, routeTables: ['rtb-1', 'rtb-2'] });
    assert.deepEqual(aws(',"RouteTableID":[]'), { ...type, routeTables: [] });
    assert.equal((aws(',"RouteTableID":null') as { routeTables?: string[] }).routeTables, undefined);
    for (const wrong of ['1', '[1]', '""', '{}', '["rtb-1",null]'])
      assert.throws(() => aws(`,"RouteTableID":${wrong}`), /Backend\.RouteTableID is .* leave it out/);
    assert.deepEqual(backend('{}'), { type: '', kind: 'other' });
    assert.deepEqual(backend('null'), { type: '', kind: 'other' });
    assert.deepEqual(backend('{"Type":null}'), { type: '', kind: 'other' });
  });

  test('vxlan options', () => {
    assert.deepEqual(
      backend('{"Type":"vxlan","vni":4096,"PORT":4789,"gbp":true,"learning":true,"DirectRouting":true,"MTU":9000}'),
      {
        type: 'vxlan',
        kind: 'vxlan',
        vni: 4096,
        port: 4789,
        gbp: true,
        learning: true,
        directRouting: true,
        mtu: 9000,
      },
    );
    assert.deepEqual(backend('{"Type":"vxlan","VNI":0,"MacPrefix":"0E-2A"}'), { type: 'vxlan', ...defaults, vni: 0 });
    assert.deepEqual(backend('{"Type":"vxlan","VNI":null,"MTU":null}'), { type: 'vxlan', ...defaults });
    assert.deepEqual(backend('{"Type":"vxlan","VNI":16777215,"Port":65535}'), {
      type: 'vxlan',
      ...defaults,
      vni: 16777215,
      port: 65535,
    });
  });

  test('the last Backend is the one, and only it is looked into', () => {
    const config = parseNetworkConfig('{"Network":"10.5.0.0/16","backend":"junk","Backend":{"Type":"host-gw"}}');
    assert.deepEqual(config.backend, { type: 'host-gw', kind: 'host-gw' });
  });

  const refused: [string, string, string][] = [
    ['{"Type":1}', 'Backend.Type', 'Backend.Type is 1, but must be text in quotes.'],
    ['[]', 'Backend', 'Backend is [], but must be an object, such as {"Type": "vxlan"}.'],
    [
      '{"Type":"vxlan","VNI":"1"}',
      'Backend.VNI',
      'Backend.VNI is "1", but must be a whole number without quotes or a fraction: use 0 to 16777215.',
    ],
    [
      '{"Type":"vxlan","VNI":16777216}',
      'Backend.VNI',
      'Backend.VNI is 16777216, but must be in range: use 0 to 16777215.',
    ],
    [
      '{"Type":"vxlan","Port":65536}',
      'Backend.Port',
      "Backend.Port is 65536, but must be in range: use 1 to 65535, or 0 for the kernel's default (8472).",
    ],
    ['{"Type":"vxlan","GBP":1}', 'Backend.GBP', 'Backend.GBP is 1, but must be true or false, without quotes.'],
    [
      '{"Type":"vxlan","MTU":100}',
      'Backend.MTU',
      "Backend.MTU is 100, but must be in range: use 118 to 65535, or leave it out for the external interface's.",
    ],
    ['{"Type":"udp","Port":0}', 'Backend.Port', 'Backend.Port is 0, but must be in range: use 1 to 65535.'],
  ];
  for (const [json, field, message] of refused) {
    test(`refused: ${json}`, () => assert.throws(() => backend(json), { name: 'ConfigError', field, message }));
  }
});

test('errors are ConfigErrors with a field, and keep their class', () => {
  assert.throws(
    () => parseNetworkConfig('{"Network":7}'),
    (error) => error instanceof ConfigError && error.field === 'Network',
  );
});
