/**
 * What flannel 0.28.9 makes of a network config: the values that it derives, or its error. selvage accepts and refuses the same texts
 * and derives the same values; its sentences are its own, and name the field.
 * Two texts pass there and not here: EnableIPv4 false alone (no family is left) and a SubnetMin above SubnetMax (no subnet is left).
 */
interface Derived {
  network: string;
  subnetMin: string;
  subnetMax: string;
  subnetLen: number;
  enableIPv4: boolean;
  enableIPv6: boolean;
  enableNFTables: boolean;
  backendType: string;
  ipv6Network?: string;
  ipv6SubnetMin?: string;
  ipv6SubnetMax?: string;
  ipv6SubnetLen?: number;
}

/** Texts with what is derived of them, its names in the order in which check-config prints them. */
export const ACCEPTED: readonly { input: string; derived: Derived }[] = [
  {
    input: '{"Network":"10.5.0.0/16"}',
    derived: {
      network: '10.5.0.0/16',
      subnetMin: '10.5.1.0',
      subnetMax: '10.5.255.0',
      subnetLen: 24,
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      backendType: 'udp',
    },
  },
  {
    input: '{"network":"10.5.7.9/16","BACKEND":{"TYPE":"VXLAN"}}',
    derived: {
      network: '10.5.0.0/16',
      subnetMin: '10.5.1.0',
      subnetMax: '10.5.255.0',
      subnetLen: 24,
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      backendType: 'VXLAN',
    },
  },
  {
    input: '{"Network":"10.5.0.0/23"}',
    derived: {
      network: '10.5.0.0/23',
      subnetMin: '10.5.0.128',
      subnetMax: '10.5.1.128',
      subnetLen: 25,
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      backendType: 'udp',
    },
  },
  {
    input: '{"Network":"10.5.0.0/24"}',
    derived: {
      network: '10.5.0.0/24',
      subnetMin: '10.5.0.64',
      subnetMax: '10.5.0.192',
      subnetLen: 26,
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      backendType: 'udp',
    },
  },
  {
    input: '{"Network":"10.5.0.0/16","SubnetLen":30}',
    derived: {
      network: '10.5.0.0/16',
      subnetMin: '10.5.0.4',
      subnetMax: '10.5.255.252',
      subnetLen: 30,
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      backendType: 'udp',
    },
  },
  {
    input: '{"Network":"10.5.0.0/16","SubnetLen":18}',
    derived: {
      network: '10.5.0.0/16',
      subnetMin: '10.5.64.0',
      subnetMax: '10.5.192.0',
      subnetLen: 18,
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      backendType: 'udp',
    },
  },
  {
    input: '{"Network":"10.5.0.0/16","SubnetMin":"10.5.0.0","SubnetMax":"10.5.0.0"}',
    derived: {
      network: '10.5.0.0/16',
      subnetMin: '10.5.0.0',
      subnetMax: '10.5.0.0',
      subnetLen: 24,
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      backendType: 'udp',
    },
  },
  {
    input:
      '{"Network":"10.0.0.0/8","SubnetLen":20,"SubnetMin":"10.10.0.0","SubnetMax":"10.99.0.0","Backend":{"Type":"udp","Port":7890}}',
    derived: {
      network: '10.0.0.0/8',
      subnetMin: '10.10.0.0',
      subnetMax: '10.99.0.0',
      subnetLen: 20,
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      backendType: 'udp',
    },
  },
  {
    input: '{"Network":"10.5.0.0/16","Backend":{}}',
    derived: {
      network: '10.5.0.0/16',
      subnetMin: '10.5.1.0',
      subnetMax: '10.5.255.0',
      subnetLen: 24,
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      backendType: '',
    },
  },
  {
    input: '{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fc00::/48"}',
    derived: {
      network: '10.5.0.0/16',
      subnetMin: '10.5.1.0',
      subnetMax: '10.5.255.0',
      subnetLen: 24,
      enableIPv4: true,
      enableIPv6: true,
      enableNFTables: false,
      backendType: 'udp',
      ipv6Network: 'fc00::/48',
      ipv6SubnetMin: 'fc00:0:0:1::',
      ipv6SubnetMax: 'fc00:0:0:ffff::',
      ipv6SubnetLen: 64,
    },
  },
  {
    input: '{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fc00::/63"}',
    derived: {
      network: '10.5.0.0/16',
      subnetMin: '10.5.1.0',
      subnetMax: '10.5.255.0',
      subnetLen: 24,
      enableIPv4: true,
      enableIPv6: true,
      enableNFTables: false,
      backendType: 'udp',
      ipv6Network: 'fc00::/63',
      ipv6SubnetMin: 'fc00::8000:0:0:0',
      ipv6SubnetMax: 'fc00:0:0:1:8000::',
      ipv6SubnetLen: 65,
    },
  },
  {
    input: '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fc00::/48"}',
    derived: {
      network: '0.0.0.0/0',
      subnetMin: '0.0.0.0',
      subnetMax: '0.0.0.0',
      subnetLen: 0,
      enableIPv4: false,
      enableIPv6: true,
      enableNFTables: false,
      backendType: 'udp',
      ipv6Network: 'fc00::/48',
      ipv6SubnetMin: 'fc00:0:0:1::',
      ipv6SubnetMax: 'fc00:0:0:ffff::',
      ipv6SubnetLen: 64,
    },
  },
  {
    input: '{"Network":"10.5.0.0/16","network":"10.6.0.0/16"}',
    derived: {
      network: '10.6.0.0/16',
      subnetMin: '10.6.1.0',
      subnetMax: '10.6.255.0',
      subnetLen: 24,
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      backendType: 'udp',
    },
  },
  {
    input: '{"Network":"240.0.0.0/4"}',
    derived: {
      network: '240.0.0.0/4',
      subnetMin: '240.0.1.0',
      subnetMax: '255.255.255.0',
      subnetLen: 24,
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      backendType: 'udp',
    },
  },
  {
    input: '{"Network":"255.255.0.0/16"}',
    derived: {
      network: '255.255.0.0/16',
      subnetMin: '255.255.1.0',
      subnetMax: '255.255.255.0',
      subnetLen: 24,
      enableIPv4: true,
      enableIPv6: false,
      enableNFTables: false,
      backendType: 'udp',
    },
  },
];

