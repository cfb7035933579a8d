/** Reads the chains by which packets come into this host, with what each rule says of a tunnel's packet. Judged in reconciler/doctor/input.ts. */
import type { InputChain, InputRule } from '../../reconciler/doctor/input.ts';
import type { Rule } from '../../reconciler/firewall/rule.ts';
import type { RawRule } from '../iptables-legacy/blob.ts';
import { readLegacy } from '../iptables-legacy/state.ts';
import { NftClient } from '../netlink/nft/client.ts';
import { HOOKS, NETLINK_NETFILTER, NFPROTO_INET, NFPROTO_IPV4 } from '../netlink/nft/constants.ts';
import type { RuleObject } from '../netlink/nft/objects.ts';
import { readRule } from '../netlink/nft/rules.ts';
import { NetlinkSocket } from '../netlink/socket.ts';
import { legacyMeets, meetsTunnel, type TunnelPacket } from './rule-meets.ts';

/** INPUT seldom leads to more than this; what lies beyond may do anything. */
const MOST_CHAINS = 100;

/** Of both engines, in a network namespace (our own if undefined). undefined: they may not be looked at. */
export function inputChains(packet: TunnelPacket, netns?: string): InputChain[] | undefined {
  const client = new NftClient(new NetlinkSocket({ protocol: NETLINK_NETFILTER, netns, receiveBuffer: 1 << 20 }));
  try {
    return [...nftChains(client, packet), ...legacyChains(packet, netns)];
  } catch {
    return undefined;
  } finally {
    client.close();
  }
}

function nftChains(client: NftClient, packet: TunnelPacket): InputChain[] {
  const { errno, value } = client.generation();
  if (errno !== 0 || !value) return [];
  const bases = client.chains(0).items.filter(({ family, base }) => {
    const isIPv4 = family === NFPROTO_IPV4 || family === NFPROTO_INET;
    return isIPv4 && base?.type === 'filter' && HOOKS[base.hook] === 'input';
  });
  return bases.map(({ family, table, name, base }) => {
    const read = (chain: string): InputRule[] =>
      client.rules(family, table, chain).items.map((object) => inputRule(object, packet));
    const rules = read(name);
    const chain = `nft ${family === NFPROTO_INET ? 'inet' : 'ip'} ${table} ${name}`;
    return { name: chain, policy: base!.policy, rules, others: follow(rules, read) };
  });
}

function inputRule(object: RuleObject, packet: TunnelPacket): InputRule {
  const { verdict } = readRule(object);
  const meets = meetsTunnel(object.exprs, packet);
  // A map of verdicts: it decides, and by what isn't read.
  const byMap = verdict.to === 'none' && object.exprs.some(({ name }) => name === 'lookup');
  return { verdict: byMap ? { to: 'other', name: 'vmap' } : verdict, meets };
}

function follow(rules: readonly InputRule[], read: (chain: string) => InputRule[]): Map<string, InputRule[]> {
  const others = new Map<string, InputRule[]>();
  const queue = targets(rules);
  for (const chain of queue) {
    if (others.has(chain) || others.size >= MOST_CHAINS) continue;
    const its = read(chain);
    others.set(chain, its);
    queue.push(...targets(its));
  }
  return others;
}

const targets = (rules: readonly InputRule[]): string[] =>
  rules.flatMap(({ verdict, meets }) => ('chain' in verdict && meets !== 'misses' ? verdict.chain : []));

function legacyChains(packet: TunnelPacket, netns: string | undefined): InputChain[] {
  const { uplink } = packet;
  const raw = new Map<Rule, RawRule>();
  const filter = readLegacy(netns, raw).tables.get('filter');
  const input = filter?.get('INPUT');
  if (!filter || !input) return [];
  const rules = (list: readonly Rule[]): InputRule[] =>
    list.map((rule) => {
      const { verdict, in: device, src, dst, mark } = rule;
      const isElsewhere = device && !device.not && (device.name === 'lo' || (uplink !== '' && device.name !== uplink));
      const says = legacyMeets(raw.get(rule)!, packet);
      if (isElsewhere || says === 'misses') return { verdict, meets: 'misses' };
      // A device that is the uplink, or all but another, is met.
      const isOpen = says === 'perhaps' || (device && (device.not || uplink === '')) || src || dst || mark;
      return { verdict, meets: isOpen ? 'perhaps' : 'meets' };
    });
  const others = new Map([...filter].map(([name, chain]) => [name, rules(chain.rules)]));
  const policy = input.base?.policy ?? 'accept';
  return [{ name: 'iptables-legacy filter INPUT', policy, rules: rules(input.rules), others }];
}
