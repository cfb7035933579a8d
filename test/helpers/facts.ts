/** Owns the facts of a made-up host of a vxlan network on which all is well, for tests of doctor's checks. */
import type { Lease } from '../../config/model.ts';
import { parseNetworkConfig } from '../../config/network.ts';
import type { HeldEntry } from '../../reconciler/contracts/report.ts';
import type { Device, Facts, Look } from '../../reconciler/doctor/facts.ts';
import type { PeerProbed, Probed } from '../../reconciler/doctor/probed.ts';
import { buildReport, type ReportInput } from '../../reconciler/report/build-report.ts';
import { inputOf } from './report.ts';

export const DEVICE: Device = {
  name: 'flannel.1',
  index: 5,
  type: 'vxlan',
  mac: '02:00:00:00:00:01',
  mtu: 1450,
  up: true,
  master: '',
  vxlan: { vni: 1, port: 8472 },
  otherHost: 0,
  macOrigin: 3,
  checksumOffload: true,
};
export const CARD: Device = {
  name: 'eth0',
  index: 2,
  type: '',
  mac: '02:00:00:00:00:02',
  mtu: 1500,
  up: true,
  master: '',
  driver: 'e1000',
};
export const BRIDGE: Device = { ...CARD, name: 'docker0', index: 3, type: 'bridge', mtu: 1450, driver: '' };
export const PORT: Device = { ...BRIDGE, name: 'veth1', index: 4, type: 'veth', master: 'docker0' };

export const leaseOf = (block: number, parts: Partial<Lease['attrs']> = {}): Lease => ({
  key: `/coreos.com/network/subnets/10.5.${block}.0-24`,
  subnet: `10.5.${block}.0/24`,
  attrs: {
    publicIP: `192.0.2.${block}`,
    publicIPv6: null,
    backendType: 'vxlan',
    backendData: { VNI: 1, VtepMAC: `02:00:00:00:00:0${block}` },
    ...parts,
  },
  value: '',
  modRevision: 1,
  createRevision: 1,
  leaseId: '7',
});

export interface LookParts {
  config?: object;
  leases?: Lease[];
  report?: Partial<ReportInput>;
  docker?: boolean;
  held?: HeldEntry[];
}

export function lookWith({
  config = { Type: 'vxlan' },
  leases = [leaseOf(1), leaseOf(2), leaseOf(3)],
  report = {},
  docker = true,
  held = [],
}: LookParts = {}): Look {
  const bridge = { name: 'docker0', address: '10.5.1.1/24', mtu: 1450, ipMasq: false };
  const sections = docker ? { docker: { mode: 'report', engine: null, bridge } } : {};
  const parsed = parseNetworkConfig(JSON.stringify({ Network: '10.5.0.0/16', Backend: config }));
  const kind = parsed.backend.kind;
  return {
    report: buildReport(inputOf({ mode: 'drift', sections, held, ...report })),
    config: parsed,
    leases,
    host: {
      hostname: 'web1',
      uplink: { name: 'eth0', mtu: 1500, address: '192.0.2.1', networks: ['192.0.2.0/24'] },
      publicIP: '192.0.2.1',
      nexthopObjects: true,
    },
    devices: kind === 'vxlan' ? ['flannel.1'] : [],
  };
}

export const factsOf = (parts: Partial<Facts> = {}): Facts => ({
  now: 0,
  options: {
    prefix: '/coreos.com/network',
    endpoints: ['http://192.0.2.100:2379'],
    forwardRules: true,
    subnetFile: '/run/flannel/subnet.env',
    docker: 'report',
  },
  permitted: true,
  look: lookWith(),
  failure: undefined,
  leaseLeft: 80_000,
  endpoints: [{ url: 'http://192.0.2.100:2379', clockAheadMs: 120 }],
  keyExposed: undefined,
  devices: [DEVICE, CARD, BRIDGE, PORT],
  sysctl: () => undefined,
  counters: {},
  udpPorts: new Map(),
  neighbourTable: { entries: 10, most: 1024, overflows: 0 },
  conntrack: { entries: 10, most: 65_536 },
  ipsec: [],
  learnedMtus: new Map(),
  ruleset: { tables: [], nft: 'usable', flanneld: false },
  input: [],
  services: { networkd: { removes: [], manages: [] }, networkManager: { manages: [] }, macPolicy: {} },
  agent: { selvage: 17, flanneld: false },
  cloud: '',
  probed: probedOf(),
  ...parts,
});

export const peerProbed = (parts: Partial<PeerProbed> = {}): PeerProbed => ({
  subnet: '10.5.2.0/24',
  publicIP: '192.0.2.2',
  target: '10.5.2.0',
  icmp: { result: 'answered', ms: 0.4 },
  tcp: { result: 'answered', ms: 0.5 },
  underlay: { result: 'answered', ms: 0.3 },
  pathMtu: 1450,
  underlayMtu: 1500,
  ...parts,
});

export const probedOf = (peer: Partial<PeerProbed> = {}, parts: Partial<Probed> = {}): Probed => ({
  peers: [peerProbed(peer)],
  of: 2,
  mtu: 1450,
  outerMtu: 1500,
  grown: {},
  ...parts,
});

export const heldOf = (kind: HeldEntry['kind'], why: string, parts: Partial<HeldEntry> = {}): HeldEntry => ({
  kind,
  key: 'it',
  why,
  detail: `${why}: said of it.`,
  unmet: false,
  ...parts,
});
