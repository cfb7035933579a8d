/**
 * Owns a host with a container, and a peer, for tests of the firewall: real namespaces and a real vxlan between them, no agent.
 *
 *   container 10.5.1.2 ── docker0 10.5.1.1 ─ host ─ flannel.1 ═ vxlan ═ flannel.1 ─ peer 10.5.2.1
 *                                             └ eth0 192.168.64.1 ──── 192.168.64.2 ┘   and 192.168.64.9 is a stranger on the LAN
 */
import type { TestContext } from 'node:test';
import { NftClient } from '../../drivers/netlink/nft/client.ts';
import { NETLINK_NETFILTER } from '../../drivers/netlink/nft/constants.ts';
import { NetlinkSocket } from '../../drivers/netlink/socket.ts';
import { createNetns, type Netns } from './netns.ts';

export const NETWORK = '10.5.0.0/16';
export const SUBNET = '10.5.1.0/24';
export const CONTAINER = '10.5.1.2';
export const PEER = '10.5.2.1';
export const PEER_HOST = '192.168.64.2';
export const STRANGER = '192.168.64.9';

export interface FirewallHosts {
  host: Netns;
  container: Netns;
  peer: Netns;
  client: NftClient;
}

/** A namespace and nothing else, for tests without packets. */
export async function firewallHost(t: TestContext): Promise<Pick<FirewallHosts, 'host' | 'client'>> {
  const host = await createNetns('host');
  const client = clientIn(host);
  t.after(async () => {
    client.close();
    await host.destroy();
  });
  return { host, client };
}

const clientIn = (ns: Netns): NftClient =>
  new NftClient(new NetlinkSocket({ protocol: NETLINK_NETFILTER, netns: ns.path, receiveBuffer: 1 << 20 }));

export async function firewallHosts(t: TestContext): Promise<FirewallHosts> {
  const [host, container, peer] = await Promise.all(['host', 'container', 'peer'].map((name) => createNetns(name)));
  if (!host || !container || !peer) throw new Error('no namespaces');
  const client = clientIn(host);
  t.after(async () => {
    client.close();
    await Promise.all([host, container, peer].map((ns) => ns.destroy()));
  });
  await host.ipBatch([
    `link add eth0 type veth peer name eth0 netns ${peer.name}`,
    'addr add 192.168.64.1/24 dev eth0',
    'link set eth0 up',
    'link add docker0 type bridge',
    'addr add 10.5.1.1/24 dev docker0',
    'link set docker0 up',
    `link add vethc type veth peer name eth0 netns ${container.name}`,
    'link set vethc master docker0 up',
    'link add flannel.1 address 02:00:00:00:00:01 type vxlan id 1 dev eth0 local 192.168.64.1 dstport 8472 nolearning',
    'addr add 10.5.1.0/32 dev flannel.1',
    'link set flannel.1 up',
    'neigh add 10.5.2.0 lladdr 02:00:00:00:00:02 dev flannel.1 nud permanent',
    'route add 10.5.2.0/24 via 10.5.2.0 dev flannel.1 onlink',
    'route add default via 192.168.64.2',
  ]);
  await peer.ipBatch([
    'addr add 192.168.64.2/24 dev eth0',
    'addr add 192.168.64.9/32 dev eth0',
    'link set eth0 up',
    'link add flannel.1 address 02:00:00:00:00:02 type vxlan id 1 dev eth0 local 192.168.64.2 dstport 8472 nolearning',
    'addr add 10.5.2.0/32 dev flannel.1',
    'addr add 10.5.2.1/32 dev lo',
    'link set flannel.1 up',
    'neigh add 10.5.1.0 lladdr 02:00:00:00:00:01 dev flannel.1 nud permanent',
    'route add 10.5.1.0/24 via 10.5.1.0 dev flannel.1 onlink',
  ]);
  await host.bridgeBatch(['fdb append 02:00:00:00:00:02 dev flannel.1 dst 192.168.64.2']);
  await peer.bridgeBatch(['fdb append 02:00:00:00:00:01 dev flannel.1 dst 192.168.64.1']);
  await container.ipBatch(['addr add 10.5.1.2/24 dev eth0', 'link set eth0 up', 'route add default via 10.5.1.1']);
  await host.sysctl('net.ipv4.ip_forward', '1');
  for (const [ns, names] of [
    [host, ['all', 'eth0', 'flannel/1']],
    [peer, ['all', 'eth0', 'flannel/1']],
  ] as const)
    for (const name of names) await ns.sysctl(`net.ipv4.conf.${name}.rp_filter`, '0');
  await feed(peer, 'nft', ['-f', '-'], WITNESS);
  return { host, container, peer, client };
}

/** At the peer: which source an echo request has come with. */
export const WITNESS = `table ip witness {
  set seen { type ipv4_addr; flags dynamic; }
  chain input { type filter hook prerouting priority -400; icmp type echo-request add @seen { ip saddr }; }
}
`;

/** The sources of the echo requests that the peer has got since it was last asked. */
export async function sourcesSeen(peer: Netns): Promise<string[]> {
  const { stdout } = await peer.exec('nft', '-j', 'list', 'set', 'ip', 'witness', 'seen');
  await peer.exec('nft', 'flush', 'set', 'ip', 'witness', 'seen');
  const { nftables } = JSON.parse(stdout) as { nftables: { set?: { elem?: unknown[] } }[] };
  return nftables.flatMap(({ set }) => set?.elem ?? []).map(String);
}

/** Runs a command inside with a text on its standard input; rejects with what it says. */
export function feed(ns: Netns, command: string, args: string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = ns.spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let output = '';
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${command}: ${output}`))));
    child.stdin?.end(input);
  });
}

/** Whether an echo request is answered. `from` is an address of the pinger's. */
export async function reaches(ns: Netns, to: string, from?: string): Promise<boolean> {
  const args = ['-c', '1', '-W', '1', ...(from ? ['-I', from] : []), to];
  return (await ns.exec('ping', ...args)).code === 0;
}
