/**
 * Owns what happens to the store, to the ways to it, and to what is in it: cut off, without a leader, compacted, wiped, restored from a backup;
 * answers lost and writes late; leases deleted or overwritten by hand.
 */
import { CONFIG_KEY, keyFor } from '../../helpers/store.ts';
import type { Fleet } from '../fleet.ts';
import type { SimulatedHost } from '../host.ts';
import type { Random } from '../random.ts';
import type { Fault } from './fault.ts';

function cutHost(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  const how = random.pick(['loud', 'silent'] as const);
  const ms = random.between(200, 45_000);
  cut(fleet, [host], how, ms);
  return `${host.name} is cut off from the store (${how}) for ${(ms / 1000).toFixed(1)} s`;
}

function cutAll(fleet: Fleet, random: Random): string {
  const how = random.pick(['loud', 'silent'] as const);
  const ms = random.between(200, 45_000);
  cut(fleet, fleet.hosts, how, ms);
  return `the store is away (${how}) for ${(ms / 1000).toFixed(1)} s`;
}

function cut(fleet: Fleet, hosts: readonly SimulatedHost[], how: 'loud' | 'silent', ms: number): void {
  for (const host of hosts) {
    host.uplink.cut = how;
    host.life?.connection.broken();
  }
  fleet.later(ms, () => {
    for (const host of hosts) host.uplink.cut = undefined;
  });
}

function slow(fleet: Fleet, random: Random): string {
  const hosts = random.chance(0.5) ? fleet.hosts : [random.pick(fleet.members)];
  const ms = random.between(100, 3000);
  for (const host of hosts) host.uplink.slowest = ms;
  fleet.later(random.between(5000, 60_000), () => {
    for (const host of hosts) host.uplink.slowest = 20;
  });
  return `the way to the store takes up to ${ms.toFixed(0)} ms for ${hosts.length === 1 ? hosts[0]!.name : 'all'}`;
}

function loseAnswer(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  host.uplink.losesAnswer = true;
  return `the answer to the next write of ${host.name} will be lost`;
}

/** A write that comes when its writer has long given it up, or died. */
function beLate(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  host.uplink.lateBy = random.between(100, 20_000);
  return `the next write of ${host.name} will be ${(host.uplink.lateBy / 1000).toFixed(1)} s late`;
}

function endWatches(fleet: Fleet): string {
  fleet.store.endWatches('noLeader');
  return 'the store changes its leader';
}

function compact(fleet: Fleet): string {
  fleet.store.compact();
  return 'the store is compacted';
}

/** All it knew is gone; somebody puts the config again. */
function wipe(fleet: Fleet, random: Random): string {
  fleet.excuses.forgetful();
  fleet.store.wipe();
  const ms = random.chance(0.5) ? 0 : random.between(0, 15_000);
  fleet.later(ms, () => {
    if (!fleet.store.get(CONFIG_KEY)) fleet.store.put(CONFIG_KEY, fleet.config);
  });
  return `the store is wiped, and has a config again ${(ms / 1000).toFixed(1)} s later`;
}

/** To what it was at the last backup: some seconds ago, or at the last peace. */
function restore(fleet: Fleet, random: Random): string {
  const { backup, store } = fleet;
  const before = new Map(store.all().map(({ key, value }) => [key, value]));
  fleet.excuses.forgetful();
  const isSame = random.chance(0.5);
  // Of a store that was wiped since, and has come no further: nobody can tell the one from the other.
  if (isSame && backup.revision >= store.revision) fleet.excuses.everybody('the restored store looks like a later one');
  store.restore(backup, isSame ? store.clusterId : `${store.clusterId}'`);
  const now = new Map(store.all().map(({ key, value }) => [key, value]));
  if (store.get(CONFIG_KEY)?.value !== fleet.config)
    fleet.excuses.everybody('the store was restored to an earlier config');
  // Whose lease it has otherwise than it was is told of as it once was.
  for (const host of fleet.hosts) {
    const seat = fleet.seatOf(host);
    const key = seat && keyFor(seat);
    if (key !== undefined && now.has(key) && now.get(key) !== before.get(key))
      fleet.excuses.of(host, 'the store was restored to what its lease was before');
  }
  const config = store.get(CONFIG_KEY)?.value;
  // One that was junk when the backup was made is put right at the end, as junk is.
  if (config !== undefined && !JUNK_CONFIGS.includes(config)) fleet.configIs(config);
  return 'the store is restored from a backup';
}

