/** Owns the checks that real packets decide (--probe): who is reached, by what, how large, and where packets were lost. */
import { type Check, type Finding, some, unknown, warning, wrong } from './check.ts';
import type { Facts } from './facts.ts';
import { othersOf } from './peers.ts';
import type { PeerProbed } from './probed.ts';

/** What a counter that grew while probes went unanswered means. docs/reference/doctor.md#counters */
const LOST: Readonly<Record<string, string>> = {
  'Ip.InAddrErrors': 'forwarding is off on a device that packets came in by',
  'Ip.FragFails': 'packets were too large and must not be fragmented',
  'Ip.ReasmFails': 'fragments were lost on the way',
  'Ip.OutNoRoutes': 'this host had no route',
  'TcpExt.IPReversePathFilter': 'the filter by reverse path dropped packets',
  'Udp.NoPorts': 'packets came for a UDP port on which nothing listens here',
  'Udp.InCsumErrors': 'packets came with a wrong UDP checksum',
  'Icmp.InDestUnreachs': 'a peer or a router refused packets, so a port may not be open there',
};

const NOT_TRIED = unknown('No packet was sent: selvage doctor --probe tries it.');

const name = ({ subnet, publicIP }: PeerProbed): string => `${subnet} (${publicIP})`;

/** `judge` is asked where packets were sent. */
const asked =
  (judge: (facts: Facts, peers: readonly PeerProbed[]) => readonly Finding[] | undefined): Check['look'] =>
  (facts) => {
    const { probed } = facts;
    if (!probed) return othersOf(facts) ? [NOT_TRIED] : undefined;
    if (probed.problem !== undefined) return [unknown(probed.problem)];
    return probed.peers.length ? judge(facts, probed.peers) : undefined;
  };

export const isReached = ({ icmp, tcp }: PeerProbed): boolean =>
  icmp.result === 'answered' || tcp.result === 'answered';

