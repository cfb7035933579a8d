/** Owns, for each check of doctor, what makes it fail and what it says then. A host on which all is well (facts.ts) passes them all. */
import type { Level } from '../../reconciler/doctor/check.ts';
import type { Facts } from '../../reconciler/doctor/facts.ts';
import type { InputChain } from '../../reconciler/doctor/input.ts';
import type { Rule } from '../../reconciler/firewall/rule.ts';
import { CARD, DEVICE, factsOf, heldOf, leaseOf, lookWith, PORT, probedOf } from './facts.ts';
import { linkUpdate } from './report.ts';

export interface CheckCase {
  /** What makes it fail. */
  facts: Partial<Facts>;
  level: Level;
  says: RegExp;
  /** Where it passes, if not on the host on which all is well: where it doesn't concern that one. */
  passes?: Partial<Facts>;
}

const held = (...entries: Parameters<typeof heldOf>[]): Partial<Facts> => ({
  look: lookWith({ held: entries.map((entry) => heldOf(...entry)) }),
});
const drift = (
  kind: 'lease' | 'cloud-route' | 'firewall' | 'source-dest-check',
  key = 'it',
  op: 'create' | 'update' = 'create',
): Partial<Facts> => ({
  look: lookWith({ report: { otherDrift: [{ op, kind, key, reason: 'why' }] } }),
});
const direct: Partial<Facts> = { look: lookWith({ config: { Type: 'host-gw' } }) };
const cloud: Partial<Facts> = { look: lookWith({ config: { Type: 'aws-vpc' } }) };
const dropping: InputChain = { name: 'nft ip filter INPUT', policy: 'drop', rules: [], others: new Map() };
const network = { networkd: { removes: [], manages: [] }, networkManager: { manages: [] }, macPolicy: {} };
const chain = (rules: Rule[], policy: 'accept' | 'drop' = 'accept') => ({
  base: { type: 'filter', hook: 'forward', priority: 0, policy } as const,
  rules,
});
const docker28 = {
  tables: [
    {
      engine: 'nft',
      family: 'ip',
      name: 'raw',
      chains: new Map([['PREROUTING', chain([{ dst: { net: '10.5.1.2/32' }, verdict: { to: 'drop' } }])]]),
    },
  ],
  nft: 'usable',
  flanneld: false,
} as const;
const masks = {
  tables: [
    {
      engine: 'nft',
      family: 'ip',
      name: 'nat',
      chains: new Map([
        [
          'POSTROUTING',
          chain([
            {
              src: { net: '10.5.1.0/24' },
              out: { name: 'docker0', not: true },
              verdict: { to: 'masquerade', fullyRandom: false },
            },
          ]),
        ],
      ]),
    },
  ],
  nft: 'usable',
  flanneld: false,
} as const;
const options = (parts: Partial<Facts['options']>): Facts['options'] => ({ ...factsOf().options, ...parts });