function backUp(fleet: Fleet): string {
  fleet.backup = fleet.store.backup();
  return 'the store is backed up';
}

function deleteLease(fleet: Fleet, random: Random): string | undefined {
  const host = random.pick(fleet.members);
  const lease = fleet.leaseOf(host);
  if (!lease) return undefined;
  fleet.excuses.of(host, 'its lease was deleted');
  fleet.excuses.forgetful();
  fleet.store.delete(lease.key);
  return `the lease of ${host.name} (${lease.key}) is deleted by hand`;
}

/** It doesn't say what it must: what is there for it stays, and its owner puts it right. */
function spoilLease(fleet: Fleet, random: Random): string | undefined {
  const host = random.pick(fleet.members);
  const lease = fleet.leaseOf(host);
  if (!lease) return undefined;
  const junk = random.pick(['junk', '{"PublicIP":7}', '{"PublicIP":"192.0.2.1"', '']);
  fleet.store.put(lease.key, junk);
  fleet.atPeace(() => {
    // Unless its owner has put it right; or left it: a process without memory can't know it for its own.
    if (fleet.store.get(lease.key)?.value !== junk) return;
    if (fleet.leaseOf(host)?.key === lease.key) fleet.store.put(lease.key, lease.value);
    else fleet.store.delete(lease.key);
  });
  return `the lease of ${host.name} (${lease.key}) is overwritten with junk`;
}

const JUNK_CONFIGS = ['junk', '{"Network":"10.5.0.0/99"}'];

function spoilConfig(fleet: Fleet, random: Random): string {
  const isDeleted = random.chance(0.4);
  if (isDeleted) fleet.store.delete(CONFIG_KEY);
  else fleet.store.put(CONFIG_KEY, random.pick(JUNK_CONFIGS));
  fleet.later(random.between(100, 20_000), () => fleet.store.put(CONFIG_KEY, fleet.config));
  return `the config is ${isDeleted ? 'deleted' : 'overwritten with junk'} for a while`;
}

/** Keys that are nobody's lease, and leases of hosts that never were. */
function litter(fleet: Fleet, random: Random): string {
  const n = 240 + random.below(8);
  const value = random.pick([
    'junk',
    '{"PublicIP":"198.51.100.7","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:dd:00:00:00:01"}}',
  ]);
  const key = random.pick([
    keyFor(`10.5.${n}.0/24`),
    keyFor(`10.5.${n}.7/24`),
    keyFor('0.0.0.0/0'),
    `${keyFor('x')}/y`,
  ]);
  if (fleet.store.get(key)) return `${key} is there already`;
  fleet.store.putFor(key, value, 20 + random.below(60));
  fleet.atPeace(() => fleet.store.delete(key));
  return `${key} is put by hand: ${value}`;
}

export const storeFaults: readonly Fault[] = [
  { name: 'cut', weight: 4, strike: cutHost },
  { name: 'outage', weight: 2, strike: cutAll },
  { name: 'slow', weight: 2, strike: slow },
  { name: 'lost-answer', weight: 3, strike: loseAnswer },
  { name: 'late-write', weight: 3, strike: beLate },
  { name: 'leader', weight: 2, strike: endWatches },
  { name: 'compact', weight: 2, strike: compact },
  { name: 'wipe', weight: 2, strike: wipe },
  { name: 'backup', weight: 1, strike: backUp },
  { name: 'restore', weight: 2, strike: restore },
  { name: 'delete-lease', weight: 2, strike: deleteLease },
  { name: 'spoil-lease', weight: 3, strike: spoilLease },
  { name: 'spoil-config', weight: 2, strike: spoilConfig },
  { name: 'litter', weight: 2, strike: litter },
];
