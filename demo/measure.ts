/** Owns one break: does it, waits until the host is as it should be, and tells how long that took and what the daemon reported. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from '../reconciler/contracts/report.ts';
import type { Daemon } from '../test/helpers/daemon.ts';
import { eventually } from '../test/helpers/eventually.ts';
import type { KernelMonitor } from '../test/helpers/monitor.ts';
import { overlayOf } from '../test/helpers/overlay.ts';
import type { Break, Scene } from './breaks.ts';

export interface Repair {
  /** Milliseconds from the kernel's announcement of the break (for etcd: from sending the write) to that of the last repair. */
  ms: number;
  drift: Report['drift'];
}

export async function measure(each: Break, scene: Scene, daemon: Daemon, monitor: KernelMonitor): Promise<Repair> {
  const before = await overlayOf(scene.host);
  const content = readFileSync(scene.host.subnetFile, 'utf8');
  const [mark, logged] = [monitor.mark(), daemon.mark()];
  const start = performance.now();
  const written = await each.act(scene);
  const ms = each.file ? await untilFile(scene, content, start) : undefined;
  const { until = (overlay: string) => overlay === before } = each;
  await eventually(async () => until(await overlayOf(scene.host), scene), { what: `the repair after "${each.what}"` });
  const drift = await eventually(() => driftOf(daemon.log().slice(logged)), { what: 'the report of the repair' });
  return { ms: ms ?? kernelTime(monitor, mark, written?.sentAt), drift };
}

async function untilFile({ host }: Scene, content: string, start: number): Promise<number> {
  while (readFileSync(host.subnetFile, 'utf8') !== content) {
    if (performance.now() - start > 15_000) throw new Error(`waited 15 s for ${host.subnetFile} to be repaired`);
    await sleep(1);
  }
  return performance.now() - start;
}

function kernelTime(monitor: KernelMonitor, mark: number, sentAt?: number): number {
  const events = monitor.since(mark);
  // A link's state is announced once more, up to a second later, when the kernel's link watch gets to it.
  const changes = events.filter(({ text }) => !text.startsWith('[LINK]'));
  const [first, last] = [events[0], changes.at(-1) ?? events.at(-1)];
  if (!first || !last) throw new Error('the kernel announced nothing');
  return last.at - (sentAt ?? first.at);
}

/** What the daemon's log says it found, of all rounds; undefined while it says nothing. */
function driftOf(log: string): Report['drift'] | undefined {
  const entries = log.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return [];
    const { round } = JSON.parse(line) as { round?: { drift: Report['drift'] } };
    return round?.drift ?? [];
  });
  return entries.length > 0 ? entries : undefined;
}
