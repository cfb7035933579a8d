/** Owns the checks of the packet filter: whether containers' packets get through this host, and the tunnel's into it. */
import { contains } from '../../config/ipv4.ts';
import { isOurTag } from '../firewall/part.ts';
import { type Check, fromHeld, notSeen, saysHeld, some, unknown, warning, wrong } from './check.ts';
import type { Facts } from './facts.ts';
import { verdictOf } from './input.ts';
import { vxlanPort } from './kernel.ts';
import { isReached } from './reached.ts';

const NOT_PERMITTED = unknown('Seeing the firewall takes CAP_NET_ADMIN.');

/** UDP port that peers send to; undefined: they send no UDP. */
export function tunnelPort(facts: Facts): number | undefined {
  const backend = facts.look?.config?.backend;
  return backend?.kind === 'udp' ? backend.port : vxlanPort(facts);
}

export const firewallChecks: readonly Check[] = [
  {
    id: 'forward',
    category: 'firewall',
    title: "containers' packets get through what is dropped in FORWARD",
    covers: ['doctor 2', 'pain 17', 'pain 19', 'pain 20'],
    claims: ({ kind, why }) =>
      kind === 'firewall' && /^(firewalld|another firewall|Docker's rules are gone)$/.test(why),
    look: (facts, held) => {
      if (!facts.look) return notSeen();
      if (!facts.permitted || facts.ruleset?.nft === 'denied') return [NOT_PERMITTED, ...fromHeld(held)];
      const drift = facts.look.report.drift.filter(({ kind, key }) => kind === 'firewall' && !sparesMasquerading(key));
      const missing = drift.length
        ? [
            wrong(
              `${drift.length} of the rules that let them through ${drift.length === 1 ? 'is' : 'are'} not in place.`,
              'selvage --once, or a running selvage, puts them there.',
            ),
          ]
        : [];
      const off =
        !facts.options.forwardRules && dropsForward(facts)
          ? [
              wrong(
                'FORWARD drops by its policy, and --iptables-forward-rules is off.',
                'Leave --iptables-forward-rules on, or accept what is from and to the Network yourself.',
              ),
            ]
          : [];
      return [...missing, ...off, ...fromHeld(held)];
    },
    cure: 'Leave --iptables-forward-rules on.',
    page: "Docker sets the policy of FORWARD to DROP (from 1.13), and from 28 drops what does not come in by its bridges. selvage keeps an accept in front of that, follows the firewall as it changes (a restart of firewalld or Docker, `iptables -F`), needs no lock and starts no iptables. What it can't open (firewalld's own table, another nftables table that drops) is said here with the words that its owner needs. [The firewall](firewall.md).",
  },
  {
    id: 'masquerade',
    category: 'firewall',
    title: "containers' own addresses arrive at other hosts",
    covers: ['doctor 27'],
    look: (facts) => {
      if (!facts.look) return notSeen();
      if (!facts.permitted) return [NOT_PERMITTED];
      const { network, subnet } = facts.look.report.network;
      const tables = facts.ruleset?.tables ?? [];
      // Docker's own: source the subnet, destination anything, out by anything but the bridge.
      const masks = tables.some(({ name, chains }) =>
        name === 'nat' || name === 'docker-bridges'
          ? [...chains.values()].some(({ rules }) =>
              rules.some(
                ({ verdict, src, dst }) =>
                  verdict.to === 'masquerade' && src && !src.not && !dst && contains(src.net, subnet),
              ),
            )
          : false,
      );
      const drift = facts.look.report.drift.filter(({ kind, key }) => kind === 'firewall' && sparesMasquerading(key));
      if (!drift.length) return [];
      return masks
        ? [
            wrong(
              `Docker masquerades ${subnet}, and the rules that spare ${network} are not in place: peers see this host's address instead of the container's.`,
            ),
          ]
        : [warning(`The rules that spare ${network} from masquerading are not in place.`)];
    },
    cure: 'selvage --once puts them in place.',
    page: "Docker masquerades everything that leaves by another device than its bridge, so that the overlay's packets get this host's address, unless a rule before it says otherwise. flannel's answer is `--ip-masq` with `dockerd --ip-masq=false`; selvage spares the Network either way.",
  },
  {
    id: 'input',
    category: 'firewall',
    title: "the tunnel's packets are let in",
    covers: ['doctor 4', 'pain 29'],
    // Said here of every packet filter, ufw among them.
    claims: ({ kind, why }) => kind === 'firewall' && why === 'ufw',
    look: (facts, held) => {
      const port = tunnelPort(facts);
      if (!facts.look) return notSeen();
      if (port === undefined) return undefined;
      if (!facts.input || !facts.permitted) return [NOT_PERMITTED, ...fromHeld(held)];
      // A packet that came back has come in.
      if (facts.probed?.peers.some((peer) => isReached(peer))) return [];
      const shut = facts.input.filter((chain) => verdictOf(chain) === 'drops').map(({ name }) => name);
      const perhaps = facts.input.filter((chain) => verdictOf(chain) === 'perhaps').map(({ name }) => name);
      return [
        ...(shut.length
          ? [wrong(`${some(shut)} drops UDP ${port}, by which peers send to this host.`, openPort(facts, port))]
          : []),
        ...(perhaps.length && !shut.length
          ? [warning(`${some(perhaps)} may drop UDP ${port}; whether it does, --probe shows.`, openPort(facts, port))]
          : []),
      ];
    },
    cure: 'Let that UDP port in.',
    page: "Peers send the tunnel's packets to UDP 8472 (vxlan; the config may name another) or 8285 (udp). A packet filter that drops them drops all traffic from other hosts, without a word. Rules of others can not be evaluated exactly: what is not understood is said to be possible. The socket is open on all interfaces, so let in only what comes from the hosts of the network: whoever else reaches it can send into containers. In a cloud see the security group, which no host can see.",
  },
  {
    id: 'firewall-usable',
    category: 'firewall',
    title: 'the firewall can be kept',
    covers: ['pain 27'],
    claims: ({ kind }) => kind === 'firewall',
    rest: true,
    look: saysHeld,
    cure: '',
    page: 'What keeps selvage from keeping its rules: a kernel without nf_tables, a missing permission, rules that somebody else writes again and again. The module br_netfilter, which flanneld wants from 0.26 on, is not needed by selvage.',
  },
];

/** Of a part of the firewall, by its key: our own table, or rules in iptables' nat. The rest is for what is forwarded. */
function sparesMasquerading(key: string): boolean {
  const [, , table = '', chain = ''] = key.split(' ');
  return table === 'nat' || (isOurTag(table) && !chain.startsWith('@'));
}

/** Whether FORWARD's policy is DROP in any table that iptables keeps. */
const dropsForward = ({ ruleset }: Facts): boolean =>
  (ruleset?.tables ?? []).some(
    ({ name, family, chains }) =>
      name === 'filter' && family === 'ip' && chains.get('FORWARD')?.base?.policy === 'drop',
  );

function openPort({ ruleset }: Facts, port: number): string {
  if (ruleset?.tables.some(({ name }) => name === 'firewalld'))
    return `firewall-cmd --permanent --add-port=${port}/udp && firewall-cmd --reload`;
  return `iptables -I INPUT -p udp --dport ${port} -j ACCEPT (ufw: ufw allow ${port}/udp; firewalld: firewall-cmd --permanent --add-port=${port}/udp)`;
}
