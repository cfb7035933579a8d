/**
 * Owns the choice of the external interface, from facts of the host and what was asked for. Order and address choice are flannel's
 * (v0.28 pkg/ip/iface.go, match.go): --iface in turn, else --iface-regex in turn, else the interface of the default route; never a guess
 * when something was asked for and isn't there.
 *
 * - flannel's own devices are never chosen, whatever fits them: a tunnel can't carry itself.
 * - A default route leads to other hosts only by an interface that can (interfaces.ts), and with an address outside of where containers
 *   live; the next one is taken, and what was passed over is said. Who names an interface means it.
 * - The address is the tunnel's local one and therefore always the interface's own, also if --public-ip names another (a NAT's).
 */
import { goRegex } from '../../config/go-regex.ts';
import { isGlobalUnicast, isLinkLocal, maskCidr, parseIp } from '../../config/ipv4.ts';
import type { DefaultRoute, HostFacts, Interface } from '../contracts/host.ts';
import { bare, isFlannels, isLinkLocalAddress, notUplink } from './interfaces.ts';

export interface UplinkOptions {
  /** Names, addresses or regular expressions of a whole name or address; the first that is there wins. */
  iface: readonly string[];
  /** Regular expressions, searched in every interface's addresses first, then in the names. */
  ifaceRegex: readonly string[];
  /** Where other hosts reach this one, if that is not the interface's address. */
  publicIP?: string;
  /** Whether an address may be a container's, or a subnet's: no host is there. */
  isContainers?: (address: string) => boolean;
}

export interface Uplink {
  name: string;
  mtu: number;
  /** Without prefix length: "192.168.64.3". */
  address: string;
  publicIP: string;
  /** CIDRs of what is on its link, sorted. */
  networks: string[];
}

type AddressOf = Interface['addresses'][number];

/** What can be an end of a tunnel: not loopback, multicast, broadcast or unspecified; not deprecated. */
function usable({ address, deprecated }: AddressOf): boolean {
  const ip = parseIp(bare(address));
  return ip !== undefined && !deprecated && (isGlobalUnicast(ip) || isLinkLocal(ip));
}

/**
 * Global before link-local, one with a network before a /32 (a virtual address, which may be another host's in a moment), permanent before
 * dynamic, else the kernel's order; undefined if it has no usable IPv4 address.
 */
function addressOf(link: Interface): string | undefined {
  const rank = ({ address, permanent }: AddressOf): number =>
    (isLinkLocalAddress(address) ? 4 : 0) + (address.endsWith('/32') ? 2 : 0) + (permanent ? 0 : 1);
  const [best] = link.addresses.filter(usable).sort((a, b) => rank(a) - rank(b));
  return best && bare(best.address);
}

const addressesOf = (link: Interface): string => link.addresses.map(({ address }) => bare(address)).join(', ');

function describe(facts: HostFacts): string {
  const links = facts.interfaces
    .filter((link) => !link.loopback)
    .map((link) => `${link.name} (${isFlannels(link) ? "flannel's own" : addressesOf(link) || 'no IPv4 address'})`);
  return links.length ? `this host has ${links.join(', ')}` : 'this host has no interface but loopback';
}

interface Match {
  link: Interface;
  /** The address that was asked for, where it was one. */
  address?: string;
}

function matchIface(links: readonly Interface[], wanted: string): Match | undefined {
  const named = links.find((link) => link.name === wanted);
  if (named) return { link: named };
  const addressed = links.find((one) => one.addresses.some((a) => bare(a.address) === wanted));
  if (addressed) return { link: addressed, address: wanted };
  // As a regular expression it has to fit the whole name, or a plain "eth9" that isn't there would find "veth9f".
  const regex = goRegex(wanted, (body) => `^(?:${body})$`);
  return regex && matchRegex(links, regex);
}

function matchRegex(links: readonly Interface[], regex: RegExp): Match | undefined {
  for (const link of links) {
    const found = link.addresses.find((a) => usable(a) && regex.test(bare(a.address)));
    if (found) return { link, address: bare(found.address) };
  }
  const link = links.find((one) => regex.test(one.name));
  return link && { link };
}

/**
 * What is on the link of an interface: the networks of its addresses and what routes without a gateway lead to. flannel asks the kernel for
 * the route to a peer and looks whether it has a gateway; this is the same answer, but one that stands while the interface is down.
 */
