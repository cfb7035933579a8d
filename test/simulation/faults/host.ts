/** Owns what somebody does to a host by hand: things deleted, changed, put where they don't belong; and what its administrator does to its address. */
import { scopeOf } from '../../../reconciler/contracts/scope.ts';
import { type Have, idOf, type Link, SELVAGE_PROTOCOL } from '../../../reconciler/kinds/index.ts';
import { Errno, type ModelKernel } from '../../helpers/model-kernel.ts';
import type { Fleet } from '../fleet.ts';
import { addressAt, factsAt, type SimulatedHost, SUBNET_FILE } from '../host.ts';
import type { Random } from '../random.ts';
import type { Fault } from './fault.ts';

/** What of ours is on a host. */
function ours({ kernel }: SimulatedHost, kinds: readonly Have['kind'][]): Have[] {
  return kernel.select((have) => {
    if (!kinds.includes(have.kind)) return false;
    if (have.kind === 'link') return have.alias?.startsWith('selvage:/coreos') ?? false;
    if (have.kind === 'file') return have.path === SUBNET_FILE;
    if (have.kind === 'address' || have.kind === 'fdb') return /^flannel\.[1-8]$/.test(have.dev);
    return (
      (have.kind === 'route' || have.kind === 'nexthop' || have.kind === 'neighbour') &&
      have.protocol === SELVAGE_PROTOCOL &&
      !have.dev.endsWith('.9')
    );
  });
}

/** As `ip` or `bridge` would, and refused as they would be. */
function byHand(what: () => void): void {
  try {
    what();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
  }
}

function remove(kernel: ModelKernel, have: Have): void {
  if (have.kind === 'link') kernel.deleteLink(have.name);
  else if (have.kind === 'address') kernel.deleteAddress(have);
  else if (have.kind === 'neighbour') kernel.deleteNeighbour(have);
  else if (have.kind === 'fdb') kernel.deleteFdb(have);
  else if (have.kind === 'nexthop') kernel.deleteNexthop(have.id);
  else if (have.kind === 'route') kernel.deleteRoute(have);
  else if (have.kind === 'file') kernel.deleteFile(have.path);
}

/** Within which a device that was damaged is mended, ms: by then whatever is lost is the product's doing. */
const MENDED_MS = 1000;

function excuseDamage(fleet: Fleet, host: SimulatedHost): void {
  const end = fleet.excuses.damaged(host);
  // Without an agent nobody mends it.
  if (host.life) fleet.later(MENDED_MS, end);
}

const KINDS = ['route', 'neighbour', 'fdb', 'nexthop', 'address', 'link', 'file'] as const;

function deleteSome(fleet: Fleet, random: Random): string | undefined {
  const host = random.pick(fleet.members);
  const kind = random.pick(KINDS);
  const all = ours(host, [kind]);
  const some = random.chance(0.2) ? all : all.slice(0, 1 + random.below(2));
  for (const have of some) byHand(() => remove(host.kernel, have));
  if (kind === 'link' && some.length > 0) excuseDamage(fleet, host);
  return some.length ? `${some.map(idOf).join(', ')} on ${host.name} deleted by hand` : undefined;
}

function spoilDevice(fleet: Fleet, random: Random): string | undefined {
  const host = random.pick(fleet.members);
  const link = ours(host, ['link']).at(-1) as Link | undefined;
  if (!link) return undefined;
  const change = random.pick([
    { up: false },
    { mac: '02:aa:aa:aa:aa:aa' },
    { mtu: 1300 },
    { vxlan: { learning: true } },
  ]);
  byHand(() => host.kernel.setLink(link.name, change));
  excuseDamage(fleet, host);
  return `${link.name} on ${host.name}: ${JSON.stringify(change)} by hand`;
}

/** An entry or a route that leads elsewhere. */
function mislead(fleet: Fleet, random: Random): string | undefined {
  const host = random.pick(fleet.members);
  const all = ours(host, ['route', 'neighbour', 'fdb', 'nexthop']);
  if (all.length === 0) return undefined;
  const have = random.pick(all);
  byHand(() => {
    if (have.kind === 'neighbour') host.kernel.setNeighbour({ ...have, mac: '02:bb:bb:bb:bb:bb' }, 'replace');
    if (have.kind === 'fdb') host.kernel.setFdb({ ...have, dst: '198.51.100.99' }, 'replace');
    if (have.kind === 'nexthop') host.kernel.setNexthop({ ...have, gateway: '10.5.251.0' }, 'replace');
    if (have.kind === 'route')
      host.kernel.setRoute({ ...have, nexthopId: 0, dev: 'eth0', gateway: '192.168.64.1', onlink: false }, 'replace');
  });
  return `${idOf(have)} on ${host.name} made to lead elsewhere`;
}

