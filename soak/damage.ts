/** Owns what is broken by hand on a host: what `npm start` shows, and more of the same. */
import { statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabHost } from '../test/helpers/lab.ts';
import type { Random } from '../test/simulation/random.ts';
import type { Bed } from './bed.ts';
import type { Cause } from './cause.ts';

interface Target {
  host: LabHost;
  peer: LabHost;
  /** "10.5.34.0/24", "10.5.34.0" */
  subnet: string;
  vtep: string;
  /** "flannel.1" */
  dev: string;
}

async function targetIn({ hosts }: Bed, random: Random): Promise<Target | undefined> {
  const host = random.pick(hosts);
  const peer = random.pick(hosts.filter((one) => one !== host));
  const vtep = peer.containerAddress.replace(/\d+$/, '0');
  const links = await host.ns.ipJson('link', 'show', 'type', 'vxlan');
  const dev = links.map(({ ifname }) => String(ifname)).find((name) => name.startsWith('flannel.'));
  return dev === undefined ? undefined : { host, peer, subnet: `${vtep}/24`, vtep, dev };
}

type Act = (target: Target, random: Random) => Promise<unknown>;

const damage = (name: string, act: Act, costs = true): Cause => ({
  name,
  costs,
  act: async (bed, random) => {
    const target = await targetIn(bed, random);
    // host-gw has no device.
    if (!target) return false;
    // It may have become something else in that moment, or be half broken: what is wrong now has to heal all the same.
    await act(target, random).catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
    return true;
  },
});

const ip =
  (args: (target: Target) => string[]): Act =>
  (target) =>
    target.host.ip(...args(target));

async function fdbEntries({ host, dev }: Target): Promise<{ mac: string; dst: string }[]> {
  const entries = await host.ns.bridgeJson('fdb', 'show', 'dev', dev);
  return entries.flatMap(({ mac, dst }) => (mac && dst ? [{ mac, dst }] : []));
}

async function deleteFdb(target: Target, random: Random): Promise<void> {
  const entries = await fdbEntries(target);
  if (entries.length === 0) return;
  const { mac, dst } = random.pick(entries);
  await target.host.ns.bridgeBatch([`fdb del ${mac} dev ${target.dev} dst ${dst} self`]);
}

async function misleadFdb(target: Target, random: Random): Promise<void> {
  const entries = await fdbEntries(target);
  if (entries.length > 0)
    await target.host.ns.bridgeBatch([
      `fdb replace ${random.pick(entries).mac} dev ${target.dev} dst 192.168.64.250 self permanent`,
    ]);
}

async function deleteNexthop({ host, subnet }: Target): Promise<void> {
  const [route] = await host.ns.ipJson('route', 'show', subnet);
  if (route?.nhid !== undefined) await host.ip('nexthop', 'del', 'id', String(route.nhid));
}

/** One by one: `ip route flush` is refused where routes are on nexthop objects. */
async function deleteRoutes({ host }: Target): Promise<void> {
  const routes = await host.ns.ipJson('route', 'show', 'proto', '115');
  await host.ns.ipBatch(routes.map(({ dst }) => `route del ${dst}`));
}

async function editFile({ host }: Target): Promise<void> {
  writeFileSync(host.subnetFile, 'FLANNEL_NETWORK=10.9.0.0/16\n');
}

/** subnet.env is spoilt while there is no room to write it; then there is again. */
async function fillDisk(bed: Bed): Promise<void> {
  const { folder, subnetFile } = bed.diskHost;
  const filler = join(folder, 'filler');
  try {
    for (let size = 1 << 20; size > 0; size >>= 1) {
      try {
        writeFileSync(filler, Buffer.alloc(size, 1), { flag: 'a' });
      } catch {
        // as much as went in is in
      }
    }
    const text = `# ${statSync(subnetFile).size}\n`;
    try {
      writeFileSync(subnetFile, text);
    } catch {
      // truncated, and no room for a letter: spoilt enough
    }
    await sleep(3000);
  } finally {
    unlinkSync(filler);
  }
}

export const damages: readonly Cause[] = [
  damage(
    'a route is deleted',
    ip(({ subnet }) => ['route', 'del', subnet]),
  ),
  damage(
    'a route is replaced',
    ip(({ subnet }) => ['route', 'replace', 'blackhole', subnet, 'proto', '115']),
  ),
  damage('all our routes are deleted', deleteRoutes),
  damage(
    'an ARP entry is deleted',
    ip(({ vtep, dev }) => ['neighbour', 'del', vtep, 'dev', dev]),
  ),
  damage(
    'an ARP entry is changed',
    ip(({ vtep, dev }) => ['neighbour', 'replace', vtep, 'lladdr', '02:bb:bb:bb:bb:bb', 'dev', dev]),
  ),
  damage('an FDB entry is deleted', deleteFdb),
  damage('an FDB entry is changed', misleadFdb),
  damage('a nexthop is deleted', deleteNexthop),
  damage(
    'the device is set down',
    ip(({ dev }) => ['link', 'set', dev, 'down']),
  ),
  damage('the device is set down and up', ({ host, dev }) =>
    host.ns.ipBatch([`link set ${dev} down`, `link set ${dev} up`]),
  ),
  damage(
    "the device's MAC is changed",
    ip(({ dev }) => ['link', 'set', dev, 'address', '02:00:00:00:be:ef']),
  ),
  damage(
    "the device's MTU is changed",
    ip(({ dev }) => ['link', 'set', dev, 'mtu', '1300']),
    false,
  ),
  damage(
    "the device's mark is taken off",
    ip(({ dev }) => ['link', 'set', dev, 'alias', '']),
    false,
  ),
  damage(
    "the device's address is deleted",
    ({ host, dev }) => host.ip('address', 'flush', 'dev', dev, 'scope', 'global'),
    false,
  ),
  damage(
    'the device is deleted',
    ip(({ dev }) => ['link', 'del', dev]),
  ),
  damage('subnet.env is overwritten', editFile, false),
  damage('subnet.env is deleted', async ({ host }) => unlinkSync(host.subnetFile), false),
  { name: 'the disk is full while subnet.env is spoilt', costs: false, act: fillDisk },
];
