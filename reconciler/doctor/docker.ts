/** Owns the checks of Docker: whether its containers are where the network expects them. */
import { dropsRouted } from '../firewall/docker-nft.ts';
import { type Check, fromHeld, saysHeld, some, warning, wrong } from './check.ts';
import type { Facts } from './facts.ts';

const hasDocker = ({ look }: Facts): boolean => look?.report.docker !== undefined;
const ON_SUBNET = /^(not on the subnet|restart due|another bridge|being restarted|given twice|invalid)$/;

/** Ports of the bridge that the own subnet is on. */
function bridgeOf({ look, devices }: Facts) {
  const names = new Set(look?.host?.guards?.flatMap(({ of, dev }) => (of === 'containers' ? dev : [])) ?? []);
  const docker = look?.report.docker?.bridge?.name;
  if (docker !== undefined) names.add(docker);
  return devices.filter(({ name, type }) => type === 'bridge' && names.has(name));
}

export const dockerChecks: readonly Check[] = [
  {
    id: 'docker-subnet',
    category: 'Docker',
    title: "Docker's bridge is on this host's subnet",
    covers: ['doctor 23', 'pain 16', 'pain 26'],
    claims: ({ kind, why }) => kind === 'docker' && ON_SUBNET.test(why),
    look: (facts, held) => {
      const drift = facts.look?.report.drift.filter(({ kind }) => kind === 'docker') ?? [];
      if (!hasDocker(facts) && !held.length && !drift.length) return undefined;
      if (held.length) return fromHeld(held, 'wrong');
      return drift.map(({ key, reason }) => wrong(`Docker is not as it should be: ${key} (${reason}).`));
    },
    cure: 'Give dockerd --bip and --mtu of subnet.env and restart it, or let selvage see to it: --docker daemon-json.',
    page: 'Docker doesn\'t follow the subnet by itself: it reads `--bip` when it starts. After another subnet was taken docker0 is on the old one, whose addresses the other hosts don\'t send here any more. With a bridge that has another address Docker refuses to start ("Bridge ip does not match"). [Docker](docker.md).',
  },
  {
    id: 'docker-ranges',
    category: 'Docker',
    title: "containers' addresses are inside this host's subnet",
    claims: ({ kind }) => kind === 'docker',
    rest: true,
    look: (facts, held) => (hasDocker(facts) || held.length ? saysHeld(facts, held) : undefined),
    cure: 'Restart the containers, or change the range.',
    page: "Containers that were started on another subnet keep their address until they are restarted. A `fixed-cidr` outside of the subnet, or an address pool of Docker's that overlaps the flannel network, gives addresses that nobody reaches.",
  },
  {
    id: 'container-mtu',
    category: 'Docker',
    title: "no container sends more than the overlay's MTU",
    covers: ['doctor 8', 'pain 28'],
    look: (facts) => {
      const bridges = bridgeOf(facts);
      const mtu = facts.look?.report.network.mtu ?? 0;
      if (!bridges.length || !mtu) return undefined;
      const names = new Set(bridges.map(({ name }) => name));
      const ports = facts.devices.filter((one) => names.has(one.master) && one.mtu > mtu);
      return ports.length
        ? [
            warning(
              `${ports.length === 1 ? 'A container has' : `${ports.length} containers have`} a larger MTU than the overlay's ${mtu}: ${some(ports.map((one) => `${one.name} ${one.mtu}`))}.`,
            ),
          ]
        : [];
    },
    cure: 'Put "mtu" with the overlay\'s into daemon.json, restart Docker, and make those containers anew.',
    page: 'A container gets its MTU when it is made. With a larger one than the overlay its first large packet comes back with "fragmentation needed"; where that ICMP is lost (many images and firewalls drop it) the connection hangs.',
  },
  {
    id: 'docker-raw',
    category: 'Docker',
    title: "Docker lets other hosts' containers in",
    covers: ['doctor 3'],
    claims: ({ kind, why }) => kind === 'firewall' && why === "Docker's rules",
    look: (facts, held) => {
      if (!hasDocker(facts) && !held.length) return undefined;
      if (held.length) return fromHeld(held, 'wrong');
      if (facts.options.forwardRules || !facts.ruleset || !facts.look) return [];
      return dropsRouted(facts.ruleset, facts.look.report.network.subnet)
        ? [
            wrong(
              'Docker drops what comes from other hosts to its containers before anything else is asked (raw PREROUTING, from Docker 28).',
            ),
          ]
        : [];
    },
    cure: 'Put "allow-direct-routing": true into daemon.json (from 28.2) and restart Docker, or leave --iptables-forward-rules on.',
    page: "The usual picture: all worked until Docker was upgraded to 28. A ping from host to container works, from container to container it does not. Docker drops in `raw` PREROUTING what is for a container and did not come in by its bridge. selvage puts an accept before it, unless `--iptables-forward-rules=false`; of Docker 29's nftables backend only Docker itself can open it.",
  },
];
