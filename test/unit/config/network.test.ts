import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeNetworkConfig } from '../../../config/check-config.ts';
import { ConfigError } from '../../../config/errors.ts';
import { parseNetworkConfig } from '../../../config/network.ts';
import { golden } from './golden.ts';

interface Case {
  input: string;
  parsed?: Record<string, unknown>;
  error?: { stage: string; flannelSays: string };
}

/** What each refused input is told, in the order of the golden file. The one case that flannel accepts and we don't is among them. */
const SENTENCES: [string, string][] = [
  [
    '{"Network":"10.5.0.0/29"}',
    'Network 10.5.0.0/29 is too small to hold four subnets of four addresses: use a /28 or a larger range.',
  ],
  [
    '{"Network":"10.5.0.0/16","SubnetLen":17}',
    'SubnetLen is 17, but Network 10.5.0.0/16 must hold at least four subnets: use 18 to 30.',
  ],
  ['{"Network":"10.5.0.0/16","SubnetLen":-1}', 'SubnetLen is -1, but must be in range: use a number up to 30.'],
  [
    '{"Network":"10.5.0.0/16","SubnetLen":24.0}',
    'SubnetLen is 24.0, but must be a whole number without quotes or a fraction: use a number up to 30.',
  ],
  [
    '{"Network":"10.5.0.0/16","SubnetMin":"10.5.1.5"}',
    'SubnetMin is 10.5.1.5, but must be the first address of a /24 subnet: use 10.5.1.0.',
  ],
  [
    '{"Network":"10.5.0.0/16","SubnetMax":"10.6.1.0"}',
    'SubnetMax is 10.6.1.0, but must lie in Network 10.5.0.0/16: use 10.5.0.0 to 10.5.255.0.',
  ],
  [
    '{"Network":"10.5.0.0/16","SubnetMax":"10.5.1.1"}',
    'SubnetMax is 10.5.1.1, but must be the first address of a /24 subnet: use 10.5.1.0.',
  ],
  ['{}', 'Network is missing, but must name the range that all hosts share, such as "10.5.0.0/16".'],
  ['{"Network":null}', 'Network is null, but must be an IPv4 range in quotes, such as "10.5.0.0/16".'],
  [
    '{"Network":"0.0.0.0/0"}',
    'Network is 0.0.0.0/0, the whole address space, but must name the range that all hosts share, such as "10.5.0.0/16".',
  ],
  [
    '{"Network":"fc00::/48"}',
    'Network is "fc00::/48", but must be IPv4: an IPv6 range goes into IPv6Network, with EnableIPv6.',
  ],
  ['null', 'Network is missing, but must name the range that all hosts share, such as "10.5.0.0/16".'],
  ['', 'The text is empty, but must be a JSON object.'],
  ['{"Network":"10.5.0.0/16",}', 'The text is not JSON: expected a key in quotes at line 1, column 26, but found "}".'],
  [
    '{"Network":"10.5.0.0/16","Backend":"vxlan"}',
    'Backend is "vxlan", but must be an object, such as {"Type": "vxlan"}.',
  ],
  [
    '{"Network":"10.5.0.0/16","SubnetMin":""}',
    'SubnetMin is "", but must be an IPv4 address in quotes, such as "10.5.1.0", or left out.',
  ],
  [
    '{"Network":"10.5.0.0/16","SubnetMin":null}',
    'SubnetMin is null, but must be an IPv4 address in quotes, such as "10.5.1.0", or left out.',
  ],
  [
    '{"Network":"10.5.0.0/16","EnableIPv6":true}',
    'IPv6Network is missing, but must name the range that all hosts share, such as "fc00::/48".',
  ],
  [
    '{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fc00::/125"}',
    'IPv6Network fc00::/125 is too small to hold four subnets of four addresses: use a /124 or a larger range.',
  ],
  [
    '{"EnableIPv4":false}',
    'EnableIPv4 is false and EnableIPv6 is not true, but a network needs one of them: leave EnableIPv4 out or set EnableIPv6.',
  ],
  [
    '{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"10.6.0.0/16"}',
    'IPv6Network is IPv4, but EnableIPv6 is true: use an IPv6 range, such as "fc00::/48".',
  ],
];

describe('golden network configs', () => {
  const { cases } = golden<{ cases: Case[] }>('network-config.json');
  const sentences = new Map(SENTENCES);

  for (const { input, parsed } of cases) {
    const sentence = sentences.get(input);
    if (parsed && sentence === undefined) {
      test(`accepted: ${input}`, () => assert.deepEqual(describeNetworkConfig(parseNetworkConfig(input)), parsed));
    } else {
      test(`refused: ${input}`, () => {
        assert.throws(() => parseNetworkConfig(input), { name: 'ConfigError', message: sentence });
      });
    }
  }

  test('every sentence belongs to a case, and every refusal has its sentence', () => {
    const inputs = new Set(cases.map(({ input }) => input));
    for (const [input] of SENTENCES) assert.ok(inputs.has(input), input);
    for (const { input, error } of cases) assert.equal(error !== undefined && !sentences.has(input), false, input);
    assert.equal(cases.filter(({ parsed, input }) => parsed && sentences.has(input)).length, 1);
  });

  test('the description has the names in the order of the golden file', () => {
    const dual = cases.find(({ parsed }) => parsed?.ipv6Network)!;
    assert.deepEqual(Object.keys(describeNetworkConfig(parseNetworkConfig(dual.input))), Object.keys(dual.parsed!));
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
