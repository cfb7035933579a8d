/**
 * Owns real etcd servers for the tests: one, or a cluster of three, each with free ports and its own data directory on tmpfs.
 *
 * - `startEtcd()` returns when the server answers; `kill()` is SIGKILL, `stop()` SIGTERM, `start()` again takes the same data and ports.
 * - Nothing stays behind: servers end with this process however it ends (PR_SET_PDEATHSIG), data directories on `destroy()` or at exit.
 * - Elections are quick (100 ms alone, 500 ms in a cluster): a server is up in a quarter of a second, and the shortest lease that it grants is 1 s.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface EtcdTls {
  ca: string;
  cert: string;
  key: string;
  /** Demand a client certificate signed by `ca`. */
  clientAuth?: boolean;
  /** For etcdctl, if clientAuth. */
  clientCert?: string;
  clientKey?: string;
}

export interface EtcdOptions {
  /** Name of a namespace (ip netns) to run in; etcdctl runs there too. The loopback device isn't needed if `ip` isn't on it. */
  netns?: string;
  /** Address to listen on. Default 127.0.0.1. */
  ip?: string;
  /** Host in `endpoint`, resolvable: "localhost". Default: `ip`. */
  host?: string;
  /** More flags for etcd: ['--enable-v2'], ['--quota-backend-bytes=…']. */
  extraArgs?: string[];
  tls?: EtcdTls;
  /** Default: a free one. */
  clientPort?: number;
}

export interface Etcd {
  readonly endpoint: string;
  readonly clientPort: number;
  readonly dataDir: string;
  /** Of the server itself, also in a namespace; undefined while it is down. */
  readonly pid: number | undefined;
  /** What the server has logged, the last 64 KB. */
  readonly log: string;
  /** More flags for etcdctl, also when `start()` asks for health: ['--user', 'root:secret'] once authentication is on. */
  ctlFlags: string[];
  /** Runs etcdctl against this server and returns its stdout; rejects with its stderr. */
  etcdctl(...args: string[]): Promise<string>;
  /** Starts again with the same data and ports; returns when it answers. */
  start(): Promise<void>;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** SIGKILL, and all data is lost; `start()` comes up empty, on the same ports and with the same cluster id. */
  wipe(): Promise<void>;
  /** Ends the server and removes its data. Can be called twice. */
  destroy(): Promise<void>;
}

const live = new Set<() => void>();
let hooked = false;

function cleanUpAtExit(cleanUp: () => void): void {
  live.add(cleanUp);
  if (hooked) return;
  hooked = true;
  const all = () => {
    for (const each of live) each();
    live.clear();
  };
  process.on('exit', all);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      all();
      process.kill(process.pid, signal);
    });
  }
}

function isFree(port: number, ip: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, ip, () => server.close(() => resolve(true)));
  });
}

/** A port below the ephemeral range, so that no outgoing connection takes it while the server is down. */
export async function freePort(ip = '127.0.0.1', netns?: string): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (netns !== undefined || (await isFree(port, ip))) return port;
  }
  throw new Error(`no free port on ${ip}`);
}

/** The server's own environment: no ETCD_* of whoever runs the tests, which would override or forbid flags. */
function cleanEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('ETCD'));
  return { ...Object.fromEntries(kept), ETCDCTL_API: '3' };
}

interface Member {
  name: string;
  clientPort: number;
  peerPort: number;
  /** name=http://…,… of all members */
  initialCluster: string;
}

const peerUrl = (ip: string, port: number) => `http://${ip}:${port}`;

class EtcdProcess implements Etcd {
  readonly endpoint: string;
  readonly clientPort: number;
  readonly dataDir: string;
  log = '';
  ctlFlags: string[] = [];
  #child: ChildProcess | undefined;
  readonly #member: Member;
  readonly #options: EtcdOptions;
  readonly #cleanUp: () => void;

  constructor(member: Member, options: EtcdOptions) {
    this.#member = member;
    this.#options = options;
    this.clientPort = member.clientPort;
    const host = options.host ?? options.ip ?? '127.0.0.1';
    this.endpoint = `${options.tls ? 'https' : 'http'}://${host}:${member.clientPort}`;
    const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    this.dataDir = mkdtempSync(join(base, `selvage-etcd-${process.pid}-`));
    this.#cleanUp = () => {
      this.#child?.kill('SIGKILL');
      // Retried, because a server that was just killed may still be writing.
      rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
    };
    cleanUpAtExit(this.#cleanUp);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  #args(): string[] {
    const { ip = '127.0.0.1', tls, extraArgs = [] } = this.#options;
    const scheme = tls ? 'https' : 'http';
    const peer = peerUrl(ip, this.#member.peerPort);
    const alone = !this.#member.initialCluster.includes(',');
    const args = [
      `--name=${this.#member.name}`,
      `--data-dir=${this.dataDir}`,
      `--listen-client-urls=${scheme}://${ip}:${this.clientPort}`,
      `--advertise-client-urls=${this.endpoint}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=${this.#member.initialCluster}`,
      `--heartbeat-interval=${alone ? 10 : 50}`,
      `--election-timeout=${alone ? 100 : 500}`,
    ];
    if (tls) {
      args.push(`--cert-file=${tls.cert}`, `--key-file=${tls.key}`);
      // etcd demands client certificates as soon as it is given a CA.
      if (tls.clientAuth) args.push('--client-cert-auth', `--trusted-ca-file=${tls.ca}`);
    }
    return [...args, ...extraArgs];
  }

  #inNamespace(command: string[]): [string, string[]] {
    const { netns } = this.#options;
    const full = netns === undefined ? command : ['nsenter', `--net=/run/netns/${netns}`, ...command];
    return [full[0]!, full.slice(1)];
  }

