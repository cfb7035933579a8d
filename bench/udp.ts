/**
 * Owns the figures of the udp data path, beside a plain recv/send loop (test/helpers/udp/plain-peer.c) on the same bed: two hosts on one
 * veth wire, each engine in turn on both ends, in alternation. iperf3 makes the load and runs on the same cores.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bed, type BedHost, createBed, type Engine } from '../test/helpers/udp/bed.ts';
import { plainPeer } from '../test/helpers/udp/plain-peer.ts';
import type { Figure } from './figures.ts';
import { median } from './statistics.ts';

/** Of a second: the kernel's USER_HZ. */
const TICKS = 100;
const SECONDS = 2;
/** V8 collects garbage once more, for some 25 ms, in the first seconds after work. */
const SETTLING_MS = 10_000;

interface Iperf {
  end: {
    sum_received?: { bytes: number; bits_per_second: number };
    sum?: { packets: number; lost_packets: number; seconds: number };
  };
}

interface Run {
  bitsPerSecond: number;
  containerBitsPerSecond: number;
  /** CPU-seconds of both engines for each GB (1e9 bytes) that arrived. */
  cpuPerGB: number;
  packetsPerSecond: number;
  /** ms, once all is warm. */
  rtt: number;
}

const cpuOf = (hosts: readonly BedHost[]): number => {
  const ticks = hosts.flatMap(({ pid }) =>
    readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13),
  );
  return ticks.reduce((sum, value) => sum + Number(value), 0) / TICKS;
};

async function iperf(from: BedHost['ns'], to: BedHost['ns'], address: string, ...args: string[]): Promise<Iperf> {
  let last = '';
  for (let tries = 0; tries < 6; tries++) {
    // Bound, as it would answer UDP from the tunnel device's own address, which the client takes for a stranger's.
    const server = to.spawn('iperf3', ['-s', '-B', address], { stdio: 'ignore' });
    try {
      await sleep(300);
      // Its control connection goes through the flood that it makes, and when that is lost iperf3 waits for ever.
      const words = ['-k', '1', String(SECONDS + 8), 'iperf3', '-J', '-t', String(SECONDS), '-c', address, ...args];
      const { stdout, code } = await from.exec('timeout', ...words);
      const result = code === 0 ? (JSON.parse(stdout) as Iperf) : undefined;
      // Under a flood the server's word may be lost: then there is no sum.
      if (args.includes('-u') ? result?.end.sum : result?.end.sum_received) return result!;
      last = `exit code ${code} ${stdout.slice(0, 500)}`;
      process.stderr.write(`… once more: iperf3 ${args.join(' ')}: exit code ${code}\n`);
    } finally {
      server.kill('SIGKILL');
    }
  }
  throw new Error(`iperf3 ended six times without a result: ${last}`);
}

async function runOn(bed: Bed): Promise<Run> {
  const [a, b] = bed.hosts as [BedHost, BedHost];
  const before = cpuOf(bed.hosts);
  const host = await iperf(a.ns, b.ns, b.gateway);
  const cpu = cpuOf(bed.hosts) - before;
  const { bytes, bits_per_second } = host.end.sum_received!;
  const container = await iperf(a.container, b.container, b.containerAddress);
  const small = (await iperf(a.ns, b.ns, b.gateway, '-u', '-l', '64', '-b', '0')).end.sum!;
  const { stdout } = await a.container.exec('ping', '-i', '0.01', '-c', '100', b.containerAddress);
  const times = [...stdout.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]));
  return {
    bitsPerSecond: bits_per_second,
    containerBitsPerSecond: container.end.sum_received!.bits_per_second,
    cpuPerGB: cpu / (bytes / 1e9),
    packetsPerSecond: (small.packets - small.lost_packets) / small.seconds,
    rtt: median(times),
  };
}

/** `rounds` of both engines in turn. */
export async function udpDataPath(rounds: number): Promise<Figure[]> {
  const runs: Record<Engine, Run[]> = { ours: [], plain: [] };
  let memory = 0;
  let idle = 0;
  for (let round = 0; round < rounds; round++) {
    for (const engine of ['plain', 'ours'] as const) {
      process.stderr.write(`… round ${round + 1} of ${rounds}: ${engine}\n`);
      const bed = await createBed({ engines: [engine, engine] });
      try {
        runs[engine].push(await runOn(bed));
        if (engine === 'plain') continue;
        memory = Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${bed.hosts[0]!.pid}/status`, 'utf8'))![1]) / 1024;
        await sleep(SETTLING_MS);
        const before = cpuOf(bed.hosts);
        await sleep(10_000);
        idle = ((cpuOf(bed.hosts) - before) / bed.hosts.length / 10) * 100;
      } finally {
        await bed.destroy();
      }
    }
  }
  const of = (engine: Engine, pick: (run: Run) => number) => median(runs[engine].map(pick));
  const ratio = (pick: (run: Run) => number) => median(runs.ours.map((run, i) => pick(run) / pick(runs.plain[i]!)));
  const { language } = plainPeer();
  const how = (pick: (run: Run) => number, unit: string) =>
    `median of ${rounds}: ${of('ours', pick).toFixed(2)} ${unit}; the ${language} loop ${of('plain', pick).toFixed(2)}`;
  const host = (run: Run) => run.bitsPerSecond / 1e9;
  const container = (run: Run) => run.containerBitsPerSecond / 1e9;
  const cpu = (run: Run) => run.cpuPerGB;
  const packets = (run: Run) => run.packetsPerSecond / 1000;
  const rtt = (run: Run) => run.rtt;
  return [
    {
      what: 'udp: TCP, host to host, against the plain loop',
      value: ratio(host),
      unit: '×',
      atLeast: 6,
      how: how(host, 'Gbit/s'),
    },
    {
      what: 'udp: TCP, container to container',
      value: ratio(container),
      unit: '×',
      atLeast: 6,
      how: how(container, 'Gbit/s'),
    },
    { what: 'udp: packets of 64 bytes', value: ratio(packets), unit: '×', atLeast: 1.4, how: how(packets, 'kpps') },
    { what: 'udp: CPU for each GB', value: ratio(cpu), unit: '×', limit: 0.2, how: how(cpu, 's') },
    {
      what: 'udp: ping p50, more than the plain loop',
      value: of('ours', rtt) - of('plain', rtt),
      unit: 'ms',
      limit: 0.3,
      how: how(rtt, 'ms'),
    },
    {
      what: 'udp: CPU of an idle engine',
      value: idle,
      unit: '%',
      limit: 0,
      how: 'of one core, over 10 s, 10 s after the load',
    },
    {
      what: 'udp: memory of the engine',
      value: memory,
      unit: 'MB',
      limit: 70,
      how: 'VmRSS, a process of its own, after the load',
    },
  ];
}