/** What an earlier agent left for a peer that is gone. */
function leaveStale(fleet: Fleet, random: Random): string | undefined {
  const host = random.pick(fleet.members);
  const link = ours(host, ['link']).at(-1) as Link | undefined;
  if (!link) return undefined;
  const ip = `10.5.${250 + random.below(4)}.0`;
  const way = { dev: link.name, gateway: ip, onlink: true, protocol: SELVAGE_PROTOCOL, plain: true };
  const mac = '02:cc:cc:cc:cc:cc';
  byHand(() =>
    host.kernel.setNeighbour(
      { kind: 'neighbour', dev: link.name, ip, mac, permanent: true, protocol: SELVAGE_PROTOCOL },
      'create',
    ),
  );
  byHand(() =>
    host.kernel.setFdb(
      { kind: 'fdb', dev: link.name, mac, dst: '198.51.100.98', permanent: true, plain: true },
      'create',
    ),
  );
  byHand(() =>
    host.kernel.setRoute(
      { kind: 'route', table: 254, dst: `${ip}/24`, tos: 0, metric: 0, nexthopId: 0, type: 'unicast', ...way },
      'create',
    ),
  );
  return `leftovers of ${ip}/24 on ${host.name}`;
}

/** A stranger's route where a peer's is to be; it is there until peace. */
function standInTheWay(fleet: Fleet, random: Random): string | undefined {
  const host = random.pick(fleet.members);
  const all = ours(host, ['route']);
  if (all.length === 0) return undefined;
  const have = random.pick(all);
  if (have.kind !== 'route') return undefined;
  const stranger = { ...have, nexthopId: 0, dev: 'eth0', gateway: '192.168.64.1', onlink: false, protocol: 4 };
  byHand(() => host.kernel.setRoute(stranger, 'replace'));
  fleet.atPeace(() => byHand(() => host.kernel.deleteRoute(stranger)));
  return `a stranger's route to ${have.dst} on ${host.name}`;
}

/** @returns its new address */
function newAddress(fleet: Fleet, host: SimulatedHost): string {
  const before = host.facts.interfaces[0]!.addresses;
  const next = addressAt(host.index + 300 * fleet.next(), host.segment);
  const entry = { address: `${next}/20`, scope: 'global', permanent: true, deprecated: false };
  setAddresses(fleet, host, [...before.map((one) => ({ ...one, deprecated: true })), entry]);
  return next;
}

function setAddresses(
  fleet: Fleet,
  host: SimulatedHost,
  addresses: SimulatedHost['facts']['interfaces'][0]['addresses'],
): void {
  const facts = factsAt(host.index, host.segment);
  host.facts = { ...facts, interfaces: facts.interfaces.map((one) => ({ ...one, addresses })) };
  fleet.network.addressesChanged();
  host.kernel.emit(scopeOf({ links: ['eth0'] }));
}

/** Time for everybody to have heard of a new address before the old one goes, ms. */
const OVERLAP_MS = 15_000;

function readdress(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  const next = newAddress(fleet, host);
  const last = (): void => setAddresses(fleet, host, host.facts.interfaces[0]!.addresses.slice(-1));
  // A process that starts knows its lease over a changed address by its device's MAC alone; and one that is down says nothing of it.
  fleet.excuses.moving();
  if (random.chance(0.5)) {
    last();
    fleet.excuses.of(host, 'its address was changed at once');
    return `${host.name} has ${next} at once`;
  }
  if (fleet.isTroubled) fleet.excuses.of(host, 'its address was changed while other things were going on');
  fleet.later(OVERLAP_MS, last);
  return `${host.name} has ${next} too, and soon nothing else`;
}

export const hostFaults: readonly Fault[] = [
  { name: 'delete', weight: 6, strike: deleteSome },
  { name: 'spoil-device', weight: 3, strike: spoilDevice },
  { name: 'mislead', weight: 3, strike: mislead },
  { name: 'leftovers', weight: 2, strike: leaveStale },
  { name: 'stranger', weight: 2, strike: standInTheWay },
  { name: 'readdress', weight: 2, strike: readdress },
];