  async start(): Promise<void> {
    if (this.#child) throw new Error(`etcd ${this.endpoint} runs already`);
    const [file, args] = this.#inNamespace(['setpriv', '--pdeathsig', 'KILL', 'etcd', ...this.#args()]);
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], env: cleanEnv() });
    this.#child = child;
    this.log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.log = (this.log + text).slice(-65_536);
    });
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    await this.#untilHealthy();
    // A test that forgot its server ends all the same.
    child.unref();
    (child.stderr as Socket).unref();
  }

  /** Asks only once the log says that it serves: etcdctl waits a whole second after its first refused connection. */
  async #untilHealthy(): Promise<void> {
    const deadline = Date.now() + 20_000;
    let last: unknown;
    while (this.#child && Date.now() < deadline) {
      await sleep(5);
      if (!this.log.includes('ready to serve client requests')) continue;
      try {
        await this.etcdctl('endpoint', 'health');
        return;
      } catch (error) {
        last = error;
      }
    }
    throw new Error(`etcd ${this.endpoint} did not come up: ${last}\n${this.log.slice(-2000)}`);
  }

  etcdctl(...args: string[]): Promise<string> {
    const { tls } = this.#options;
    // On a busy machine a cluster that has lost a member takes longer than etcdctl's own 5 s to agree.
    const flags = [`--endpoints=${this.endpoint}`, '--command-timeout=30s'];
    // Not verified, so that a server with an expired certificate can be looked after too.
    if (tls) flags.push('--insecure-skip-tls-verify', '--insecure-transport=false');
    if (tls?.clientCert && tls.clientKey) flags.push(`--cert=${tls.clientCert}`, `--key=${tls.clientKey}`);
    const [file, argv] = this.#inNamespace(['etcdctl', ...flags, ...this.ctlFlags, ...args]);
    return new Promise((resolve, reject) => {
      execFile(file, argv, { env: cleanEnv(), maxBuffer: 256 << 20 }, (error, stdout, stderr) => {
        if (error) reject(new Error(`etcdctl ${args.join(' ')}: ${stderr.trim() || error.message}`, { cause: error }));
        else resolve(stdout);
      });
    });
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.ref();
    child.kill(signal);
    await ended;
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async wipe(): Promise<void> {
    await this.kill();
    rmSync(join(this.dataDir, 'member'), { recursive: true, force: true });
  }

  async destroy(): Promise<void> {
    await this.kill();
    this.#cleanUp();
    live.delete(this.#cleanUp);
  }
}

/** One server that answers. */
export async function startEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  const ip = options.ip ?? '127.0.0.1';
  for (let tries = 1; ; tries++) {
    const clientPort = options.clientPort ?? (await freePort(ip, options.netns));
    const peerPort = await freePort(ip, options.netns);
    const initialCluster = `default=${peerUrl(ip, peerPort)}`;
    const etcd = new EtcdProcess({ name: 'default', clientPort, peerPort, initialCluster }, options);
    try {
      await etcd.start();
      return etcd;
    } catch (error) {
      await etcd.destroy();
      // Two test runs can pick the same port at the same moment.
      if (tries === 3 || !etcd.log.includes('address already in use')) throw error;
    }
  }
}

/** A cluster of `size` members that all answer. */
export async function startCluster(size = 3, options: EtcdOptions = {}): Promise<Etcd[]> {
  const ip = options.ip ?? '127.0.0.1';
  const ports = new Set<number>();
  while (ports.size < size * 2) ports.add(await freePort(ip, options.netns));
  const all = [...ports];
  const names = Array.from({ length: size }, (_, i) => `m${i}`);
  const initialCluster = names.map((name, i) => `${name}=${peerUrl(ip, all[size + i]!)}`).join(',');
  const members = names.map(
    (name, i) => new EtcdProcess({ name, clientPort: all[i]!, peerPort: all[size + i]!, initialCluster }, options),
  );
  try {
    await Promise.all(members.map((member) => member.start()));
    return members;
  } catch (error) {
    await Promise.all(members.map((member) => member.destroy()));
    throw error;
  }
}
