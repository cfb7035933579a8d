/**
 * Owns the start of an engine: its descriptors are opened here, by who has the rights, and handed over; its process is detached from ours,
 * so that it outlives us.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { makeFolders } from '../files/folders.ts';
import type { EngineFds } from './engine/calls.ts';
import { openIcmpSocket, openUdpSocket } from './open-sockets.ts';
import { EngineError, openTun, type Without } from './open-tun.ts';
import type { EngineFeatures, EngineParameters, StartArguments } from './protocol.ts';

export interface Opened {
  fds: EngineFds;
  features: Omit<EngineFeatures, 'wasm'>;
}

/** Opens what an engine needs. Throws an EngineError, and leaves nothing open. */
export function openForEngine({ device, address, port }: EngineParameters, without: Without = {}): Opened {
  const udp = openUdpSocket(address, port, without);
  try {
    const icmp = openIcmpSocket();
    try {
      const tun = openTun(device, without);
      return { fds: { tun: tun.fd, udp: udp.fd, icmp }, features: { ...tun.features, ...udp.features } };
    } catch (error) {
      closeSync(icmp);
      throw error;
    }
  } catch (error) {
    closeSync(udp.fd);
    throw error;
  }
}

export function closeFds({ tun, udp, icmp }: EngineFds): void {
  for (const fd of [tun, udp, icmp]) closeSync(fd);
}

/** Starting Node on a busy host. In ms. */
const START_MS = 30_000;
/** Less memory: the engine makes little garbage, and has no use for threads. */
const NODE_FLAGS = ['--max-semi-space-size=1', '--max-old-space-size=64', '--v8-pool-size=1'];

/** Where an engine's last words are, beside its socket. */
export const logOf = (path: string): string => path.replace(/(\.sock)?$/, '.log');

/** Of an engine that has ended for good. */
export function removeFiles(path: string): void {
  for (const file of [path, logOf(path)]) rmSync(file, { force: true });
}

/** Resolves with its process id when the engine is at work. `program`: what Node runs. Rejects with an EngineError that has its last words. */
export async function startEngine(
  args: StartArguments,
  { tun, udp, icmp }: EngineFds,
  program = engineProgram(),
): Promise<number> {
  const { path } = args;
  makeFolders(dirname(path));
  rmSync(path, { force: true }); // of one that was killed: who starts has made sure that none is alive
  const log = openSync(logOf(path), 'w', 0o600);
  try {
    const child = spawn(process.execPath, [...NODE_FLAGS, ...program, JSON.stringify(args)], {
      stdio: ['ignore', 'pipe', log, tun, udp, icmp],
      detached: true,
      cwd: '/',
      env: environment(),
    });
    child.unref();
    await ready(child, path);
    return child.pid!;
  } finally {
    closeSync(log);
  }
}

function ready(child: ReturnType<typeof spawn>, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (what: string, cause?: unknown) => {
      clearTimeout(timer);
      const words = lastWords(path);
      reject(new EngineError(`The udp engine ${what}${words ? `: ${words}` : '.'}`, undefined, cause));
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`was not ready within ${START_MS / 1000} s`);
    }, START_MS);
    child.once('error', (error) => fail("can't be started", error));
    child.once('exit', (code, signal) => fail(`ended as it began (${signal ?? `exit ${code}`})`));
    child.stdout!.once('data', () => {
      clearTimeout(timer);
      child.removeAllListeners('exit');
      child.stdout!.destroy();
      resolve();
    });
  });
}

/** The last line that an engine has written before it ended; "" if none. */
export function lastWords(path: string): string {
  try {
    return readFileSync(logOf(path), 'utf8').trim().split('\n').at(-1) ?? '';
  } catch {
    return '';
  }
}

/** The built program lies beside the bundle; a checkout runs its source. */
function engineProgram(): string[] {
  const here = import.meta.url;
  if (!here.endsWith('.ts')) return [fileURLToPath(new URL('./udp-engine.cjs', here))];
  // Not import.meta.resolve: the bundle, which never comes here, has none, and its build would warn of it.
  const loader = pathToFileURL(createRequire(here).resolve('tsx')).href;
  return ['--import', loader, fileURLToPath(new URL('./engine/main.ts', here))];
}

/**
 * Nothing of ours that could change Node's ways, or tell secrets to who may look at a process. Without io_uring, whose threads in the kernel
 * would stay root when the engine becomes nobody.
 */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' };
}
