/** Owns running a command in a namespace and timing it from its start to its exit, and what /proc says of a running one. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Netns } from '../test/helpers/netns.ts';

export interface Timed {
  ms: number;
  code: number | null;
  stdout: string;
  stderr: string;
}

/** By nsenter for everything that is compared, so that what it costs is in all of them. */
export function timed(ns: Netns, command: string[], env: NodeJS.ProcessEnv): Promise<Timed> {
  const start = performance.now();
  const child = spawn('nsenter', [`--net=${ns.path}`, ...command], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const result: Timed = { ms: 0, code: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (result.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (result.stderr += text));
  child.once('exit', (code) => {
    result.ms = performance.now() - start;
    result.code = code;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(result));
  });
}

/** CPU time that a process has used so far, all its threads, in ms (10 ms steps). */
export function cpuTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10; // utime and stime, in USER_HZ, which is 100 everywhere
}

/** Peak resident memory of a running process, in MB (VmHWM). */
export function peakMemory(pid: number): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (!line) throw new Error(`/proc/${pid}/status has no VmHWM`);
  return Number(line[1]) / 1024;
}
