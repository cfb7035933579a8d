/**
 * Owns a real dockerd on a lab host: in its network namespace and private mounts, with its own data, exec and pid paths, started again
 * whenever it ends (as systemd does it) with the options that the host's options file has at that moment.
 *
 * - `nsenter --net`, not `ip netns exec`, which would hide /sys/fs/cgroup. No firewall rules (daemon.json): the lab has nobody to keep out.
 * - `restartCommand` is what --docker-restart-command is given: it returns when the new engine answers.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { eventually } from './eventually.ts';
import type { LabHost } from './lab.ts';

const run = promisify(execFile);
const IMAGE = 'busybox';

export class DockerHost {
  readonly host: LabHost;
  readonly folder: string;
  readonly socket: string;
  readonly daemonJson: string;
  readonly optsFile: string;
  /** How often the restart command was run: a line for each. */
  readonly #restarts: string;
  readonly #pidFile: string;
  #supervisor: ChildProcess | undefined;
  #log = '';

  constructor(host: LabHost) {
    this.host = host;
    this.folder = join(host.folder, 'docker');
    this.socket = join(host.folder, 'docker.sock');
    this.daemonJson = join(host.folder, 'daemon.json');
    this.optsFile = join(host.folder, 'docker_opts.env');
    this.#restarts = join(this.folder, 'restarts');
    this.#pidFile = join(this.folder, 'docker.pid');
    mkdirSync(this.folder);
    writeFileSync(this.#restarts, '');
  }

  /** Starts dockerd and keeps it running. Resolves when it answers; rejects with its log if it doesn't. */
  async start({ flags = [] as string[], awaitEngine = true } = {}): Promise<void> {
    if (!existsSync(this.daemonJson)) writeFileSync(this.daemonJson, '{ "iptables": false }\n');
    const paths = `--data-root=${this.folder}/data --exec-root=${this.folder}/exec --pidfile=${this.#pidFile} --config-file=${this.daemonJson}`;
    const fixed = `--host=unix://${this.socket} ${paths} --storage-driver=vfs --log-level=error ${flags.join(' ')}`;
    // The inner loop is systemd's Restart=always; the shell reads the options file as EnvironmentFile does.
    const script = `while :; do
      DOCKER_OPTS=; [ -f ${this.optsFile} ] && . ${this.optsFile}
      nsenter --net=${this.host.ns.path} setpriv --pdeathsig TERM dockerd ${fixed} $DOCKER_OPTS &
      child=$!; trap 'kill $child; wait $child; exit 0' TERM; wait $child; sleep 0.2
    done`;
    this.#supervisor = spawn('setpriv', ['--pdeathsig', 'TERM', 'unshare', '-m', 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#supervisor.stdout, this.#supervisor.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (this.#log += text));
    if (awaitEngine) await this.ready();
  }

  /** A second dockerd with those flags and the host's daemon.json, which is expected to die of them. @returns its last words */
  async tryStart(flags: string): Promise<string> {
    const paths = ['data', 'exec'].map((name) => `--${name}-root=${this.folder}/other-${name}`).join(' ');
    const command = `dockerd --host=unix://${this.folder}/other.sock ${paths} --pidfile=${this.folder}/other.pid --config-file=${this.daemonJson} ${flags}`;
    const args = [`--net=${this.host.ns.path}`, 'timeout', '10', 'sh', '-c', `exec ${command}`];
    return run('nsenter', args).then(
      ({ stderr }) => stderr,
      ({ stderr }: { stderr: string }) => stderr,
    );
  }

  /** What dockerd has written. */
  log(): string {
    return this.#log;
  }

  async ready(): Promise<void> {
    await eventually(() => this.docker('version').then(() => true), {
      what: `dockerd on ${this.host.name}, whose log ends ${this.#log.slice(-800)}`,
      timeout: 30_000,
      interval: 100,
    });
  }

  /** Ends dockerd and doesn't start it again. */
  async stop(): Promise<void> {
    const supervisor = this.#supervisor;
    this.#supervisor = undefined;
    if (!supervisor || supervisor.exitCode !== null) return;
    const ended = new Promise((resolve) => supervisor.once('exit', resolve));
    supervisor.kill('SIGTERM');
    const timer = setTimeout(() => supervisor.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(timer);
  }

  /** `docker …`; rejects with its stderr. */
  async docker(...args: string[]): Promise<string> {
    const { stdout } = await run('docker', ['-H', `unix://${this.socket}`, ...args], { timeout: 30_000 });
    return stdout.trim();
  }

  /** A container that does nothing. Its image is a tar with Debian's static busybox in it. */
  async runContainer(name: string): Promise<void> {
    if (!(await this.docker('images', '-q', IMAGE))) await this.#import();
    await this.docker('run', '-d', '--name', name, '--stop-signal', 'KILL', IMAGE, '/bin/busybox', 'sleep', '3600');
  }

  async #import(): Promise<void> {
    const root = join(this.folder, 'image');
    mkdirSync(join(root, 'bin'), { recursive: true });
    copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
    chmodSync(join(root, 'bin/busybox'), 0o755);
    const tar = join(this.folder, 'image.tar');
    await run('tar', ['-C', root, '-cf', tar, '.']);
    await this.docker('import', tar, IMAGE);
  }

  addressOf(container: string): Promise<string> {
    return this.docker('inspect', '-f', '{{.NetworkSettings.Networks.bridge.IPAddress}}', container);
  }

  /** One ping out of a container, which may be lost. */
  async ping(container: string, address: string): Promise<boolean> {
    return this.docker('exec', container, '/bin/busybox', 'ping', '-c', '1', '-W', '1', address).then(
      () => true,
      () => false,
    );
  }

  /** IPv4 addresses of docker0. */
  async bridgeAddresses(): Promise<string[]> {
    const [link] = await this.host.ns.ipJson('address', 'show', 'dev', 'docker0').catch(() => []);
    const inet = (link?.addr_info ?? []).filter(({ family }) => family === 'inet');
    return inet.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  }

  /** Ends dockerd, and waits until the next one answers: what `systemctl restart docker` does. */
  get restartCommand(): string {
    const script = join(this.folder, 'restart.sh');
    if (!existsSync(script)) {
      const text = `#!/bin/sh
echo restart >>${this.#restarts}
old=$(cat ${this.#pidFile}); kill "$old"
while kill -0 "$old" 2>/dev/null; do sleep 0.1; done
for i in $(seq 200); do docker -H unix://${this.socket} version >/dev/null 2>&1 && exit 0; sleep 0.1; done
echo "dockerd did not come back" >&2; exit 1
`;
      writeFileSync(script, text, { mode: 0o755 });
    }
    return script;
  }

  get restarts(): number {
    return readFileSync(this.#restarts, 'utf8').split('\n').length - 1;
  }

  /** Everything goes, the containers first. */
  async destroy(): Promise<void> {
    const ids = await this.docker('ps', '-q').catch(() => '');
    if (ids) await this.docker('kill', ...ids.split('\n')).catch(() => {});
    await this.stop();
    for (let tries = 0; tries < 20; tries++) {
      try {
        rmSync(this.folder, { recursive: true, force: true });
        return;
      } catch {
        await sleep(100); // containerd is still letting go of a mount
      }
    }
  }
}
