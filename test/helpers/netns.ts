/**
 * Owns network namespaces for tests: made with unique names, destroyed in `after`, and also when the run is interrupted or exits early.
 *
 * - Names are `slv<pid>-<random>-<label>`, so that two runs can't collide.
 * - A run that was killed outright can't clean up: the next one removes the namespaces of processes that are no more.
 * - A namespace starts with loopback up and nothing else; what runs in it is started through `spawn` and ended by `destroy`.
 */
import { type ChildProcess, execFile, execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';

export interface ExecResult {
  stdout: string;
  stderr: string;
  /** Exit code; -1 for a process that was ended by a signal or could not be started. */
  code: number;
}

/** What tests pick from the JSON of `ip -j -d` and `bridge -j -d`; anything else it has is `unknown`. */
export interface IpObject {
  ifname?: string;
  ifindex?: number;
  flags?: string[];
  mtu?: number;
  operstate?: string;
  address?: string;
  ifalias?: string;
  master?: string;
  txqlen?: number;
  inet6_addr_gen_mode?: string;
  linkinfo?: { info_kind?: string; info_data?: Record<string, unknown> };
  addr_info?: { family: string; local: string; prefixlen: number; scope: string; [key: string]: unknown }[];
  type?: string;
  dst?: string;
  dev?: string;
  gateway?: string;
  protocol?: string;
  scope?: string;
  prefsrc?: string;
  metric?: number;
  table?: string;
  tos?: string;
  nhid?: number;
  id?: number;
  lladdr?: string;
  mac?: string;
  state?: string | string[];
  [key: string]: unknown;
}

export interface Netns {
  readonly name: string;
  /** The file to setns() to. */
  readonly path: string;
  /** Runs a command inside; never rejects for an exit code. */
  exec(cmd: string, ...args: string[]): Promise<ExecResult>;
  /** `ip …` inside; rejects with its stderr. */
  ip(...args: string[]): Promise<string>;
  /** `ip -j -d …`, parsed; [] for no output. */
  ipJson(...args: string[]): Promise<IpObject[]>;
  /** `bridge -j -d …`, parsed; [] for no output. */
  bridgeJson(...args: string[]): Promise<IpObject[]>;
  /** `ip -batch -`, one command a line. */
  ipBatch(lines: string[]): Promise<string>;
  bridgeBatch(lines: string[]): Promise<string>;
  /** Sets a sysctl inside: sysctl('net.ipv4.ip_forward', '1'). */
  sysctl(name: string, value: string): Promise<void>;
  /** Starts a process inside; ended with SIGKILL by `destroy` if it still runs. */
  spawn(cmd: string, args: string[], options?: SpawnOptions): ChildProcess;
  destroy(): Promise<void>;
}

const alive = new Map<string, { ns: Netns; children: Set<ChildProcess> }>();

function run(cmd: string, args: string[], input?: string): Promise<ExecResult> {
  return new Promise((resolve) => {
    const child = execFile(cmd, args, { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ stdout, stderr: stderr || (error && code === -1 ? error.message : ''), code });
    });
    child.stdin?.on('error', () => {}); // EPIPE: the command ended early and its exit code tells
    child.stdin?.end(input ?? '');
  });
}

async function must(cmd: string, args: string[], input?: string): Promise<string> {
  const { stdout, stderr, code } = await run(cmd, args, input);
  if (code !== 0) throw new Error(`${cmd} ${args.join(' ')}: exit ${code}: ${stderr.trim()}`);
  return stdout;
}

const parse = (text: string): IpObject[] => (text.trim() ? JSON.parse(text) : []);

/** xtables has one lock for all namespaces, which another test may hold. */
const patient = (cmd: string, args: string[]): string[] =>
  /^iptables(-nft|-legacy)?(-restore)?$/.test(cmd) ? ['-w', ...args] : args;

/** A new namespace with loopback up. `label` (letters, digits, dashes) is for people who look at `ip netns`. */
export async function createNetns(label: string): Promise<Netns> {
  installExitHooks();
  const name = `slv${process.pid}-${randomBytes(3).toString('hex')}-${label}`.slice(0, 64);
  await must('ip', ['netns', 'add', name]);
  const children = new Set<ChildProcess>();
  const ns: Netns = {
    name,
    path: `/run/netns/${name}`,
    exec: (cmd, ...args) => run('ip', ['netns', 'exec', name, cmd, ...patient(cmd, args)]),
    ip: (...args) => must('ip', ['-n', name, ...args]),
    ipJson: async (...args) => parse(await must('ip', ['-n', name, '-j', '-d', ...args])),
    bridgeJson: async (...args) => parse(await must('bridge', ['-n', name, '-j', '-d', ...args])),
    ipBatch: (lines) => must('ip', ['-n', name, '-batch', '-'], `${lines.join('\n')}\n`),
    bridgeBatch: (lines) => must('bridge', ['-n', name, '-batch', '-'], `${lines.join('\n')}\n`),
    sysctl: async (sysctl, value) => {
      await must('ip', ['netns', 'exec', name, 'sysctl', '-qw', `${sysctl}=${value}`]);
    },
    spawn: (cmd, args, options = {}) => {
      const child = spawn('ip', ['netns', 'exec', name, cmd, ...patient(cmd, args)], options); // ip execs the command: same pid
      children.add(child);
      child.once('exit', () => children.delete(child));
      return child;
    },
    destroy: async () => {
      if (!alive.delete(name)) return;
      await Promise.all([...children].map(end));
      killThoseIn(name);
      await run('ip', ['netns', 'del', name]);
    },
  };
  alive.set(name, { ns, children });
  await ns.ip('link', 'set', 'lo', 'up');
  // A link-local address that is only there a second later would be a change that nobody made.
  await run('ip', ['netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0']);
  return ns;
}

/** What outlives its parent by design, as a udp engine does; only in a namespace of our own. */
function killThoseIn(name: string): void {
  const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
  for (const pid of (stdout ?? '').split('\n').map(Number)) {
    try {
      if (pid > 1) process.kill(pid, 'SIGKILL');
    } catch {
      // gone meanwhile
    }
  }
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    if (!child.kill('SIGKILL')) resolve();
  });
}

/** Makes a veth pair between two namespaces, both ends up. */
export async function connect(nsA: Netns, devA: string, nsB: Netns, devB: string): Promise<void> {
  await must('ip', ['link', 'add', devA, 'netns', nsA.name, 'type', 'veth', 'peer', 'name', devB, 'netns', nsB.name]);
  await nsA.ip('link', 'set', devA, 'up');
  await nsB.ip('link', 'set', devB, 'up');
}

export async function destroyAll(): Promise<void> {
  await Promise.all([...alive.values()].map(({ ns }) => ns.destroy()));
}

/** Not async: 'exit' handlers can't wait. */
function destroyAllNow(): void {
  for (const [name, { children }] of alive) {
    alive.delete(name);
    for (const child of children) child.kill('SIGKILL');
    killThoseIn(name);
    try {
      execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
    } catch {
      // already gone
    }
  }
}

/** Those whose process is no more; only by our own names. */
function removeOrphans(): void {
  const folder = '/run/netns';
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const pid = /^slv(\d+)-/.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    killThoseIn(name);
    try {
      execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
    } catch {
      // another run was quicker
    }
  }
}

let hooked = false;
function installExitHooks(): void {
  if (hooked) return;
  hooked = true;
  removeOrphans();
  process.on('exit', destroyAllNow);
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.once(signal, () => process.exit(128 + number)); // runs the 'exit' handler
  }
}
