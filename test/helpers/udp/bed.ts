/**
 * Owns the test bed of the udp data path: hosts in namespaces on one wire, each with a container behind a bridge, and on each either our
 * engine or the plain peer.
 *
 *   host i (from 0): eth0 192.168.70.(i+1)/24, flannel0 10.7.(i+1).0/32, route 10.7.0.0/16 dev flannel0, cni0 10.7.(i+1).1/24
 *   container i:     eth0 10.7.(i+1).2/24, default route via cni0
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inNetns } from '../../../drivers/netlink/netns.ts';
import { EngineClient } from '../../../drivers/udp/client.ts';
import type { EngineFds } from '../../../drivers/udp/engine/calls.ts';
import { closeFds, openForEngine, startEngine } from '../../../drivers/udp/engine-process.ts';
import type { Without } from '../../../drivers/udp/open-tun.ts';
import { connect, createNetns, type Netns } from '../netns.ts';
import { plainPeer } from './plain-peer.ts';

export const PORT = 8285;
/** What the build made; `npm test` builds before the lab. */
const built = fileURLToPath(new URL('../../../dist/udp-engine.cjs', import.meta.url));
export const engineProgram = (): string[] | undefined => (existsSync(built) ? [built] : undefined);

export type Engine = 'ours' | 'plain';

export interface BedOptions {
  /** What runs on each host; default ours on two. */
  engines?: Engine[];
  without?: Without;
  mtu?: number;
  /** Without an engine yet. */
  bare?: boolean;
}

export const subnetOf = (index: number): string => `10.7.${index + 1}.0/24`;
export const hostAddress = (index: number): string => `192.168.70.${index + 1}`;

export class BedHost {
  readonly index: number;
  readonly ns: Netns;
  readonly container: Netns;
  readonly path: string;
  client: EngineClient | undefined;
  fds: EngineFds | undefined;
  /** Of the engine or the plain peer. */
  pid = 0;

  constructor(index: number, ns: Netns, container: Netns, folder: string) {
    this.index = index;
    this.ns = ns;
    this.container = container;
    this.path = join(folder, `engine-${index}.sock`);
  }

  get address(): string {
    return hostAddress(this.index);
  }

  /** On the bridge: the host itself, as containers know it. */
  get gateway(): string {
    return `10.7.${this.index + 1}.1`;
  }

  get containerAddress(): string {
    return `10.7.${this.index + 1}.2`;
  }

  /** `peers`: subnets with their hosts. */
  async startOurs(peers: [string, string][], without: Without = {}): Promise<void> {
    const parameters = { device: 'flannel0', address: this.address, port: PORT, prefix: '/test' };
    const { fds, features } = inNetns(this.ns.path, () => openForEngine(parameters, without));
    this.fds = fds;
    this.pid = await startEngine(
      { path: this.path, parameters, features, wasm: without.wasm !== true, peers },
      fds,
      engineProgram(),
    );
    const { pid } = this;
    process.once('exit', () => endNow(pid));
    this.client = await EngineClient.connect(this.path);
    closeFds(fds);
  }

  async startPlain(peers: [string, string][]): Promise<void> {
    const [command, ...args] = plainPeer().command;
    const routes = peers.map(([subnet, host]) => `${subnet}=${host}`);
    const child = this.ns.spawn(command!, [...args, 'flannel0', this.address, String(PORT), ...routes], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.pid = child.pid!;
    await new Promise<void>((resolve, reject) => {
      child.stdout!.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`the plain peer ended (exit ${code})`)));
    });
  }

  /** flannel0 as the agent makes it. */
  configure(mtu: number): Promise<string> {
    return this.ns.ipBatch([
      `link set flannel0 mtu ${mtu} up`,
      `address add 10.7.${this.index + 1}.0/32 dev flannel0`,
      'route add 10.7.0.0/16 dev flannel0',
    ]);
  }

  async stop(): Promise<void> {
    if (!this.client) return endNow(this.pid);
    await this.client.stop().catch(() => {});
    this.client = undefined;
  }
}

export class Bed {
  readonly hosts: BedHost[] = [];
  readonly #wire: Netns;
  readonly #folder: string;

  constructor(wire: Netns, folder: string) {
    this.#wire = wire;
    this.#folder = folder;
  }

  async addHost(mtu: number): Promise<BedHost> {
    const index = this.hosts.length;
    const ns = await createNetns(`udp${index}`);
    const container = await createNetns(`pod${index}`);
    const host = new BedHost(index, ns, container, this.#folder);
    this.hosts.push(host);
    await connect(this.#wire, `port${index}`, ns, 'eth0');
    await this.#wire.ip('link', 'set', `port${index}`, 'master', 'br0', 'mtu', String(mtu));
    await ns.sysctl('net.ipv4.ip_forward', '1');
    await ns.ipBatch([
      `address add ${host.address}/24 dev eth0`,
      `link set eth0 mtu ${mtu}`,
      'link add cni0 type bridge',
    ]);
    await ns.ipBatch([`address add ${host.gateway}/24 dev cni0`, 'link set cni0 up']);
    await connect(ns, 'pod', container, 'eth0');
    await ns.ipBatch([`link set pod mtu ${mtu - 28} master cni0`]);
    await container.ipBatch([
      `link set eth0 mtu ${mtu - 28}`,
      `address add ${host.containerAddress}/24 dev eth0`,
      `route add default via ${host.gateway}`,
    ]);
    return host;
  }

  /** Puts another namespace on the wire. */
  async join(ns: Netns, name: string, address: string): Promise<void> {
    await connect(this.#wire, name, ns, 'eth0');
    await this.#wire.ip('link', 'set', name, 'master', 'br0');
    await ns.ip('address', 'add', `${address}/24`, 'dev', 'eth0');
  }

  /** Peers of a host: all others. */
  peersOf(index: number): [string, string][] {
    return this.hosts.filter((host) => host.index !== index).map((host) => [subnetOf(host.index), host.address]);
  }

  async destroy(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.stop()));
    await Promise.all(this.hosts.flatMap(({ ns, container }) => [ns.destroy(), container.destroy()]));
    await this.#wire.destroy();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export async function createBed(options: BedOptions = {}): Promise<Bed> {
  const { engines = ['ours', 'ours'], without = {}, mtu = 1500, bare = false } = options;
  const wire = await createNetns('wire');
  const bed = new Bed(wire, mkdtempSync(join(tmpdir(), `selvage-udp-${process.pid}-`)));
  try {
    await wire.ipBatch(['link add br0 type bridge', 'link set br0 up']);
    for (const _ of engines) await bed.addHost(mtu);
    if (bare) return bed;
    for (const [index, engine] of engines.entries()) {
      const host = bed.hosts[index]!;
      if (engine === 'ours') await host.startOurs(bed.peersOf(index), without);
      else await host.startPlain(bed.peersOf(index));
      await host.configure(mtu - 28);
    }
    return bed;
  } catch (error) {
    await bed.destroy();
    throw error;
  }
}

/** An engine outlives the test that started it, unless it is ended. A number that is another process's by now is left alone. */
function endNow(pid: number): void {
  try {
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('selvage udp')) process.kill(pid, 'SIGKILL');
  } catch {
    // gone already
  }
}
