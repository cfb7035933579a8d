/** Owns the checks of the way between hosts, as far as it shows without a packet: MTU, VNI, routes in front, and what a cloud does to it. */
import { contains } from '../../config/ipv4.ts';
import { leaseData } from '../backends/index.ts';
import type { ReportKind } from '../contracts/report.ts';
import { type Check, fromHeld, notSeen, saysHeld, some, warning, wrong } from './check.ts';
import type { Facts } from './facts.ts';

/** Backends whose containers' packets cross the underlay as they are, so that a cloud sees their addresses. */
const UNTUNNELLED = new Set(['host-gw', 'aws-vpc', 'gce']);
const CLOUDS = new Set(['aws-vpc', 'gce']);

const backendKind = ({ look }: Facts): string => look?.config?.backend.kind ?? '';
const isDirect = ({ look }: Facts): boolean => {
  const backend = look?.config?.backend;
  return (
    UNTUNNELLED.has(backend?.kind ?? '') ||
    (backend !== undefined && 'directRouting' in backend && backend.directRouting)
  );
};
const isClouds = (kind: ReportKind): boolean => kind.startsWith('cloud') || kind === 'source-dest-check';
const ofCloud = (facts: Facts, held: readonly Parameters<typeof fromHeld>[0][number][]) =>
  CLOUDS.has(backendKind(facts)) || held.length ? fromHeld(held, 'wrong') : undefined;

