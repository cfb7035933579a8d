/** Owns what an interface is to a host, told from its kind, its master and its name: an uplink to others, or a thing of containers or tunnels. */
import { isLinkLocal, parseIp } from '../../config/ipv4.ts';
import { ALIAS_PREFIX, type HostFacts, type Interface } from '../contracts/host.ts';
import { tunnelRules } from '../tunnels/index.ts';

/** flannel.1, flannel-v6.1, flannel0, flannel.ipip, flannel-wg; and whatever has the mark of an instance, however it was renamed. */
export const isFlannels = ({ name, alias = '' }: Pick<Interface, 'name' | 'alias'>): boolean =>
  alias.startsWith(ALIAS_PREFIX) || /^flannel([.\d]|-v6\.|-wg)/.test(name);

/** Made by Docker, CNI's plugins, libvirt and lxc. */
const CONTAINER_BRIDGE =
  /^(docker\d*|docker_gwbridge|br-[\da-f]{12}|cni\d+|cbr\d+|virbr\d+|lxcbr\d+|lxdbr\d+|podman\d+)$/;
/** As those name the host's ends of what they plug in. */
const CONTAINER_PORT = /^(veth|vnet|tap|lxc|cali)/;
const PORTED = new Set(['bridge', 'bond', 'team', 'openvswitch']);
/** These always run over another interface, as do those that a backend makes. */
const OVERLAYS = new Set(['geneve', 'gre', 'gretap', 'erspan', 'sit', 'vti', 'xfrm']);
/** These do where there is one to run over. */
const PRIVATE = new Set(['wireguard', 'tun', 'l2tp']);

const isOverlay = (type: string): boolean =>
  OVERLAYS.has(type) || (tunnelRules(type) !== undefined && !PRIVATE.has(type));

function isContainerBridge({ name, type }: Interface, { interfaces }: HostFacts): boolean {
  if (type !== 'bridge') return false;
  const ports = interfaces.filter(({ master }) => master === name);
  return CONTAINER_BRIDGE.test(name) || ports.every((port) => CONTAINER_PORT.test(port.name));
}

const isPrivate = ({ type = '' }: Interface): boolean => isOverlay(type) || PRIVATE.has(type);

/** Why other hosts are not reached by this interface, as the end of a sentence; undefined if they may be. */
export function notUplink(link: Interface, facts: HostFacts): string | undefined {
  const { type = '', master = '' } = link;
  if (isFlannels(link)) return "is flannel's own device";
  if (isContainerBridge(link, facts)) return 'is a bridge of containers';
  if (master !== '' && PORTED.has(facts.interfaces.find(({ name }) => name === master)?.type ?? ''))
    return `is a port of ${master}`;
  if (link.looped) return 'is a veth whose other end is on this host too';
  if (isOverlay(type)) return `is a tunnel (${type}) that runs over another interface`;
  if (PRIVATE.has(type) && facts.interfaces.some((other) => isOutside(other, facts)))
    return `is a tunnel (${type}) that runs over another interface`;
  return undefined;
}

/** What a tunnel may run over. */
const isOutside = (link: Interface, facts: HostFacts): boolean =>
  !link.loopback && !isPrivate(link) && link.addresses.length > 0 && notUplink(link, facts) === undefined;

export const bare = (address: string): string => address.split('/')[0]!;

export const isLinkLocalAddress = (address: string): boolean => {
  const ip = parseIp(bare(address));
  return ip !== undefined && isLinkLocal(ip);
};
