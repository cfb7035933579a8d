/** Owns the running of traffic.mjs in namespaces, and what is asked of it. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { Netns } from '../netns.ts';

const script = fileURLToPath(new URL('./traffic.mjs', import.meta.url));

export interface Traffic {
  /** The next line that it prints, parsed. */
  next(): Promise<unknown>;
  end(): void;
}

export function traffic(ns: Netns, ...args: (string | number)[]): Traffic {
  const child = ns.spawn(process.execPath, [script, ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: unknown[] = [];
  const waiting: ((line: unknown) => void)[] = [];
  let rest = '';
  const give = (line: unknown) => {
    const next = waiting.shift();
    if (next) next(line);
    else lines.push(line);
  };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    for (const part of parts) give(JSON.parse(part));
  });
  child.once('exit', (code, signal) => give({ ended: code ?? signal }));
  return {
    next: () => (lines.length > 0 ? Promise.resolve(lines.shift()) : new Promise((resolve) => waiting.push(resolve))),
    end: () => void child.kill('SIGKILL'),
  };
}

/** Sends `streams` TCP streams of random bytes at the same time, and asserts that the same came (SHA-256). */
export async function tcpIsWhole(
  from: Netns,
  to: Netns,
  address: string,
  streams = 3,
  bytes = 2_000_000,
): Promise<void> {
  const sink = traffic(to, 'tcp-sink', 7000, streams);
  assert.equal(await sink.next(), 'ready');
  const sent = await traffic(from, 'tcp-send', address, 7000, streams, bytes).next();
  assert.ok(Array.isArray(sent) && sent.length === streams, `the sender said ${JSON.stringify(sent)}`);
  assert.deepEqual(await sink.next(), sent);
}

/** Lengths of the datagrams that went there and back whole. */
export async function udpEchoed(from: Netns, to: Netns, address: string, lengths: number[]): Promise<unknown> {
  const echo = traffic(to, 'udp-echo', 7001);
  assert.equal(await echo.next(), 'ready');
  const whole = await traffic(from, 'udp-send', address, 7001, lengths.join(',')).next();
  echo.end();
  return whole;
}

/** The sum of all checksum errors that the kernel of a namespace has counted. */
export async function checksumErrors(ns: Netns): Promise<number> {
  const { stdout } = await ns.exec('cat', '/proc/net/snmp', '/proc/net/netstat');
  const lines = stdout.split('\n');
  let sum = 0;
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const names = lines[i]!.split(' ');
    const values = lines[i + 1]!.split(' ');
    names.forEach((name, at) => {
      if (name.includes('Csum')) sum += Number(values[at]);
    });
  }
  return sum;
}
