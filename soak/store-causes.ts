/** Owns what happens to the etcd of three members, and to the way to it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Etcd } from '../test/helpers/etcd.ts';
import { eventually } from '../test/helpers/eventually.ts';
import { PREFIX } from '../test/helpers/lab.ts';
import type { Random } from '../test/simulation/random.ts';
import type { Bed } from './bed.ts';
import type { Cause } from './cause.ts';

const anyMember = (bed: Bed, random: Random): Etcd => random.pick(bed.lab.members);

/** On a busy machine a member may take longer to answer than its helper waits. */
async function startAgain(member: Etcd): Promise<void> {
  await member.start().catch(() =>
    eventually(() => member.etcdctl('endpoint', 'health').then(() => true), {
      what: `etcd ${member.endpoint} to be up again`,
      timeout: 120_000,
    }),
  );
}

async function killMember(bed: Bed, random: Random): Promise<void> {
  const member = anyMember(bed, random);
  await member.kill();
  await sleep(random.between(0, 5000));
  await startAgain(member);
}

async function muteMember(bed: Bed, random: Random): Promise<void> {
  const { pid } = anyMember(bed, random);
  process.kill(pid!, 'SIGSTOP');
  try {
    await sleep(random.between(1000, 15_000));
  } finally {
    process.kill(pid!, 'SIGCONT');
  }
}

async function stopAll(bed: Bed, random: Random): Promise<void> {
  const { members } = bed.lab;
  await Promise.all(members.map((member) => member.stop()));
  await sleep(random.between(1000, 15_000));
  await Promise.all(members.map(startAgain));
}

async function compact(bed: Bed): Promise<void> {
  await bed.lab.etcd.etcdctl('compact', String(await bed.lab.revision()));
}

async function cutHost(bed: Bed, random: Random): Promise<void> {
  const host = random.pick(bed.hosts);
  const address = new URL(bed.lab.etcd.endpoint).hostname;
  await host.ip('route', 'add', 'blackhole', `${address}/32`);
  try {
    await sleep(random.between(1000, 20_000));
  } finally {
    await host.ip('route', 'del', 'blackhole', `${address}/32`);
  }
}

async function spoilLease(bed: Bed, random: Random): Promise<void> {
  const [key] = random.pick([...(await bed.lab.leases())]);
  await bed.lab.put(key, 'junk');
}

async function deleteLease(bed: Bed, random: Random): Promise<void> {
  const [key] = random.pick([...(await bed.lab.leases())]);
  await bed.lab.delete(key);
}

/** The config is junk, or gone, for a while. */
async function spoilConfig(bed: Bed, random: Random): Promise<void> {
  const key = `${PREFIX}/config`;
  const before = await bed.lab.get(key);
  if (random.chance(0.5)) await bed.lab.put(key, '{"Network":');
  else await bed.lab.delete(key);
  await sleep(random.between(500, 5000));
  await bed.lab.put(key, before);
}

const move =
  (...configs: object[]) =>
  async (bed: Bed, random: Random): Promise<void> => {
    const now = await bed.lab.get(`${PREFIX}/config`);
    const others = configs.filter((config) => JSON.stringify(config) !== now);
    await bed.lab.putConfig(random.pick(others));
    await eventually(async () => (await bed.lab.get(`${PREFIX}/config`)) !== now, { what: 'the config to be put' });
  };

const network = (backend: object) => ({ Network: '10.5.0.0/16', Backend: backend });

export const storeCauses: readonly Cause[] = [
  { name: 'an etcd member is killed', costs: false, act: killMember },
  { name: 'an etcd member falls silent (SIGSTOP)', costs: false, act: muteMember },
  { name: 'all etcd members are stopped', costs: false, act: stopAll },
  { name: 'etcd is compacted', costs: false, act: compact },
  { name: 'a host is cut off from etcd', costs: false, act: cutHost },
  { name: 'a lease is overwritten with junk', costs: false, act: spoilLease },
  // Who is told that a peer is gone takes its routes away, until it is back.
  { name: 'a lease is deleted', costs: true, act: deleteLease },
  { name: 'the config is spoilt for a while', costs: false, act: spoilConfig },
  {
    name: 'the network moves to another VNI',
    costs: false,
    act: move(network({ Type: 'vxlan' }), network({ Type: 'vxlan', VNI: 2 })),
  },
  {
    name: 'the network moves between vxlan and host-gw',
    costs: false,
    act: move(network({ Type: 'host-gw' }), network({ Type: 'vxlan' })),
  },
  {
    name: 'DirectRouting is switched',
    costs: false,
    act: move(network({ Type: 'vxlan', DirectRouting: true }), network({ Type: 'vxlan' })),
  },
];