export const CHECK_CASES: Record<string, CheckCase[]> = {
  'store-heard': [
    {
      facts: { look: undefined, failure: { what: 'store', sentence: 'etcd refused.' } },
      level: 'wrong',
      says: /etcd refused/,
    },
  ],
  'etcd-members': [
    { facts: { endpoints: [{ url: 'a', problem: 'It is ill.' }] }, level: 'wrong', says: /ill/ },
    { facts: { endpoints: [{ url: 'a', problem: 'It is ill.' }, { url: 'b' }] }, level: 'warning', says: /ill/ },
  ],
  'store-memory': [{ facts: held(['store', 'store doubted']), level: 'warning', says: /store doubted/ }],
  config: [{ facts: held(['config', 'malformed config', { unmet: true }]), level: 'wrong', says: /malformed config/ }],
  'older-hosts': [
    {
      facts: {
        look: lookWith({
          config: { Type: 'vxlan', MTU: 1400 },
          leases: [leaseOf(1), leaseOf(2, { backendData: { VtepMAC: '02:00:00:00:00:02' } })],
        }),
      },
      level: 'warning',
      says: /10\.5\.2\.0\/24 names no VNI/,
    },
  ],
  'config-fits': [{ facts: held(['config', 'MTU out of reach']), level: 'warning', says: /MTU out of reach/ }],
  lease: [
    { facts: drift('lease'), level: 'wrong', says: /no lease yet/ },
    { facts: drift('lease', 'it', 'update'), level: 'wrong', says: /is not as this host would have it/ },
    { facts: { leaseLeft: 600 }, level: 'warning', says: /ends in 10m.*not been renewed/ },
    {
      facts: { leaseLeft: 600, agent: { selvage: undefined, flanneld: false } },
      level: 'warning',
      says: /no daemon runs/,
    },
  ],
  leases: [{ facts: held(['lease', 'malformed lease']), level: 'warning', says: /malformed lease/ }],
  room: [
    { facts: held(['lease', 'out of subnets']), level: 'wrong', says: /out of subnets/ },
    {
      facts: {
        look: { ...lookWith(), config: { ...lookWith().config!, subnetMax: '10.5.3.0', subnetMin: '10.5.1.0' } },
      },
      level: 'warning',
      says: /0 of 3 subnets are free/,
    },
  ],
  clock: [
    { facts: { endpoints: [{ url: 'a', clockAheadMs: -60_000 }] }, level: 'warning', says: /a is 60 s behind/ },
    { facts: { endpoints: [{ url: 'a' }] }, level: 'unknown', says: /No endpoint told/ },
  ],
  'etcd-key': [{ facts: { keyExposed: 'Everybody reads it.' }, level: 'warning', says: /Everybody/ }],
  uplink: [{ facts: held(['link', 'no external interface', { unmet: true }]), level: 'wrong', says: /no external/ }],
  forwarding: [
    { facts: held(['sysctl', 'forwarding is off']), level: 'wrong', says: /forwarding is off/ },
    { facts: { look: undefined, sysctl: () => '0' }, level: 'wrong', says: /ip_forward is 0/ },
  ],
  'reverse-path': [{ facts: held(['sysctl', 'strict reverse path']), level: 'warning', says: /strict/ }],
  'cut-off': [{ facts: held(['peer', 'would cut this host off', { unmet: true }]), level: 'wrong', says: /cut/ }],
  agent: [
    { facts: { agent: { selvage: undefined, flanneld: false } }, level: 'warning', says: /Neither/ },
    { facts: { agent: { selvage: 17, flanneld: true } }, level: 'warning', says: /pid 17.*both/ },
  ],
  permission: [{ facts: { permitted: false }, level: 'unknown', says: /CAP_NET_ADMIN/ }],
  'networkd-foreign': [
    {
      facts: { services: { ...network, networkd: { removes: ['routes', 'nexthops'], manages: [] } } },
      level: 'warning',
      says: /routes, nexthops/,
    },
  ],
  'networkd-manages': [
    {
      facts: { services: { ...network, networkd: { removes: [], manages: ['flannel.1'] } } },
      level: 'wrong',
      says: /manages flannel\.1/,
    },
  ],
  networkmanager: [
    {
      facts: { services: { ...network, networkManager: { manages: ['flannel.1'] } } },
      level: 'wrong',
      says: /manages flannel\.1/,
    },
  ],
  'mac-policy': [
    {
      facts: {
        services: { ...network, macPolicy: { 'flannel.1': '/x.link' } },
        devices: [{ ...DEVICE, macOrigin: 1 }],
      },
      level: 'warning',
      says: /x\.link/,
    },
  ],
  'foreign-addresses': [{ facts: held(['address', 'foreign address']), level: 'warning', says: /foreign address/ }],
  'address-unique': [
    {
      facts: { look: lookWith({ leases: [leaseOf(1), leaseOf(2, { publicIP: '192.0.2.1' })] }) },
      level: 'wrong',
      says: /2 leases .*192\.0\.2\.1/,
    },
  ],
  'in-sync': [
    {
      facts: { look: lookWith({ report: { changes: [linkUpdate] } }) },
      level: 'wrong',
      says: /One thing is not as etcd says: other mtu/,
    },
  ],
  taken: [
    { facts: held(['link', 'foreign device', { unmet: true }]), level: 'wrong', says: /foreign device/ },
    {
      facts: { devices: [CARD], udpPorts: new Map([[8472, 'nc (pid 3)']]) },
      level: 'wrong',
      says: /8472 is taken by nc/,
    },
  ],
  foreign: [
    { facts: held(['neighbour', 'foreign neighbour', { unmet: true }]), level: 'wrong', says: /foreign neighbour/ },
  ],
  'stale-mac': [
    { facts: { devices: [{ ...DEVICE, otherHost: 3 }] }, level: 'warning', says: /3 frames came to flannel\.1/ },
  ],
  'neighbour-table': [
    { facts: { neighbourTable: { entries: 1000, most: 1024, overflows: 0 } }, level: 'wrong', says: /1000 of 1024/ },
    { facts: { neighbourTable: { entries: 10, most: 1024, overflows: 2 } }, level: 'warning', says: /2 times/ },
    { facts: { neighbourTable: undefined }, level: 'unknown', says: /initial/ },
  ],
  conntrack: [{ facts: { conntrack: { entries: 65_000, most: 65_536 } }, level: 'wrong', says: /65000 of 65536/ }],
  checksum: [
    { facts: { devices: [DEVICE, { ...CARD, driver: 'vmxnet3' }] }, level: 'warning', says: /vmxnet3/ },
    { facts: { probed: probedOf({}, { grown: { 'Udp.InCsumErrors': 4 } }) }, level: 'wrong', says: /4 packets/ },
  ],
  ipsec: [
    { facts: { ipsec: ['src any dst 192.0.2.2/32'] }, level: 'warning', says: /1 IPsec policy/ },
    { facts: { ipsec: undefined }, level: 'unknown', says: /could not be read/ },
  ],
  'mtu-path': [
    {
      facts: { learnedMtus: new Map([['192.0.2.2', 1400]]) },
      level: 'wrong',
      says: /1500 bytes .*192\.0\.2\.2 \(1400\)/,
    },
  ],
  vni: [
    {
      facts: {
        look: lookWith({ leases: [leaseOf(1), leaseOf(2, { backendData: { VNI: 7, VtepMAC: '02:00:00:00:00:02' } })] }),
      },
      level: 'warning',
      says: /10\.5\.2\.0\/24 of 192\.0\.2\.2 \(7\)/,
    },
  ],
  detours: [{ facts: held(['route', 'foreign rule', { unmet: true }]), level: 'wrong', says: /foreign rule/ }],
  'on-link': [
    { facts: held(['peer', 'unreachable', { unmet: true }]), level: 'wrong', says: /unreachable/, passes: direct },
  ],
  'cloud-check': [
    {
      facts: held(['cloud-host', 'canIpForward is off', { unmet: true }]),
      level: 'wrong',
      says: /canIpForward/,
      passes: cloud,
    },
    { facts: drift('source-dest-check', 'eni-1'), level: 'wrong', says: /eni-1 is on/, passes: cloud },
    { facts: { ...direct, cloud: 'Amazon EC2' }, level: 'warning', says: /Amazon EC2/, passes: cloud },
  ],
  'cloud-rights': (['cloud-host', 'cloud-route', 'source-dest-check'] as const).map((kind) => ({
    facts: held([kind, 'not permitted', { unmet: true }]),
    level: 'wrong',
    says: /not permitted/,
    passes: cloud,
  })),
  'cloud-quota': [
    { facts: held(['cloud-route', 'quota reached', { unmet: true }]), level: 'wrong', says: /quota/, passes: cloud },
  ],
  'cloud-ranges': [{ facts: held(['config', 'overlaps the VPC']), level: 'wrong', says: /overlaps/, passes: cloud }],
  'cloud-routes': [
    { facts: drift('cloud-route'), level: 'wrong', says: /1 of the cloud's routes/, passes: cloud },
    {
      facts: held(['cloud-route', 'foreign route', { unmet: true }]),
      level: 'wrong',
      says: /foreign route/,
      passes: cloud,
    },
  ],
  'addresses-once': [
    {
      facts: { look: lookWith({ leases: [leaseOf(1), leaseOf(2), leaseOf(3, { publicIP: '192.0.2.2' })] }) },
      level: 'wrong',
      says: /192\.0\.2\.2 is named by .*10\.5\.2\.0\/24, 10\.5\.3\.0\/24/,
    },
  ],
  'macs-once': [
    {
      facts: {
        look: lookWith({
          leases: [leaseOf(1), leaseOf(2), leaseOf(3, { backendData: { VNI: 1, VtepMAC: '02:00:00:00:00:02' } })],
        }),
      },
      level: 'wrong',
      says: /02:00:00:00:00:02 is named/,
    },
    { facts: held(['peer', 'own MAC']), level: 'warning', says: /own MAC/ },
  ],
  moved: [{ facts: held(['peer', 'not moved yet']), level: 'warning', says: /not moved/ }],
  'peers-served': [{ facts: held(['peer', 'no address']), level: 'warning', says: /no address/ }],
  reached: [
    {
      facts: { probed: probedOf({ icmp: { result: 'silent' }, tcp: { result: 'silent' } }) },
      level: 'wrong',
      says: /10\.5\.2\.0\/24 \(192\.0\.2\.2\) doesn't answer.*tunnel's packets are lost/,
    },
    {
      facts: {
        probed: probedOf({ icmp: { result: 'silent' }, tcp: { result: 'silent' }, underlay: { result: 'silent' } }),
      },
      level: 'wrong',
      says: /host is down/,
    },
    { facts: { probed: undefined }, level: 'unknown', says: /--probe tries it/ },
    {
      facts: { probed: probedOf({}, { peers: [], problem: 'No raw socket.' }) },
      level: 'unknown',
      says: /No raw socket/,
    },
  ],
  tcp: [
    { facts: { probed: probedOf({ tcp: { result: 'silent' } }) }, level: 'wrong', says: /answers ICMP, and TCP not/ },
  ],
  icmp: [{ facts: { probed: probedOf({ icmp: { result: 'silent' } }) }, level: 'warning', says: /TCP and not ICMP/ }],
  'both-ways': [
    {
      facts: { probed: probedOf({ back: { icmp: { result: 'silent' }, tcp: { result: 'silent' } } }) },
      level: 'wrong',
      says: /10\.5\.2\.0\/24 \(192\.0\.2\.2\) is reached, and nothing that it begins/,
      passes: {
        probed: probedOf({ back: { icmp: { result: 'answered', ms: 1 }, tcp: { result: 'answered', ms: 1 } } }),
      },
    },
  ],
  'path-mtu': [
    {
      facts: { probed: probedOf({ pathMtu: 1372 }) },
      level: 'wrong',
      says: /1372 bytes pass, and the overlay's MTU is 1450/,
    },
    { facts: { probed: probedOf({ underlayMtu: 1400 }) }, level: 'warning', says: /1400 bytes in one piece/ },
  ],
  'lost-where': [
    {
      facts: {
        probed: probedOf(
          { icmp: { result: 'silent' }, tcp: { result: 'silent' } },
          { grown: { 'TcpExt.IPReversePathFilter': 3 } },
        ),
      },
      level: 'warning',
      says: /reverse path .*grew by 3/,
    },
  ],
  'docker-subnet': [{ facts: held(['docker', 'not on the subnet']), level: 'wrong', says: /not on the subnet/ }],
  'docker-ranges': [{ facts: held(['docker', 'containers on another subnet']), level: 'warning', says: /containers/ }],
  'container-mtu': [
    {
      facts: { devices: [DEVICE, ...factsOf().devices.slice(1), { ...PORT, name: 'veth2', mtu: 1500 }] },
      level: 'warning',
      says: /1450: veth2 1500/,
    },
  ],
  'docker-raw': [
    { facts: held(['firewall', "Docker's rules", { unmet: true }]), level: 'wrong', says: /Docker's rules/ },
    { facts: { ruleset: docker28, options: options({ forwardRules: false }) }, level: 'wrong', says: /raw PREROUTING/ },
  ],
  forward: [
    { facts: drift('firewall', 'nft ip filter FORWARD'), level: 'wrong', says: /1 of the rules/ },
    { facts: held(['firewall', 'firewalld']), level: 'warning', says: /firewalld/ },
    {
      facts: {
        options: options({ forwardRules: false }),
        ruleset: {
          ...docker28,
          tables: [{ engine: 'nft', family: 'ip', name: 'filter', chains: new Map([['FORWARD', chain([], 'drop')]]) }],
        },
      },
      level: 'wrong',
      says: /FORWARD drops/,
    },
    { facts: { permitted: false }, level: 'unknown', says: /CAP_NET_ADMIN/ },
  ],
  masquerade: [
    {
      facts: { ...drift('firewall', 'nft ip selvage-00ff11'), ruleset: masks },
      level: 'wrong',
      says: /Docker masquerades 10\.5\.1\.0\/24/,
    },
  ],
  input: [
    { facts: { input: [dropping], probed: undefined }, level: 'wrong', says: /INPUT drops UDP 8472/ },
    {
      facts: { input: [{ ...dropping, rules: [{ meets: 'perhaps', verdict: { to: 'accept' } }] }], probed: undefined },
      level: 'warning',
      says: /may drop/,
    },
    { facts: { input: undefined, probed: undefined }, level: 'unknown', says: /CAP_NET_ADMIN/ },
    // Its own look says it; the daemon's word stands where that can't be had.
    { facts: { ...held(['firewall', 'ufw']), input: undefined, probed: undefined }, level: 'warning', says: /ufw/ },
  ],
  'firewall-usable': [{ facts: held(['firewall', 'no nf_tables']), level: 'warning', says: /no nf_tables/ }],
};
