/** Owns what a daemon that nothing happens to costs, and that `selvage drift` beside it writes nothing. */
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Figure } from './figures.ts';
import { cpuTime, peakMemory } from './process.ts';
import type { Running } from './running.ts';

/** `limits`: percent of a core, MB. */
export async function idle(
  running: Running,
  seconds: number,
  limits: { cpu?: number; memory?: number },
): Promise<Figure[]> {
  const [cpu, start] = [cpuTime(running.daemon.pid), performance.now()];
  await sleep(seconds * 1000);
  const percent = ((cpuTime(running.daemon.pid) - cpu) / (performance.now() - start)) * 100;
  const peers = running.peers.toLocaleString('en');
  return [
    {
      what: `CPU of an idle daemon, ${peers} peers`,
      value: percent,
      unit: '%',
      limit: limits.cpu,
      how: `of one core, over ${seconds} s, ${seconds > 60 ? 'a full pass among them' : 'maybe without a full pass'}`,
    },
    {
      what: `peak memory of the daemon, ${peers} peers`,
      value: peakMemory(running.daemon.pid),
      unit: 'MB',
      limit: limits.memory,
      how: 'VmHWM',
    },
  ];
}

/** Counts what differs after `selvage drift` on a host in sync: its network, its subnet.env, etcd's revision. */
export async function driftWritesNothing(running: Running): Promise<Figure> {
  const { host, lab } = running;
  const look = async () => {
    const { ino, mtimeMs, ctimeMs } = statSync(host.subnetFile);
    return [await host.dump(), await lab.revision(), `${ino} ${mtimeMs} ${ctimeMs}`];
  };
  const before = await look();
  const { code, stdout, stderr } = await host.selvage(['drift', '--format=json']);
  if (code !== 0)
    throw new Error(`selvage drift on a host in sync: exit ${code}\n${stdout.slice(0, 2000)}\n${stderr.slice(-1000)}`);
  const after = await look();
  const changed = before.filter((value, index) => value !== after[index]).length;
  return {
    what: 'selvage drift on a host in sync: things written',
    value: changed,
    unit: '',
    limit: 0,
    how: 'dump, subnet.env, etcd revision',
  };
}
