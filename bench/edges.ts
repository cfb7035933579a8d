/**
 * Owns how long an edge takes, the clock being the kernel's announcement as `ip monitor` hears it and the write's own time: a lease put →
 * its route, beside a bare watcher's, in alternation; a route deleted → back; and a storm of leases that change.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fakePeer } from '../test/helpers/leases.ts';
import type { Figure } from './figures.ts';
import { type Followed, Running } from './running.ts';
import { median, percentile } from './statistics.ts';

const preload = fileURLToPath(new URL('./loop-delay.cjs', import.meta.url));
/** The first few warm it up. */
const WARM_UP = 5;

/** In alternation, a little apart, so that no round meets the last one's echo. */
async function samples(times: number, measures: (() => Promise<number>)[]): Promise<number[][]> {
  const found = measures.map((): number[] => []);
  for (let round = 0; round < times + WARM_UP; round++) {
    for (const [index, measure] of measures.entries()) {
      await sleep(20 + Math.random() * 30);
      const value = await measure();
      if (round >= WARM_UP) found[index]!.push(value);
    }
  }
  return found;
}

/** Starts them, uses them, and stops them in any case. */
async function withAll<T>(what: readonly Followed[], use: (running: Running[]) => Promise<T>): Promise<T> {
  const running: Running[] = [];
  try {
    for (const each of what) running.push(await Running.start(each));
    return await use(running);
  } finally {
    for (const each of running) await each.stop();
  }
}

/** A lease's edge with few and with many peers, beside a bare watcher. */
export function leaseEdges(api: 'v2' | 'v3', times: number): Promise<Figure[]> {
  const [few, many] = [64, 4096];
  return withAll(
    [
      { peers: few, api },
      { peers: many, api },
      { peers: few, api, bare: true },
    ],
    async (all) => {
      const [atFew, atMany, bare] = (await samples(
        times,
        all.map((running) => () => running.putToRoute()),
      )) as [number[], number[], number[]];
      const how = (values: number[]) =>
        `p95 ${percentile(values, 95).toFixed(1)}, p99 ${percentile(values, 99).toFixed(1)} ms, ${values.length} samples`;
      const figure = (peers: number, values: number[]): Figure => ({
        what: `lease put → route, ${api}, ${peers.toLocaleString('en')} peers, p50`,
        value: median(values),
        unit: 'ms',
        how: how(values),
      });
      const ratio = (what: string, value: number, limit: number): Figure => ({
        what,
        value,
        unit: '×',
        limit,
        how: 'of the p50',
      });
      return [
        { what: `lease put → route, ${api}, a bare watcher, p50`, value: median(bare), unit: 'ms', how: how(bare) },
        figure(few, atFew),
        figure(many, atMany),
        ratio(`the same, ${api}, 64 peers against the bare watcher`, median(atFew) / median(bare), 1.25),
        ratio(`the same, ${api}, 4,096 against 64 peers`, median(atMany) / median(atFew), 1.1),
        {
          what: `the same, ${api}, 4,096 peers, p99 against p50`,
          value: percentile(atMany, 99) / median(atMany),
          unit: '×',
          limit: 4,
          how: `the bare watcher's: ${(percentile(bare, 99) / median(bare)).toFixed(2)} ×`,
        },
      ];
    },
  );
}

export async function routeBack(running: Running, times: number): Promise<Figure> {
  let index = 0;
  const [back] = (await samples(times, [() => running.deleteToBack(index++ % running.peers)])) as [number[]];
  return {
    what: `route deleted by hand → back, ${running.peers.toLocaleString('en')} peers, p50`,
    value: median(back),
    unit: 'ms',
    limit: 0.8,
    how: `p95 ${percentile(back, 95).toFixed(1)} ms, ${back.length} samples`,
  };
}

const STORM = 1000;

/** Leases of a thousand peers name another host each, as fast as etcd takes them. */
export async function storm(peers: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-bench-'));
  const delayFile = join(folder, 'delay');
  const env = { NODE_OPTIONS: `--require=${preload}`, SELVAGE_BENCH_DELAY: delayFile };
  try {
    return await withAll([{ peers, env }], async ([running]) => {
      const { daemon, lab, monitor } = running!;
      const readDelay = async (): Promise<number> => {
        rmSync(delayFile, { force: true });
        daemon.signal('SIGUSR2');
        for (;;) {
          await sleep(20);
          try {
            return Number(readFileSync(delayFile, 'utf8'));
          } catch {
            // It has not written it yet.
          }
        }
      };
      await readDelay();
      const changed = Array.from({ length: STORM }, (_, index) => ({
        ...fakePeer(index),
        publicIP: `172.21.${index >> 8}.${index & 255}`,
      }));
      const mark = monitor.mark();
      const start = performance.timeOrigin + performance.now();
      await lab.putPeers(changed);
      const written = performance.timeOrigin + performance.now();
      let left = STORM;
      const { at } = await monitor.next((text) => /^\[NEIGH\]172\.21\./.test(text) && --left === 0, {
        from: mark,
        what: 'the last FDB entry',
      });
      const delay = await readDelay();
      return [
        {
          what: `a storm: ${STORM} leases change → all in the kernel`,
          value: at - start,
          unit: 'ms',
          limit: 1500,
          how: `${peers.toLocaleString('en')} peers; etcd had them after ${(written - start).toFixed(0)} ms`,
        },
        {
          what: "the daemon's loop meanwhile, blocked at most",
          value: delay,
          unit: 'ms',
          limit: 50,
          how: 'monitorEventLoopDelay',
        },
      ];
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
