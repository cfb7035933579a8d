/**
 * Owns what is soaked: five hosts in the lab with selvage on each, an etcd of three members, a real dockerd on the last host where there is one,
 * a ping from each host to the next two, and a TCP stream.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon } from '../test/helpers/daemon.ts';
import { DockerHost } from '../test/helpers/docker.ts';
import { eventually } from '../test/helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../test/helpers/lab.ts';
import { Probe } from './probe.ts';
import { Stream } from './stream.ts';

const HOSTS = 5;
/** Generous: the machine may be busy. */
const START_MS = 120_000;
/** Of the file system on which a host has its subnet.env, so that it can be filled. */
const DISK = '256k';

export class Bed {
  readonly lab: Lab;
  readonly daemons = new Map<LabHost, Daemon>();
  docker: DockerHost | undefined;
  probes: Probe[] = [];
  stream: Stream | undefined;
  /** Whose subnet.env is on a small file system of its own. */
  #disk: string | undefined;

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  static async open(): Promise<Bed> {
    const bed = new Bed(await createLab({ hosts: HOSTS, members: 3 }));
    try {
      await bed.#start();
      return bed;
    } catch (error) {
      await bed.close();
      throw error;
    }
  }

  get hosts(): LabHost[] {
    return this.lab.hosts;
  }

  /** The one with the small disk. */
  get diskHost(): LabHost {
    return this.hosts[3]!;
  }

  startDaemon(host: LabHost): Daemon {
    const docker = host === this.docker?.host ? this.docker : undefined;
    const args = docker
      ? ['--docker=opts', '--docker-restart=always', `--docker-restart-command=${docker.restartCommand}`]
      : [];
    const daemon = host.startDaemon(args);
    this.daemons.set(host, daemon);
    return daemon;
  }

  async #start(): Promise<void> {
    const { folder } = this.diskHost;
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'selvage-soak', folder]);
    this.#disk = folder;
    process.once('exit', () => this.#unmount());
    if (isCommand('dockerd') && isCommand('docker')) this.docker = new DockerHost(this.hosts.at(-1)!);
    for (const host of this.hosts) this.startDaemon(host);
    for (const host of this.hosts) {
      await eventually(() => host.subnetEnv(), { what: `subnet.env of ${host.name}`, timeout: START_MS });
      if (host !== this.docker?.host) await host.attachContainerNet();
    }
    if (this.docker) await this.#startDocker(this.docker);
    const { hosts } = this;
    const ways = hosts.flatMap((from, i) => [1, 2].map((step) => [from, hosts[(i + step) % hosts.length]!] as const));
    for (const [from, to] of ways)
      await eventually(() => from.ping(to), { what: `${from.name} to reach ${to.name}`, timeout: START_MS });
    this.probes = ways.map(([from, to]) => new Probe(from, to));
    this.stream = await Stream.start(hosts[0]!, hosts[2]!);
  }

  async #startDocker(docker: DockerHost): Promise<void> {
    await eventually(() => existsSync(docker.optsFile), { what: `${docker.optsFile}`, timeout: START_MS });
    await docker.start();
    await eventually(
      async () => (await docker.bridgeAddresses()).includes(docker.host.subnetEnv()?.FLANNEL_SUBNET ?? '-'),
      {
        what: `docker0 of ${docker.host.name} on its subnet`,
        timeout: START_MS,
      },
    );
  }

  #unmount(): void {
    if (this.#disk === undefined) return;
    const folder = this.#disk;
    this.#disk = undefined;
    try {
      execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
    } catch {
      // gone already
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.probes.map((probe) => probe.stop()));
    await this.stream?.stop();
    await Promise.all([...this.daemons.values()].map((daemon) => daemon.kill()));
    await this.docker?.destroy();
    this.#unmount();
    await this.lab.destroy();
  }
}

const isCommand = (name: string): boolean =>
  (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, name)));