export const networkChecks: readonly Check[] = [
  {
    id: 'mtu-path',
    category: 'network',
    title: 'the way to every peer carries what the overlay sends',
    covers: ['doctor 6', 'doctor 26', 'pain 28'],
    look: (facts) => {
      const { look, learnedMtus } = facts;
      if (!look?.host) return notSeen();
      const { uplink } = look.host;
      const outer = Math.max(look.report.network.mtu + overheadOf(facts), 0) || uplink.mtu;
      const small = [...learnedMtus].filter(([, mtu]) => mtu < outer);
      if (!small.length) return [];
      const least = Math.min(...small.map(([, mtu]) => mtu));
      const peers = some(small.map(([address, mtu]) => `${address} (${mtu})`));
      return [
        wrong(
          `The kernel has learned that less than the ${outer} bytes of the overlay's packets pass to ${peers}.`,
          `Set Backend.MTU in the network config to ${least}, or the MTU of ${uplink.name}: ip link set ${uplink.name} mtu ${least}; then Docker's.`,
        ),
      ];
    },
    cure: 'Set Backend.MTU in the network config to what the path carries.',
    page: 'Small packets pass and large ones hang: ssh stalls after the login, TLS in its handshake. The MTU of the uplink is what the first hop carries, not the whole way: over a VPN, peering (AWS: 1500 instead of 9001), PPPoE, or another tunnel (OpenStack 1450, WireGuard 1420, GCP 1460) it is less. The kernel learns it from ICMP, which is often filtered; `selvage doctor --probe` measures it.',
  },
  {
    id: 'vni',
    category: 'network',
    title: 'all leases name one VNI',
    covers: ['doctor 9'],
    look: (facts) => {
      const backend = facts.look?.config?.backend;
      if (!facts.look) return notSeen();
      if (backend?.kind !== 'vxlan') return undefined;
      const other = facts.look.leases.flatMap(({ subnet, attrs }) => {
        const { vni } = leaseData(attrs);
        return vni === undefined || vni === (backend.vni & 0xffff) ? [] : [`${subnet} of ${attrs.publicIP} (${vni})`];
      });
      return other.length
        ? [
            warning(
              `The network's VNI is ${backend.vni}, and ${other.length === 1 ? 'a lease names' : `${other.length} leases name`} another: ${some(other)}.`,
            ),
          ]
        : [];
    },
    cure: 'Restart flanneld there; selvage follows a changed config by itself.',
    page: 'Packets with another VNI are dropped by the receiver without a counter. flanneld reads the config only when it starts, so after a change of the VNI every one must be restarted. flannel up to 0.13 writes no VNI into its lease, so that of those hosts nobody can tell.',
  },
  {
    id: 'detours',
    category: 'network',
    title: 'no other route or rule comes before ours',
    covers: ['doctor 22'],
    claims: ({ kind, why }) => kind === 'route' && (why === 'foreign rule' || why === 'foreign route'),
    look: saysHeld,
    cure: 'Move the other route or rule, or choose a Network that nobody else uses.',
    page: 'A VPN client, another Docker network of the same range, or a policy rule with a table of its own takes the packets before our routes are asked. The kernel itself was asked for the way to an address of each subnet.',
  },
  {
    id: 'on-link',
    category: 'network',
    title: 'every peer that is reached without a tunnel is on the same link',
    covers: ['doctor 21'],
    claims: ({ kind, why }) => kind === 'peer' && why === 'unreachable',
    look: (facts, held) => (isDirect(facts) || held.length ? fromHeld(held) : undefined),
    cure: 'Use vxlan, with DirectRouting for those that are on the link.',
    page: 'host-gw makes a peer the gateway to its subnet, which must be a neighbour: a router between the two does not know the subnet and drops it.',
  },
  {
    id: 'cloud-check',
    category: 'network',
    title: "the cloud doesn't drop what isn't from its own addresses",
    covers: ['doctor 20'],
    claims: ({ kind, why }) =>
      (kind === 'source-dest-check' && why !== 'not permitted') || why === 'canIpForward is off',
    look: (facts, held) => {
      const drift = facts.look?.report.drift.filter(({ kind }) => kind === 'source-dest-check') ?? [];
      const found = [
        ...fromHeld(held, 'wrong'),
        ...drift.map(({ key }) =>
          wrong(`The source/destination check of ${key} is on, so EC2 drops containers' packets.`),
        ),
      ];
      if (found.length || CLOUDS.has(backendKind(facts))) return found;
      if (!facts.cloud || !isDirect(facts)) return undefined;
      return [
        warning(
          `This is a machine of ${facts.cloud}, whose network drops packets from and to addresses that it did not give, and ${backendKind(facts)} sends such; whether it was told not to can't be seen from here.`,
        ),
      ];
    },
    cure: 'AWS: aws ec2 modify-instance-attribute --no-source-dest-check; Google: make the instance with --can-ip-forward; Azure: IP forwarding on the interface; OpenStack: allowed address pairs. Or use vxlan.',
    page: "With vxlan, ipip and udp the cloud sees the hosts' addresses only. host-gw, DirectRouting, aws-vpc and gce send containers' addresses over its network, which drops them unless it was told not to. selvage switches EC2's check off where it may (backend aws-vpc). With other backends nothing on the host tells; the firmware says whose machine it is, and that is all. [Clouds](cloud.md).",
  },
  {
    id: 'cloud-rights',
    category: 'network',
    title: 'the cloud lets this host write its route',
    claims: ({ kind, why }) => isClouds(kind) && why === 'not permitted',
    look: ofCloud,
    cure: 'Give the role the permission that the sentence names: packaging/cloud/ has the least policy.',
    page: 'aws-vpc and gce write the route of this subnet into the route table of the VPC. The sentence names the action that is missing ("ec2:ReplaceRoute").',
  },
  {
    id: 'cloud-quota',
    category: 'network',
    title: "the cloud's route table has room",
    claims: ({ kind, why }) => isClouds(kind) && /quota|throttled/.test(why),
    look: ofCloud,
    cure: 'Ask for a higher quota, or use vxlan.',
    page: 'An EC2 route table has 50 routes unless more were asked for, a VPC of Google 250. A host over it has no route, and is not reached.',
  },
  {
    id: 'cloud-ranges',
    category: 'network',
    title: "the Network is outside of the VPC's own ranges",
    claims: ({ why }) => why === 'overlaps the VPC',
    look: ofCloud,
    cure: 'Choose a Network outside of them.',
    page: "The VPC's own route for its range wins over any other, so subnets inside it lead nowhere.",
  },
  {
    id: 'cloud-routes',
    category: 'network',
    title: "the cloud's routes are as etcd says",
    claims: ({ kind, why }) => kind.startsWith('cloud') || why === 'no route table',
    rest: true,
    look: (facts, held) => {
      const drift = facts.look?.report.drift.filter(({ kind }) => kind === 'cloud-route') ?? [];
      if (!CLOUDS.has(backendKind(facts)) && !held.length && !drift.length) return undefined;
      const said = drift.length
        ? [
            wrong(
              `${drift.length} of the cloud's routes are not as etcd says: ${some(drift.map(({ op, text }) => `${op} ${text}`))}.`,
              'selvage --once, or a running selvage, puts them right.',
            ),
          ]
        : [];
      return [...said, ...fromHeld(held)];
    },
    cure: 'See docs/cloud.md.',
    page: 'What stands in the way of the routes in the cloud: a foreign route for the subnet, a name that is taken, a black hole, an API that can not be reached. [Clouds](cloud.md).',
  },
];

/** Bytes that the tunnel adds. */
export function overheadOf(facts: Facts): number {
  const kind = backendKind(facts);
  return kind === 'vxlan' ? 50 : kind === 'ipip' ? 20 : kind === 'udp' ? 28 : 0;
}

/** Whether an address is inside the flannel network. */
export const isInNetwork = ({ look }: Facts, address: string): boolean =>
  look?.config !== undefined && contains(look.config.network, `${address}/32`);
