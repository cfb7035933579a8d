/** Owns what happens to selvage's and Docker's processes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Daemon } from '../test/helpers/daemon.ts';
import type { Random } from '../test/simulation/random.ts';
import type { Bed } from './bed.ts';
import type { Cause } from './cause.ts';

const again = (end: (daemon: Daemon) => Promise<unknown>) => async (bed: Bed, random: Random) => {
  const host = random.pick(bed.hosts);
  await end(bed.daemons.get(host)!);
  await sleep(random.between(0, 2000));
  bed.startDaemon(host);
};

async function killAll(bed: Bed): Promise<void> {
  await Promise.all([...bed.daemons.values()].map((daemon) => daemon.kill()));
  for (const host of bed.hosts) bed.startDaemon(host);
}

async function stopAndContinue(bed: Bed, random: Random): Promise<void> {
  const daemon = bed.daemons.get(random.pick(bed.hosts))!;
  daemon.signal('SIGSTOP');
  await sleep(random.between(1000, 8000));
  daemon.signal('SIGCONT');
}

async function repairBeside(bed: Bed, random: Random): Promise<void> {
  await random.pick(bed.hosts).selvage(['--once']);
}

export const processCauses: readonly Cause[] = [
  { name: 'selvage is restarted (SIGTERM)', costs: false, act: again((daemon) => daemon.stop()) },
  { name: 'selvage is killed (SIGKILL)', costs: false, act: again((daemon) => daemon.kill()) },
  { name: 'selvage is killed on all hosts', costs: false, act: killAll },
  { name: 'selvage is stopped (SIGSTOP)', costs: false, act: stopAndContinue },
  { name: 'selvage --once runs beside it', costs: false, act: repairBeside },
  {
    name: 'dockerd is restarted',
    // It takes docker0's address off and puts it on again.
    costs: true,
    fits: ({ docker }) => docker !== undefined,
    act: async ({ docker }) => {
      const { execFile } = await import('node:child_process');
      await new Promise<void>((resolve) => void execFile(docker!.restartCommand, () => resolve()));
    },
  },
];