/** Texts with what is said of them. flannel says nothing to the one that it takes. */
export const REFUSED: readonly { input: string; flannelSays?: string; selvageSays: string }[] = [
  {
    input: '{"Network":"10.5.0.0/29"}',
    flannelSays: 'network is too small. Minimum useful network prefix is /28',
    selvageSays:
      'Network 10.5.0.0/29 is too small to hold four subnets of four addresses: use a /28 or a larger range.',
  },
  {
    input: '{"Network":"10.5.0.0/16","SubnetLen":17}',
    flannelSays: 'network must be able to accommodate at least four subnets',
    selvageSays: 'SubnetLen is 17, but Network 10.5.0.0/16 must hold at least four subnets: use 18 to 30.',
  },
  {
    input: '{"Network":"10.5.0.0/16","SubnetLen":-1}',
    flannelSays: 'json: cannot unmarshal number -1 into Go struct field Config.SubnetLen of type uint',
    selvageSays: 'SubnetLen is -1, but must be in range: use a number up to 30.',
  },
  {
    input: '{"Network":"10.5.0.0/16","SubnetLen":24.0}',
    flannelSays: 'json: cannot unmarshal number 24.0 into Go struct field Config.SubnetLen of type uint',
    selvageSays: 'SubnetLen is 24.0, but must be a whole number without quotes or a fraction: use a number up to 30.',
  },
  {
    input: '{"Network":"10.5.0.0/16","SubnetMin":"10.5.1.5"}',
    flannelSays: 'SubnetMin is not on a SubnetLen boundary: 10.5.1.5',
    selvageSays: 'SubnetMin is 10.5.1.5, but must be the first address of a /24 subnet: use 10.5.1.0.',
  },
  {
    input: '{"Network":"10.5.0.0/16","SubnetMax":"10.6.1.0"}',
    flannelSays: 'SubnetMax is not in the range of the Network',
    selvageSays: 'SubnetMax is 10.6.1.0, but must lie in Network 10.5.0.0/16: use 10.5.0.0 to 10.5.255.0.',
  },
  {
    input: '{"Network":"10.5.0.0/16","SubnetMax":"10.5.1.1"}',
    flannelSays: 'SubnetMax is not on a SubnetLen boundary: 10.5.1.1',
    selvageSays: 'SubnetMax is 10.5.1.1, but must be the first address of a /24 subnet: use 10.5.1.0.',
  },
  {
    input: '{}',
    flannelSays: 'please define a correct Network parameter in the flannel config',
    selvageSays: 'Network is missing, but must name the range that all hosts share, such as "10.5.0.0/16".',
  },
  {
    input: '{"Network":null}',
    flannelSays: 'invalid CIDR address: null',
    selvageSays: 'Network is null, but must be an IPv4 range in quotes, such as "10.5.0.0/16".',
  },
  {
    input: '{"Network":"0.0.0.0/0"}',
    flannelSays: 'please define a correct Network parameter in the flannel config',
    selvageSays:
      'Network is 0.0.0.0/0, the whole address space, but must name the range that all hosts share, such as "10.5.0.0/16".',
  },
  {
    input: '{"Network":"fc00::/48"}',
    flannelSays: 'invalid IPv4 CIDR format',
    selvageSays: 'Network is "fc00::/48", but must be IPv4: an IPv6 range goes into IPv6Network, with EnableIPv6.',
  },
  {
    input: 'null',
    flannelSays: 'please define a correct Network parameter in the flannel config',
    selvageSays: 'Network is missing, but must name the range that all hosts share, such as "10.5.0.0/16".',
  },
  {
    input: '',
    flannelSays: 'unexpected end of JSON input',
    selvageSays: 'The text is empty, but must be a JSON object.',
  },
  {
    input: '{"Network":"10.5.0.0/16",}',
    flannelSays: "invalid character '}' looking for beginning of object key string",
    selvageSays: 'The text is not JSON: expected a key in quotes at line 1, column 26, but found "}".',
  },
  {
    input: '{"Network":"10.5.0.0/16","Backend":"vxlan"}',
    flannelSays:
      'error decoding Backend property of config: json: cannot unmarshal string into Go value of type struct { Type string }',
    selvageSays: 'Backend is "vxlan", but must be an object, such as {"Type": "vxlan"}.',
  },
  {
    input: '{"Network":"10.5.0.0/16","SubnetMin":""}',
    flannelSays: 'invalid IP address format',
    selvageSays: 'SubnetMin is "", but must be an IPv4 address in quotes, such as "10.5.1.0", or left out.',
  },
  {
    input: '{"Network":"10.5.0.0/16","SubnetMin":null}',
    flannelSays: 'invalid IP address format',
    selvageSays: 'SubnetMin is null, but must be an IPv4 address in quotes, such as "10.5.1.0", or left out.',
  },
  {
    input: '{"Network":"10.5.0.0/16","EnableIPv6":true}',
    flannelSays: 'please define a correct IPv6Network parameter in the flannel config',
    selvageSays: 'IPv6Network is missing, but must name the range that all hosts share, such as "fc00::/48".',
  },
  {
    input: '{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fc00::/125"}',
    flannelSays: 'IPv6Network is too small. Minimum useful network prefix is /124',
    selvageSays:
      'IPv6Network fc00::/125 is too small to hold four subnets of four addresses: use a /124 or a larger range.',
  },
  {
    input: '{"EnableIPv4":false}',
    selvageSays:
      'EnableIPv4 is false and EnableIPv6 is not true, but a network needs one of them: leave EnableIPv4 out or set EnableIPv6.',
  },
  {
    input: '{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"10.6.0.0/16"}',
    flannelSays: 'IPv6SubnetMin is not on a SubnetLen boundary: ::1:0:ffff:a06:0',
    selvageSays: 'IPv6Network is IPv4, but EnableIPv6 is true: use an IPv6 range, such as "fc00::/48".',
  },
];
