/**
 * Owns a whole machine for a test: a real systemd, process 1 of its own namespaces, in the network namespace of a lab host.
 *
 * - It runs on an overlay of the root that root.mjs makes, in memory; nothing of it is left when it ends, however that is.
 * - `unshare --kill-child` ends its process 1, and with that everything in it.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually } from '../helpers/eventually.ts';
import type { ExecResult, Netns } from '../helpers/netns.ts';
import { systemRoot } from './root.mjs';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Where cgroup2 is: beside v1's controllers, or alone. */
const CGROUPS = existsSync('/sys/fs/cgroup/unified/cgroup.procs') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup';

export class Machine {
  readonly #child: ChildProcess;
  readonly #cgroup: string;
  #pid = 0;
  #log = '';

  private constructor(child: ChildProcess, cgroup: string) {
    this.#child = child;
    this.#cgroup = cgroup;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (this.#log += text));
  }

  /** Boots it in `ns`. Resolves when systemd has nothing more to start. */
  static async boot(ns: Netns): Promise<Machine> {
    if (!existsSync(systemRoot))
      throw new Error(`${systemRoot} is not there: \`sudo npm run test:system\` makes it, which takes minutes.`);
    const cgroup = join(CGROUPS, ns.name);
    sweep();
    mkdirSync(cgroup);
    const script = fileURLToPath(new URL('./boot.sh', import.meta.url));
    const namespaces = ['--fork', '--kill-child', '--mount', '--pid', '--uts', '--ipc'];
    const command = ['unshare', ...namespaces, 'sh', script, systemRoot, ns.path, cgroup];
    const machine = new Machine(
      spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { stdio: ['ignore', 'pipe', 'pipe'] }),
      cgroup,
    );
    try {
      machine.#pid = await eventually(() => machine.#findInit(), { what: 'systemd to be process 1', timeout: 60_000 });
      // Degraded, because there are no kernel modules to load in it.
      const booted = async () => /^(running|degraded)/.test((await machine.systemctl('is-system-running')).stdout);
      await eventually(booted, {
        what: 'systemd to have booted',
        timeout: 240_000,
        interval: 500,
      });
      return machine;
    } catch (cause) {
      const units = await machine.systemctl('list-units', '--failed', '--plain').catch(() => undefined);
      await machine.destroy();
      throw new Error(`The machine did not boot: ${machine.#log}\n${units?.stdout ?? ''}`, { cause });
    }
  }

  /** The child of unshare, once it has become systemd. */
  #findInit(): number | undefined {
    const { pid } = this.#child;
    if (this.#child.exitCode !== null) throw new Error(`it ended with exit code ${this.#child.exitCode}`);
    try {
      const inner = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0];
      return inner && readFileSync(`/proc/${inner}/comm`, 'utf8').trim() === 'systemd' ? Number(inner) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Runs a command in it. Never rejects for an exit code. */
  exec(...command: string[]): Promise<ExecResult> {
    return this.#exec(command);
  }

  #exec(command: string[], input = ''): Promise<ExecResult> {
    const namespaces = ['-t', String(this.#pid), '-m', '-p', '-u', '-i', '-n', '-C'];
    const args = [...namespaces, 'env', '-i', `PATH=${PATH}`, 'LC_ALL=C.UTF-8', ...command];
    return new Promise((resolve) => {
      const child = execFile('nsenter', args, { timeout: 240_000, maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) =>
        resolve({ stdout, stderr, code: error ? (typeof error.code === 'number' ? error.code : -1) : 0 }),
      );
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
  }

  /** Runs it and rejects with what it said if it fails. Returns its standard output. */
  async must(...command: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.exec(...command);
    if (code !== 0) throw new Error(`${command.join(' ')}: exit ${code}\n${stdout}\n${stderr}`);
    return stdout;
  }

  systemctl(...args: string[]): Promise<ExecResult> {
    return this.exec('systemctl', '--no-pager', ...args);
  }

  /** One property of a unit, as `systemctl show` has it. */
  async show(unit: string, property: string): Promise<string> {
    return (await this.must('systemctl', 'show', '--value', '-p', property, unit)).trim();
  }

  /** What a unit has logged since `cursor`, or ever. */
  async journal(unit: string, since?: string): Promise<string> {
    const from = since === undefined ? [] : [`--after-cursor=${since}`];
    return this.must('journalctl', '--no-pager', '-o', 'cat', '-u', unit, ...from);
  }

  /** For `journal`: from here on. */
  async cursor(): Promise<string> {
    const text = await this.must('journalctl', '--no-pager', '-n', '0', '--show-cursor');
    return /-- cursor: (\S+)/.exec(text)?.[1] ?? '';
  }

  async write(path: string, content: string, mode = '0644'): Promise<void> {
    const script = 'mkdir -p "$(dirname "$0")" && cat >"$0" && chmod "$1" "$0"';
    const { code, stderr } = await this.#exec(['sh', '-c', script, path, mode], content);
    if (code !== 0) throw new Error(`${path} could not be written: ${stderr}`);
  }

  async copy(from: string, to: string): Promise<void> {
    const base64 = readFileSync(from).toString('base64');
    const { code, stderr } = await this.#exec(['sh', '-c', 'base64 -d >"$0"', to], base64);
    if (code !== 0) throw new Error(`${to} could not be written: ${stderr}`);
  }

  async read(path: string): Promise<string | undefined> {
    const { code, stdout } = await this.exec('cat', path);
    return code === 0 ? stdout : undefined;
  }

  /** Ends it and all that runs in it. */
  async destroy(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGKILL');
      await ended;
    }
    // Its processes are on their way out; a cgroup goes once they are gone, the inner ones first.
    for (let tries = 0; tries < 100; tries++) {
      try {
        removeTree(this.#cgroup);
        return;
      } catch {
        await sleep(100);
      }
    }
  }
}

/** Cgroups that a killed run has left: their name begins with its process id. */
function sweep(): void {
  for (const name of readdirSync(CGROUPS)) {
    const pid = /^slv(\d+)-/.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    try {
      removeTree(join(CGROUPS, name));
    } catch {
      // something in it is still on its way out
    }
  }
}

function removeTree(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  rmdirSync(folder);
}
