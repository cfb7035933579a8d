/** Owns the checks of the kernel's state: whether it is as etcd says, and what of the kernel's own runs full or is in the way. */
import type { DriftEntry, ReportKind } from '../contracts/report.ts';
import { type Check, fromHeld, notSeen, saysHeld, some, unknown, warning, wrong } from './check.ts';
import type { Device, Facts } from './facts.ts';

/** Of the kernel, or of what stands on it; the rest of a report's drift is said elsewhere. */
const ELSEWHERE: ReadonlySet<ReportKind> = new Set(['lease', 'docker', 'firewall', 'cloud-route', 'source-dest-check']);
/** Of a table that is nearly full. */
const NEARLY = 0.9;
/** Network cards whose drivers compute the inner checksum of a tunnel wrongly on any port but 4789 (docs/reference/doctor.md#checksum-offload). */
const BAD_OFFLOAD = /^vmxnet3$/;

const ours = ({ look, devices }: Facts): Device[] => devices.filter(({ name }) => look?.devices.includes(name));

const describe = ({ op, text, kind, fields = [] }: DriftEntry & { text: string }): string =>
  `${{ create: 'missing', update: `other ${fields.join(', ')}`, delete: 'left over' }[op]}: ${kind} ${text.split('\n')[0]}`;

export const kernelChecks: readonly Check[] = [
  {
    id: 'in-sync',
    category: 'kernel',
    title: 'devices, routes, ARP and FDB entries are as etcd says',
    covers: ['doctor 7', 'pain 1', 'pain 2', 'pain 4', 'pain 12', 'pain 30', 'pain 32'],
    look: (facts) => {
      if (!facts.look) return notSeen();
      const drift = facts.look.report.drift.filter(({ kind }) => !ELSEWHERE.has(kind));
      if (!drift.length) return [];
      const many = drift.length === 1 ? 'One thing is' : `${drift.length} things are`;
      return [wrong(`${many} not as etcd says: ${some(drift.map(describe))}.`)];
    },
    cure: 'selvage drift shows all of it, selvage --once repairs it; a running selvage does so by itself.',
    page: 'This is what `selvage drift` finds: a device that a network restart has deleted, routes that went with it, entries of a peer that is gone, an MTU that no longer goes with the uplink. A running selvage repairs it within milliseconds; flanneld does so at its next renewal (a day), or never. If it comes back after each repair, somebody else removes it: see [networkd](#networkd-foreign) and [NetworkManager](#networkmanager).',
  },
  {
    id: 'taken',
    category: 'kernel',
    title: "the tunnel's VNI, port and name are free",
    covers: ['doctor 29'],
    claims: ({ kind, why }) => kind === 'link' && /foreign device|unmarked device|port in use/.test(why),
    look: (facts, held) => {
      const own = ours(facts).find(({ vxlan }) => vxlan)?.vxlan;
      const wanted = vxlanPort(facts);
      // With a device of its own there nobody else can have taken the port.
      const taken = own || wanted === undefined ? undefined : facts.udpPorts.get(wanted);
      return [
        ...fromHeld(held),
        ...(taken === undefined || held.length ? [] : [wrong(`UDP port ${wanted} is taken by ${taken}.`)]),
      ];
    },
    cure: 'Give the network another Port or VNI, on all hosts, or take the other one away.',
    page: 'A second network of vxlan on this host (another flannel, Cilium, Docker Swarm) with the same VNI on the same port, or a program that listens on UDP 8472, keeps flannel.1 from being made.',
  },
  {
    id: 'foreign',
    category: 'kernel',
    title: "nobody else's is in the way of ours",
    claims: ({ kind }) => /^(link|address|neighbour|fdb|nexthop|route|file|udp|udp-peer|way)$/.test(kind),
    rest: true,
    look: saysHeld,
    cure: 'Take it away, if nobody needs it.',
    page: 'selvage never overwrites what is not its own. A foreign route, address or ARP entry in the place of one of ours stays, and is said here until it goes.',
  },
  {
    id: 'stale-mac',
    category: 'kernel',
    title: "no peer sends to a MAC that this host's device doesn't have",
    covers: ['doctor 13', 'pain 4'],
    look: (facts) => {
      const devices = ours(facts).filter(({ otherHost }) => otherHost !== undefined);
      if (!devices.length) return undefined;
      return devices
        .filter(({ otherHost }) => otherHost! > 0)
        .map(({ name, otherHost, mac }) =>
          warning(
            `${otherHost} ${otherHost === 1 ? 'frame' : 'frames'} came to ${name} for another MAC than its ${mac}: a peer goes by an older lease of this host.`,
          ),
        );
    },
    cure: 'Restart flanneld on the peers that do not reach this host; selvage there has followed already.',
    page: "Only the receiver can see this: the frame is decapsulated and dropped, and the device counts it (`ip -s -s link show flannel.1`, otherhost; from kernel 5.19). flanneld doesn't look at a lease's attributes once it knows the peer, so after this host's device was made anew with another MAC it goes on sending to the old one. The figure is since the device was made: see whether it grows (`selvage doctor --probe` does).",
  },
  {
    id: 'neighbour-table',
    category: 'kernel',
    title: "the kernel's neighbour table has room",
    covers: ['doctor 24'],
    look: ({ neighbourTable }) => {
      if (!neighbourTable)
        return [unknown('It is of the whole machine, and only its initial network namespace shows it.')];
      const { entries, most, overflows } = neighbourTable;
      if (entries >= most * NEARLY)
        return [wrong(`${entries} of ${most} entries (net.ipv4.neigh.default.gc_thresh3) are taken.`)];
      return overflows ? [warning(`It was full ${overflows} times since this machine was started.`)] : [];
    },
    cure: 'Raise net.ipv4.neigh.default.gc_thresh1 to 3, for example to 8192, 16384 and 32768.',
    page: 'When it is full the kernel says "neighbour: arp_cache: neighbor table overflow!" and drops packets to whom it does not know yet. flannel\'s own entries are permanent, and don\'t count against the limit from kernel 5.0.',
  },
  {
    id: 'conntrack',
    category: 'kernel',
    title: 'connection tracking has room',
    covers: ['doctor 25'],
    look: ({ conntrack }) => {
      if (!conntrack) return undefined;
      const { entries, most } = conntrack;
      return most > 0 && entries >= most * NEARLY
        ? [
            wrong(
              `${entries} of ${most} connections (net.netfilter.nf_conntrack_max) are tracked; new ones are dropped when it is full.`,
            ),
          ]
        : [];
    },
    cure: 'Raise net.netfilter.nf_conntrack_max.',
    page: 'When it is full new connections are dropped ("nf_conntrack: table full, dropping packet"), those that are there go on. A limit of its own holds for each network namespace.',
  },
  {
    id: 'checksum',
    category: 'kernel',
    title: "checksums of the tunnel's packets are right",
    covers: ['doctor 19', 'pain 21'],
    look: (facts) => {
      if (facts.look && facts.look.config?.backend.kind !== 'vxlan') return undefined;
      const uplink = facts.devices.find(({ name }) => name === facts.look?.host?.uplink.name);
      const tunnels = ours(facts).filter(
        ({ vxlan, checksumOffload }) => vxlan && vxlan.port !== 4789 && checksumOffload,
      );
      const findings = BAD_OFFLOAD.test(uplink?.driver ?? '')
        ? tunnels.map(({ name }) =>
            warning(
              `${uplink!.name} is a ${uplink!.driver}, whose checksum offload breaks TCP through ${name}.`,
              `ethtool -K ${name} tx-checksum-ip-generic off (and TransmitChecksumOffload=no in a .link file), or set the network's Port to 4789.`,
            ),
          )
        : [];
      const bad = facts.probed?.grown['Udp.InCsumErrors'] ?? 0;
      if (bad)
        findings.push(
          wrong(
            `${bad} packets with a wrong UDP checksum came in while peers were probed: a peer's network card computes it wrongly.`,
            'On the peers: ethtool -K flannel.1 tx-checksum-ip-generic off',
          ),
        );
      return findings;
    },
    cure: 'ethtool -K flannel.1 tx-checksum-ip-generic off',
    page: 'Ping works, TCP hangs or takes 1, 3, 63 s to connect; the receiver logs "UDP: bad checksum" and counts `Udp InCsumErrors`. Kernels before 5.7 (4.19.123, 5.4.41) do it when the outer packet is masqueraded with random ports; VMware\'s vmxnet3 does it still on any port but 4789.',
  },
  {
    id: 'ipsec',
    category: 'kernel',
    title: "no IPsec policy catches the tunnel's packets",
    covers: ['doctor 28'],
    look: ({ ipsec, permitted }) => {
      if (!ipsec)
        return [unknown(permitted ? 'The policies could not be read.' : 'Seeing its policies takes CAP_NET_ADMIN.')];
      return ipsec.length
        ? [
            warning(
              `${ipsec.length} IPsec ${ipsec.length === 1 ? 'policy catches' : 'policies catch'} what is sent to peers: ${some(ipsec)}.`,
            ),
          ]
        : [];
    },
    cure: 'See whether the tunnel is meant to go through IPsec on both ends (ip xfrm policy); if not, exempt its UDP port.',
    page: 'An IPsec policy between two hosts takes the packets of the tunnel too, which then need a smaller MTU; one that has no state (`ip xfrm state`) drops them without a word.',
  },
];

/** UDP port of the config's tunnel; undefined if it has none. */
export function vxlanPort({ look }: Facts): number | undefined {
  const backend = look?.config?.backend;
  return backend?.kind === 'vxlan' ? backend.port || 8472 : undefined;
}
