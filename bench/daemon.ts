/**
 * Owns what the running daemon is measured by: a lease put → its route, a route deleted → back, its CPU when nothing happens, and that
 * `selvage drift` beside it writes nothing. The clock is the kernel's announcement as `ip monitor` hears it, and the write's own time.
 */
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Daemon } from '../test/helpers/daemon.ts';
import { EtcdWriter } from '../test/helpers/etcd-writer.ts';
import { eventually } from '../test/helpers/eventually.ts';
import { createLab, type Lab, type LabHost, PREFIX } from '../test/helpers/lab.ts';
import { fakePeer, leaseKey, leaseValue } from '../test/helpers/leases.ts';
import { KernelMonitor } from '../test/helpers/monitor.ts';
import { BIG_NETWORK } from './cold.ts';
import type { Figure } from './figures.ts';
import { cpuTime, peakMemory } from './process.ts';
import { median, percentile } from './statistics.ts';

/** A host of `peers` peers, in sync, with its daemon running. */
export class Running {
  readonly lab: Lab;
  readonly host: LabHost;
  readonly daemon: Daemon;
  readonly peers: number;
  readonly #writer: EtcdWriter;
  readonly #monitor: KernelMonitor;

  private constructor(lab: Lab, peers: number, daemon: Daemon, writer: EtcdWriter, monitor: KernelMonitor) {
    this.lab = lab;
    this.host = lab.hosts[0]!;
    this.peers = peers;
    this.daemon = daemon;
    this.#writer = writer;
    this.#monitor = monitor;
  }

  static async start(peers: number): Promise<Running> {
    const lab = await createLab({ hosts: 1, config: BIG_NETWORK });
    const host = lab.hosts[0]!;
    await lab.putPeers(Array.from({ length: peers }, (_, index) => fakePeer(index)));
    const daemon = host.startDaemon();
    const routes = async () => (await host.ns.ipJson('route', 'show', 'dev', 'flannel.1')).length;
    await eventually(async () => host.subnetEnv() && (await routes()) === peers, {
      what: `${peers} routes`,
      timeout: 60_000,
      interval: 200,
    });
    await sleep(1000); // its last round, too, is over
    const monitor = await KernelMonitor.start(host.ns, ['route', 'nexthop']);
    return new Running(lab, peers, daemon, await EtcdWriter.start(lab.underlay, lab.etcd.endpoint), monitor);
  }

  /** Puts one more lease, and takes it away again; ms from sending the put to the kernel's announcement of the route. */
  async putToRoute(): Promise<number> {
    const peer = fakePeer(this.peers + 1000);
    const mark = this.#monitor.mark();
    const isRoute = (text: string) => text.startsWith(`[ROUTE]${peer.subnet} `);
    const { sentAt } = await this.#writer.put(leaseKey(PREFIX, peer.subnet), leaseValue(peer));
    const { at } = await this.#monitor.next(isRoute, { from: mark, what: `the route to ${peer.subnet}` });
    await this.#writer.delete(leaseKey(PREFIX, peer.subnet));
    await eventually(async () => (await this.host.ns.ip('route', 'show', peer.subnet)) === '', {
      what: 'the route to go',
    });
    return at - sentAt;
  }

  /** Deletes a route; ms from the kernel's announcement of that to the one of its return. */
  async deleteToBack(index: number): Promise<number> {
    const { subnet } = fakePeer(index);
    const mark = this.#monitor.mark();
    await this.host.ip('route', 'del', subnet);
    const gone = await this.#monitor.next((text) => text.startsWith(`[ROUTE]Deleted ${subnet} `), { from: mark });
    const back = await this.#monitor.next((text) => text.startsWith(`[ROUTE]${subnet} `), {
      from: mark,
      what: 'its return',
    });
    return back.at - gone.at;
  }

  async stop(): Promise<void> {
    await this.daemon.kill();
    await this.lab.destroy();
  }
}

/** In alternation, a little apart, so that no round meets the last one's echo. */
async function samples(times: number, measures: (() => Promise<number>)[]): Promise<number[][]> {
  const found = measures.map((): number[] => []);
  for (let round = 0; round < times; round++) {
    for (const [index, measure] of measures.entries()) {
      await sleep(20 + Math.random() * 30);
      const value = await measure();
      if (round >= 5) found[index]!.push(value); // the first few warm it up
    }
  }
  return found;
}

export async function latency(few: Running, many: Running, times: number): Promise<Figure[]> {
  const [atFew, atMany] = (await samples(times, [() => few.putToRoute(), () => many.putToRoute()])) as [
    number[],
    number[],
  ];
  let index = 0;
  const [back] = (await samples(times, [() => many.deleteToBack(index++ % many.peers)])) as [number[]];
  const text = (values: number[]) => `p95 ${percentile(values, 95).toFixed(1)} ms, ${values.length} samples`;
  const [few50, many50] = [median(atFew), median(atMany)];
  const [fewPeers, manyPeers] = [few.peers, many.peers].map((peers) => peers.toLocaleString('en'));
  return [
    { what: `lease put → route in the kernel, ${fewPeers} peers, p50`, value: few50, unit: 'ms', how: text(atFew) },
    {
      what: `lease put → route in the kernel, ${manyPeers} peers, p50`,
      value: many50,
      unit: 'ms',
      limit: 4,
      how: text(atMany),
    },
    {
      what: `the same, ${manyPeers} against ${fewPeers} peers`,
      value: many50 / few50,
      unit: '×',
      limit: 1.5,
      how: 'of the p50',
    },
    {
      what: `route deleted by hand → back, ${manyPeers} peers, p50`,
      value: median(back),
      unit: 'ms',
      limit: 5,
      how: text(back),
    },
  ];
}

export async function idle(running: Running, seconds: number): Promise<Figure[]> {
  const [cpu, start] = [cpuTime(running.daemon.pid), performance.now()];
  await sleep(seconds * 1000);
  const percent = ((cpuTime(running.daemon.pid) - cpu) / (performance.now() - start)) * 100;
  const peers = running.peers.toLocaleString('en');
  return [
    {
      what: `CPU of an idle daemon, ${peers} peers`,
      value: percent,
      unit: '%',
      limit: 0.5,
      how: `of one core, over ${seconds} s, ${seconds > 60 ? 'a full pass among them' : 'maybe without a full pass'}`,
    },
    {
      what: `peak memory of the daemon, ${peers} peers`,
      value: peakMemory(running.daemon.pid),
      unit: 'MB',
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
