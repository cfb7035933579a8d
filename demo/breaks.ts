/** Owns what the demo breaks, one thing at a time, on a running host. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { EtcdWriter, Written } from '../test/helpers/etcd-writer.ts';
import type { LabHost } from '../test/helpers/lab.ts';
import { type FakePeer, leaseKey, leaseValue } from '../test/helpers/leases.ts';

/** The host that is broken, and the peer whose entries it loses. */
export interface Scene {
  host: LabHost;
  /** "10.5.34.0/24" and "10.5.34.0" of the peer. */
  subnet: string;
  vtep: string;
  prefix: string;
  writer: EtcdWriter;
  newcomer: FakePeer;
}

export interface Break {
  what: string;
  /** Does it. Of a write to etcd the time it left is when the clock starts; otherwise it is the kernel's announcement. */
  act: (scene: Scene) => Promise<Written | undefined>;
  /** What the repair is measured by, if not by what the kernel announces. */
  file?: true;
  /** The host is not to be as before, but to have this. */
  until?: (overlay: string, scene: Scene) => boolean;
}

const nothing = undefined;

async function nexthopOf({ host, subnet }: Scene): Promise<string> {
  const [route] = await host.ns.ipJson('route', 'show', subnet);
  if (route?.nhid === undefined) throw new Error(`the route to ${subnet} uses no nexthop object`);
  return String(route.nhid);
}

async function entryOf({ host, vtep }: Scene): Promise<{ mac: string; dst: string }> {
  const [neighbour] = await host.ns.ipJson('neighbour', 'show', vtep, 'dev', 'flannel.1');
  const entries = await host.ns.bridgeJson('fdb', 'show', 'dev', 'flannel.1');
  const entry = entries.find(({ mac }) => mac === neighbour?.lladdr);
  if (entry?.mac === undefined || entry.dst === undefined) throw new Error(`flannel.1 has no FDB entry for ${vtep}`);
  return { mac: entry.mac, dst: entry.dst };
}

/** By iproute2, as a person would. */
const byHand = (command: (scene: Scene) => string[] | Promise<string[]>) => async (scene: Scene) => {
  await scene.host.ip(...(await command(scene)));
  return nothing;
};

export const BREAKS: Break[] = [
  { what: 'a route is deleted', act: byHand(({ subnet }) => ['route', 'del', subnet]) },
  { what: 'an ARP entry is deleted', act: byHand(({ vtep }) => ['neighbour', 'del', vtep, 'dev', 'flannel.1']) },
  {
    what: 'an FDB entry is deleted',
    act: async (scene) => {
      const { mac, dst } = await entryOf(scene);
      await scene.host.ns.bridgeBatch([`fdb del ${mac} dev flannel.1 dst ${dst} self`]);
      return nothing;
    },
  },
  {
    what: 'a nexthop is deleted (its route goes with it)',
    act: byHand(async (scene) => ['nexthop', 'del', 'id', await nexthopOf(scene)]),
  },
  { what: 'flannel.1 is set down', act: byHand(() => ['link', 'set', 'flannel.1', 'down']) },
  {
    what: 'flannel.1 is set down and up at once',
    act: async ({ host }) => {
      await host.ns.ipBatch(['link set flannel.1 down', 'link set flannel.1 up']);
      return nothing;
    },
  },
  {
    what: "flannel.1's MAC address is changed",
    act: byHand(() => ['link', 'set', 'flannel.1', 'address', '02:00:00:00:be:ef']),
  },
  { what: 'flannel.1 is deleted', act: byHand(() => ['link', 'del', 'flannel.1']) },
  {
    what: 'subnet.env is edited',
    file: true,
    act: async ({ host }) => {
      const text = readFileSync(host.subnetFile, 'utf8');
      writeFileSync(host.subnetFile, text.replace(/FLANNEL_MTU=\d+/, 'FLANNEL_MTU=9000'));
      return nothing;
    },
  },
  {
    what: 'a lease is added in etcd',
    act: ({ writer, prefix, newcomer }) => writer.put(leaseKey(prefix, newcomer.subnet), leaseValue(newcomer)),
    until: (overlay, { newcomer }) =>
      overlay.includes(`"dst":"${newcomer.subnet}"`) && overlay.split(newcomer.mac).length === 3,
  },
  {
    what: 'the lease is removed in etcd',
    act: ({ writer, prefix, newcomer }) => writer.delete(leaseKey(prefix, newcomer.subnet)),
    until: (overlay, { newcomer }) =>
      !overlay.includes(newcomer.mac) && !overlay.includes(newcomer.subnet.split('/')[0]!),
  },
];
