/** Owns what goes wrong between an agent and its kernel: writes that fail or lie, dumps that are torn, events that don't come as they were sent. */
import { scopeOf } from '../../../reconciler/contracts/scope.ts';
import { idOf } from '../../../reconciler/kinds/index.ts';
import type { Fleet } from '../fleet.ts';
import { SUBNET_FILE } from '../host.ts';
import type { Random } from '../random.ts';
import type { Fault } from './fault.ts';

/** The next change of something of its. */
function refuse(fleet: Fleet, random: Random, how: 'refused' | 'lied about'): string | undefined {
  const host = random.pick(fleet.members);
  const mine = host.kernel.select(
    (have) => have.kind === 'route' || have.kind === 'nexthop' || have.kind === 'fdb' || have.kind === 'link',
  );
  // A device that is not there yet, now and then: the one that the next move is to build.
  const next = random.pick([
    'link flannel.1',
    'link flannel.2',
    'link flannel.3',
    'link flannel.4',
    `file ${SUBNET_FILE}`,
  ]);
  const id = random.chance(0.4) || mine.length === 0 ? next : idOf(random.pick(mine));
  // What was said to be there is stood on until it is read back, at the end of the round.
  if (how === 'lied about') fleet.excuses.of(host, 'its kernel lied');
  host.disturbance.faults.set(
    id,
    how === 'lied about' ? 'lie' : { kind: 'transient', code: 'EBUSY', message: 'The kernel is busy.' },
  );
  return `the next change of ${id} on ${host.name} will be ${how}`;
}

function tear(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  const kind = random.pick(['fdb', 'route', 'neighbour', 'link', 'nexthop'] as const);
  host.disturbance.hides = (have) => have.kind === kind && !(have.kind === 'link' && have.name === 'eth0');
  fleet.later(random.between(500, 20_000), () => {
    host.disturbance.hides = undefined;
  });
  return `listings on ${host.name} are torn: no ${kind}`;
}

function disturbEvents(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  const how = random.pick(['lost', 'doubled', 'reversed'] as const);
  host.disturbance.delivery = how;
  fleet.later(random.between(500, 60_000), () => {
    host.disturbance.delivery = 'faithful';
  });
  return `the kernel's events on ${host.name} are ${how}`;
}

/** Edges about nothing: they say where to look, never what is there. */
function falseAlarm(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  const scope = random.pick([
    { all: true },
    { links: ['flannel.1'] },
    { links: ['eth0'] },
    { kinds: ['route' as const] },
  ]);
  for (let times = 1 + random.below(5); times > 0; times--) host.kernel.emit(scopeOf(scope));
  return `false alarms on ${host.name}`;
}

export const kernelFaults: readonly Fault[] = [
  { name: 'refuse', weight: 2, strike: (fleet, random) => refuse(fleet, random, 'refused') },
  { name: 'lie', weight: 2, strike: (fleet, random) => refuse(fleet, random, 'lied about') },
  { name: 'tear', weight: 2, strike: tear },
  { name: 'events', weight: 2, strike: disturbEvents },
  { name: 'alarm', weight: 1, strike: falseAlarm },
];
