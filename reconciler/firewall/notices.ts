/** Owns what a person has to know of the firewall that selvage can't or must not mend itself, one sentence each with its cure. */
import type { HeldEntry } from '../contracts/report.ts';
import { acceptedMark, dockerTable, dropsRaw } from './docker-nft.ts';
import type { FirewallFacts } from './facts.ts';
import { isOurTag, tagOfChain } from './part.ts';
import { chainMayDrop } from './reach.ts';
import { chainOf, DOCKER_USER, type Ruleset, type TableView, tableOf } from './ruleset.ts';

const entry = (key: string, why: string, detail: string, unmet = false): HeldEntry => ({
  kind: 'firewall',
  key,
  why,
  detail,
  unmet,
});

/** `daemonJson`: path of Docker's configuration file. */
export function firewallNotices(facts: FirewallFacts, ruleset: Ruleset, daemonJson: string): HeldEntry[] {
  const { subnet } = facts.ranges[0] ?? { subnet: '' };
  if (ruleset.nft === 'denied') {
    const detail =
      'The firewall may not be looked at or changed here (CAP_NET_ADMIN is missing): run selvage as root, or give its unit AmbientCapabilities=CAP_NET_ADMIN.';
    return [entry('nf_tables', 'not permitted', detail)];
  }
  const held: HeldEntry[] = [];
  if (ruleset.nft === 'absent') {
    const masquerade = facts.ipMasq ? "; masquerading is done in iptables-legacy's tables instead" : '';
    const detail = `This kernel has no nf_tables, so Docker's masquerading may hide containers from each other${masquerade}; if its modules are only not loaded: modprobe nf_tables nft_nat nft_masq.`;
    held.push(entry('nf_tables', 'no nf_tables', detail));
  }
  if (!facts.forwardRules) return held;
  held.push(...dockerNft(ruleset, subnet, daemonJson), ...deadEnds(ruleset));
  for (const table of ruleset.tables) held.push(...othersInTheWay(table, facts.tunnels));
  return held;
}

/** Docker's nftables backend lets nothing of ours in but by its own two settings. */
function dockerNft(ruleset: Ruleset, subnet: string, daemonJson: string): HeldEntry[] {
  if (!dockerTable(ruleset)) return [];
  const lines: string[] = [];
  if (dropsRaw(ruleset, subnet)) lines.push('"allow-direct-routing": true');
  if (!acceptedMark(ruleset)) lines.push('"bridge-accept-fwmark": "0x73/0xff"');
  if (lines.length === 0) return [];
  const detail = `Docker's nftables rules drop what other hosts' containers send to ${subnet}, and nobody but Docker can open them: put ${lines.join(' and ')} into ${daemonJson} and restart Docker; selvage sets the mark.`;
  return [entry('nft ip docker-bridges', "Docker's rules", detail, true)];
}

/** After `iptables -F` under policy DROP our part is whole, and what containers send to the outside is dropped all the same. */
function deadEnds(ruleset: Ruleset): HeldEntry[] {
  return (['nft', 'legacy'] as const).flatMap((engine) => {
    const filter = tableOf(ruleset, engine, 'filter');
    const forward = chainOf(filter, 'FORWARD');
    if (!filter?.chains.has(DOCKER_USER) || forward?.base?.policy !== 'drop') return [];
    if (forward.rules.some(({ verdict }) => !('chain' in verdict) || tagOfChain(verdict.chain) === undefined))
      return [];
    const detail =
      "Docker's rules are gone from FORWARD and its policy is DROP, so containers reach each other but nothing outside the network; restart Docker, which puts them back: systemctl restart docker.";
    return [entry(`${engine} ip filter FORWARD`, "Docker's rules are gone", detail)];
  });
}

/** A table that is neither ours, nor iptables', nor Docker's, and may drop what is forwarded: its owner has to open it. */
function othersInTheWay(table: TableView, tunnels: readonly string[]): HeldEntry[] {
  const { engine, family, name, chains } = table;
  if (engine !== 'nft' || isOurTag(name) || /^(filter|nat|raw|docker-bridges|flannel-ipv[46])$/.test(name)) return [];
  const key = `nft ${family} ${name}`;
  const [tunnel = 'the external interface'] = tunnels;
  const bases = [...chains].filter(([, { base }]) => base?.type === 'filter' && base.hook === 'forward');
  if (name === 'firewalld') {
    if (bases.length === 0 || namesDevice(table, tunnel)) return [];
    const detail = `firewalld rejects what is forwarded from zones that it doesn't trust: firewall-cmd --permanent --zone=trusted --add-interface=${tunnel} --add-interface=docker0, let the tunnel's own UDP port in (--add-port=PORT/udp, with the one of Backend.Port), and firewall-cmd --reload.`;
    return [entry(key, 'firewalld', detail)];
  }
  return bases
    .filter(([chain]) => chainMayDrop(chain, table))
    .map(([chain]) => {
      const detail = `The chain ${chain} of the nftables table ${family} ${name} may drop what is forwarded, and an accept elsewhere doesn't count there: see that it accepts what comes over ${tunnel} and what goes there.`;
      return entry(`${key} ${chain}`, 'another firewall', detail);
    });
}

/** Whether any rule names the device: then somebody has thought of it. */
const namesDevice = ({ chains }: TableView, name: string): boolean =>
  [...chains.values()].some(({ rules }) => rules.some((rule) => rule.in?.name === name || rule.out?.name === name));
