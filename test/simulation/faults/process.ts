/** Owns what happens to an agent's process: killed, at any moment and between any two writes; stopped; restarted; given another clock; beside another. */
import type { Fleet } from '../fleet.ts';
import type { Random } from '../random.ts';
import type { Fault } from './fault.ts';

/** Mostly at once, as systemd does it; sometimes somebody has to come. */
const downTime = (random: Random): number =>
  random.chance(0.8) ? random.between(10, 2000) : random.between(2000, 90_000);

function kill(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  host.kill();
  host.startIn(downTime(random));
  return `SIGKILL on ${host.name}`;
}

function killAtWrite(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  host.disturbance.killAfter = random.below(12);
  return `${host.name} will be killed after ${host.disturbance.killAfter} writes`;
}

function restart(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  host.restart(downTime(random));
  return `SIGTERM on ${host.name}`;
}

function restartAll(fleet: Fleet, random: Random): string {
  for (const host of fleet.members) {
    if (random.chance(0.5)) host.kill();
    host.startIn(random.between(10, 3000));
    host.restart(random.between(10, 3000));
  }
  return 'all hosts are restarted, as by an upgrade';
}

function stop(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  const ms = random.between(500, 40_000);
  if (host.life) host.life.process.stoppedUntil = fleet.time.now() + ms;
  return `SIGSTOP on ${host.name} for ${(ms / 1000).toFixed(1)} s`;
}

function beside(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  fleet.excuses.besides(host);
  void host.once();
  return `selvage --once on ${host.name}`;
}

function setClock(fleet: Fleet, random: Random): string {
  const host = random.pick(fleet.members);
  host.clockOffset = Math.round(random.between(-600_000, 600_000));
  if (host.life) host.life.process.clockOffset = host.clockOffset;
  fleet.excuses.jumped(host);
  return `the clock of ${host.name} is set to ${host.clockOffset} ms beside the truth`;
}

function join(fleet: Fleet, random: Random): string | undefined {
  const hosts = fleet.latecomers.slice(0, random.chance(0.5) ? 1 : undefined);
  for (const host of hosts) {
    host.startIn(random.between(0, 100));
    host.isMember = true;
  }
  return hosts.length ? `${hosts.map(({ name }) => name).join(', ')} joins` : undefined;
}

/** Its machine is gone; its lease stays until somebody deletes it, or its term ends. */
function leave(fleet: Fleet, random: Random): string | undefined {
  if (fleet.members.length <= 3) return undefined;
  const host = random.pick(fleet.members);
  fleet.excuses.of(host, 'it is gone');
  host.leaveFleet();
  fleet.later(random.between(0, 30_000), () => fleet.forget(host));
  return `${host.name} is gone for good`;
}

export const processFaults: readonly Fault[] = [
  { name: 'kill', weight: 4, strike: kill },
  { name: 'kill-at-write', weight: 5, strike: killAtWrite },
  { name: 'restart', weight: 3, strike: restart },
  { name: 'restart-all', weight: 1, strike: restartAll },
  { name: 'stop', weight: 2, strike: stop },
  { name: 'once', weight: 2, strike: beside },
  { name: 'clock', weight: 1, strike: setClock },
  { name: 'join', weight: 4, fits: ({ late }) => late > 0, strike: join },
  { name: 'leave', weight: 1, fits: ({ hosts }) => hosts > 3, strike: leave },
];