function onLink({ name, addresses }: Interface, { linkRoutes }: HostFacts): string[] {
  const own = addresses
    .filter((one) => usable({ ...one, deprecated: false }))
    .map(({ address }) => maskCidr(address) ?? '');
  const routed = linkRoutes.filter(({ dev }) => dev === name).map(({ dst }) => dst);
  return [...new Set([...own, ...routed])].filter((network) => network !== '' && !network.endsWith('/0')).sort();
}

/** Where a default route leads, and what speaks against it: undefined for nothing. */
interface Candidate {
  route: DefaultRoute;
  link: Interface;
  address: string | undefined;
  /** It can't be the way to other hosts. */
  never: string | undefined;
  /** It is taken if there is no better one. */
  doubt: string | undefined;
}

function candidatesOf(facts: HostFacts, { isContainers }: UplinkOptions): Candidate[] {
  return [...facts.defaultRoutes]
    .sort((a, b) => a.metric - b.metric)
    .flatMap((route) => {
      const link = facts.interfaces.find(({ name }) => name === route.dev);
      if (!link) return [];
      const address = addressOf(link);
      const inside = address !== undefined && isContainers?.(address);
      const never = notUplink(link, facts) ?? (address === undefined ? 'has no usable IPv4 address' : undefined);
      const doubt =
        link.carrier === false
          ? 'has no carrier'
          : address !== undefined && isLinkLocalAddress(address)
            ? `has the link-local address ${address} only`
            : inside
              ? `has ${address}, which is inside the Network`
              : undefined;
      return [{ route, link, address, never, doubt }];
    });
}

const reasonOf = ({ link, never, doubt }: Candidate): string => `${link.name} ${never ?? doubt}`;

export type UplinkChoice = (
  | { uplink: Uplink; problem?: undefined }
  /** One sentence that says what the host has instead. */
  | { uplink?: undefined; problem: string }
) & {
  /** Default routes that come before the chosen one, each with its reason: "docker0 is a bridge of containers". */
  passedOver: { route: DefaultRoute; reason: string }[];
};

/** The external interface, or why there is none. */
export function chooseUplink(facts: HostFacts, options: UplinkOptions): UplinkChoice {
  const chosen = ({ link, address = addressOf(link) }: Match): UplinkChoice => {
    if (!address) {
      return { problem: `Interface ${link.name} has no usable IPv4 address; ${describe(facts)}.`, passedOver: [] };
    }
    const { name, mtu } = link;
    const networks = onLink(link, facts);
    return { uplink: { name, mtu, address, publicIP: options.publicIP || address, networks }, passedOver: [] };
  };

  if (options.iface.length || options.ifaceRegex.length) {
    const asked = byName(facts, options);
    return 'problem' in asked ? { ...asked, passedOver: [] } : chosen(asked);
  }

  const all = candidatesOf(facts, options);
  const possible = all.filter(({ never }) => never === undefined);
  const best = possible.find(({ doubt }) => doubt === undefined) ?? possible[0];
  const before = best ? all.slice(0, all.indexOf(best)) : all;
  const passedOver = before
    .filter(({ link }) => link !== best?.link)
    .map((one) => ({ route: one.route, reason: reasonOf(one) }));
  if (best) return { ...chosen({ link: best.link }), passedOver };
  if (all.length === 1 && !all[0]!.address && !notUplink(all[0]!.link, facts)) return chosen({ link: all[0]!.link });
  const why = passedOver.length
    ? `No default route of this host leads to other hosts: ${passedOver.map(({ reason }) => reason).join(', ')}`
    : 'No IPv4 default route says which interface leads to the other hosts';
  return { problem: `${why}; name it with --iface; ${describe(facts)}.`, passedOver };
}

function byName(facts: HostFacts, { iface, ifaceRegex }: UplinkOptions): Match | { problem: string } {
  const links = facts.interfaces.filter((link) => !isFlannels(link));
  for (const wanted of iface) {
    const match = matchIface(links, wanted);
    if (match) return match;
  }
  for (const text of ifaceRegex) {
    const regex = goRegex(text);
    if (!regex) return { problem: `--iface-regex ${text} is not a valid regular expression.` };
    const match = matchRegex(links, regex);
    if (match) return match;
  }
  const asked = [...iface.map((wanted) => `--iface ${wanted}`), ...ifaceRegex.map((text) => `--iface-regex ${text}`)];
  const verb = asked.length === 1 ? 'matches' : 'match';
  return { problem: `${asked.join(' and ')} ${verb} no interface; ${describe(facts)}.` };
}