export const reachedChecks: readonly Check[] = [
  {
    id: 'reached',
    category: 'peers',
    title: 'every peer that was asked answers over the overlay',
    covers: ['doctor 10', 'doctor 4', 'pain 30'],
    look: asked((_, peers) =>
      peers
        .filter((peer) => !isReached(peer))
        .map((peer) => wrong(`${name(peer)} doesn't answer over the overlay: ${layerOf(peer)}.`)),
    ),
    cure: 'Run selvage doctor there, too: what only the receiver can see is said there.',
    page: "An ICMP echo and a SYN go to the address that the peer's flannel device has (`.0` of its subnet; with host-gw and in clouds `.1`, that of docker0). The peer's kernel answers, whoever runs there; nothing of ours is needed. If its public address answers and the overlay doesn't, the tunnel's packets are lost: UDP 8472 is filtered on the way or [there](#input), the VNI or the port is another, or [its MAC](#stale-mac). If neither does, the host is down or drops ICMP.",
  },
  {
    id: 'tcp',
    category: 'peers',
    title: 'TCP passes as ICMP does',
    covers: ['doctor 19', 'pain 21'],
    look: asked((_, peers) =>
      peers
        .filter(({ icmp, tcp }) => icmp.result === 'answered' && tcp.result === 'silent')
        .map((peer) =>
          wrong(
            `${name(peer)} answers ICMP, and TCP not at all: its packet filter drops it, or checksums are computed wrongly on the way.`,
            'See the checksum check above; on both hosts: ethtool -K flannel.1 tx-checksum-ip-generic off',
          ),
        ),
    ),
    cure: 'On both hosts: ethtool -K flannel.1 tx-checksum-ip-generic off',
    page: 'A SYN to a port that nobody listens on must bring a RST. ICMP has no checksum that a network card computes, so the [checksum fault](#checksum) lets it pass.',
  },
  {
    id: 'icmp',
    category: 'peers',
    title: 'ICMP passes as TCP does',
    look: asked((_, peers) => {
      const silent = peers.filter(({ icmp, tcp }) => icmp.result !== 'answered' && tcp.result === 'answered');
      return silent.length
        ? [
            warning(
              `${some(silent.map(name))} ${silent.length === 1 ? 'answers' : 'answer'} TCP and not ICMP, so nobody is told when a packet is too large.`,
            ),
          ]
        : [];
    }),
    cure: 'Let ICMP in there: at least destination-unreachable and echo-request.',
    page: 'Without ICMP a packet that is too large vanishes without a word, and path MTUs can not be measured.',
  },
  {
    id: 'both-ways',
    category: 'peers',
    title: 'peers that probe reach this host, too',
    look: (facts) => {
      const asked = facts.probed?.peers.filter(({ back }) => back !== undefined) ?? [];
      if (!asked.length) return undefined;
      return asked.flatMap(({ back, ...peer }) => {
        const lost = [back!.icmp, back!.tcp].filter(({ result }) => result !== 'answered');
        if (!lost.length) return [];
        const what =
          lost.length === 2 ? 'nothing that it begins' : `no ${back!.icmp === lost[0] ? 'ICMP' : 'TCP'} that it begins`;
        return [wrong(`${name(peer)} is reached, and ${what} gets to this host over the overlay.`)];
      });
    },
    cure: "See what this host's packet filter does with what comes in by flannel's device: iptables -S INPUT, nft list ruleset.",
    page: 'Answers to what this host begins may pass where what a peer begins is dropped: a packet filter lets in what belongs to a connection of its own. A peer whose daemon probes (`--probe-interval`) is asked to try it, by a datagram to UDP 8473 of its overlay address; of others nobody can tell.',
  },
  {
    id: 'path-mtu',
    category: 'peers',
    title: "packets of the overlay's full size pass",
    covers: ['doctor 6', 'doctor 26', 'pain 28'],
    look: asked(({ probed }, peers) => {
      const { mtu, outerMtu } = probed!;
      return peers.flatMap((peer): Finding[] => {
        if (peer.pathMtu !== undefined && peer.pathMtu < mtu)
          return [
            wrong(
              `To ${name(peer)} packets of up to ${peer.pathMtu} bytes pass, and the overlay's MTU is ${mtu}.`,
              `Set Backend.MTU in the network config to ${outerMtu - (mtu - peer.pathMtu)}, or the MTU of the uplink on all hosts.`,
            ),
          ];
        if (peer.underlayMtu !== undefined && peer.underlayMtu < outerMtu)
          return [
            warning(
              `To ${name(peer)} the underlay carries ${peer.underlayMtu} bytes in one piece, and the overlay's packets have up to ${outerMtu}: they are fragmented, which is slow, and firewalls drop fragments.`,
            ),
          ];
        return [];
      });
    }),
    cure: 'Set Backend.MTU in the network config to what the underlay carries.',
    page: "After a small echo one of the full size is sent, which must not be fragmented; if that is lost, sizes between are tried. Where the tunnel's own packets may be fragmented, so that all passes, the underlay is measured, too.",
  },
  {
    id: 'lost-where',
    category: 'peers',
    title: 'this host lost nothing while peers were asked',
    covers: ['doctor 4', 'doctor 10', 'doctor 5'],
    look: (facts) => {
      const { probed } = facts;
      if (!probed?.peers.length) return undefined;
      if (probed.peers.every((peer) => isReached(peer))) return [];
      return Object.entries(probed.grown).flatMap(([counter, by]) => {
        const means = LOST[counter];
        return means === undefined
          ? []
          : [warning(`${means[0]!.toUpperCase()}${means.slice(1)} (${counter} grew by ${by}).`)];
      });
    },
    cure: '',
    page: "The kernel's counters (/proc/net/snmp and netstat) are read before and after. They are of the whole host, so that one that grew may have another cause.",
  },
];

/** Which layer is at fault, as far as this host can tell. */
function layerOf({ icmp, underlay, publicIP }: PeerProbed): string {
  if (icmp.result === 'error') return `it could not be sent (${icmp.error})`;
  if (underlay.result === 'answered')
    return `its host does (${publicIP}, ${underlay.ms.toFixed(1)} ms), so the tunnel's packets are lost on the way or dropped there`;
  if (underlay.result === 'error') return `${publicIP} can't be reached at all (${underlay.error})`;
  return `nor does ${publicIP}: the host is down, or drops ICMP and the tunnel's packets`;
}
