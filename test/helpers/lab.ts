/**
 * Owns the lab: N hosts in network namespaces on one underlay, and a real etcd that all of them reach.
 *
 *   underlay ns:  br0 192.168.64.1/24, etcd       host ns i (from 0):  eth0 192.168.64.(i+2)/24, default route via 192.168.64.1
 *
 * - Each host has a folder of its own with its subnet.env and its last good copy. selvage finds etcd and those files by SELVAGE_*
 *   variables, so that flags stay the test's own; nothing of this process's SELVAGE_*, FLANNELD_* and NODE_* reaches it.
 * - Everything goes with `destroy()`, and also at exit and on a signal (netns.ts and etcd.ts see to it).
 * - selvage is the built dist/selvage.js, or main.ts by tsx if SELVAGE_LAB_RUN=tsx.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../reconciler/contracts/report.ts';
import { Daemon } from './daemon.ts';
import { checkDocument } from './documents.ts';
import { dumpHost } from './dump.ts';
import { type Etcd, type EtcdOptions, startCluster, startEtcd } from './etcd.ts';
import { eventually } from './eventually.ts';
import { type FakePeer, leaseKey, leaseValue, putMany } from './leases.ts';
import { connect, createNetns, type ExecResult, type Netns } from './netns.ts';
import { ContinuousPing, type PingOptions, pingOnce } from './ping.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const PREFIX = '/coreos.com/network';
const UNDERLAY = '192.168.64';
/** Where a host's daemon serves its report, on the loopback of its own namespace. */
const HEALTH_PORT = 8471;

export interface LabOptions {
  /** Default 2. At most 200. */
  hosts?: number;
  /** Put into etcd at once: the network config. Default: vxlan on 10.5.0.0/16. null: none. */
  config?: object | string | null;
  /** More flags for etcd. */
  etcdArgs?: string[];
  /** Members of the etcd cluster, default 1; `lab.etcd` is the first. */
  members?: number;
  /** MTU of the underlay. Default 1500. */
  mtu?: number;
}

/** Hosts draw their subnets from the lower ones, by chance: leases that a test makes up are from 10.5.100.0 on. */
export const DEFAULT_CONFIG = { Network: '10.5.0.0/16', SubnetMax: '10.5.99.0', Backend: { Type: 'vxlan' } };

/** The command that runs selvage, with what comes before its arguments. */
function selvageCommand(): string[] {
  if (process.env.SELVAGE_LAB_RUN === 'tsx') return [process.execPath, '--import', 'tsx', join(root, 'main.ts')];
  const built = join(root, 'dist/selvage.js');
  if (!existsSync(built)) throw new Error(`${built} is missing: npm run build`);
  return [process.execPath, built];
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  const own = /^(SELVAGE_|FLANNELD_|ETCD|NODE_|npm_)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  /** Standard input. */
  input?: string;
  /** Milliseconds until it is killed; default 60,000. */
  timeout?: number;
  /** Shell commands before it, in the mount namespace that it has for itself: what they mount nobody else sees. $$ is its pid. */
  prepare?: string;
}

export class LabHost {
  readonly name: string;
  readonly ns: Netns;
  /** On the underlay: "192.168.64.2". */
  readonly address: string;
  readonly folder: string;
  readonly subnetFile: string;
  readonly stateCache: string;
  readonly #lab: Lab;

  constructor(lab: Lab, index: number, ns: Netns) {
    this.#lab = lab;
    this.ns = ns;
    this.name = `host${index + 1}`;
    this.address = `${UNDERLAY}.${index + 2}`;
    this.folder = mkdtempSync(join(lab.folder, `${this.name}-`));
    this.subnetFile = join(this.folder, 'subnet.env');
    this.stateCache = join(lab.folder, `${this.name}-desired.json`);
  }

  #environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return {
      ...cleanEnvironment(),
      SELVAGE_ETCD_ENDPOINTS: this.#lab.members.map(({ endpoint }) => endpoint).join(','),
      SELVAGE_SUBNET_FILE: this.subnetFile,
      SELVAGE_STATE_CACHE: this.stateCache,
      // Not this machine's own Docker, which a network namespace doesn't hide.
      SELVAGE_DOCKER_HOST: `unix://${this.folder}/docker.sock`,
      SELVAGE_DOCKER_DAEMON_JSON: join(this.folder, 'daemon.json'),
      SELVAGE_DOCKER_OPTS_FILE: join(this.folder, 'docker_opts.env'),
      ...more,
    };
  }

  #start(args: string[], { env, prepare }: RunOptions, stdin: 'ignore' | 'pipe') {
    const words = ['setpriv', '--pdeathsig', 'KILL', ...selvageCommand(), ...args];
    const [command = '', ...rest] =
      prepare === undefined ? words : ['sh', '-ec', `${prepare}\nexec "$@"`, 'sh', ...words];
    return this.ns.spawn(command, rest, {
      env: this.#environment(env),
      cwd: root,
      stdio: [stdin, 'pipe', 'pipe'],
    });
  }

  /** Runs selvage to its end. Never rejects for an exit code; -1 if a signal ended it. */
  selvage(args: string[], options: RunOptions = {}): Promise<ExecResult> {
    const child = this.#start(args, options, 'pipe');
    const result = { stdout: '', stderr: '', code: -1 };
    child.stdout?.setEncoding('utf8').on('data', (text) => (result.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text) => (result.stderr += text));
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? 60_000);
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        clearTimeout(timer);
        try {
          if (code !== null) checkDocument(result.stdout);
          resolve({ ...result, code: code ?? -1 });
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** `selvage ARGS --format=json`, parsed, with its exit code. */
  async report(args: string[], options: RunOptions = {}): Promise<{ code: number; report: Report; stderr: string }> {
    const { code, stdout, stderr } = await this.selvage([...args, '--format=json'], options);
    try {
      return { code, report: JSON.parse(stdout) as Report, stderr };
    } catch (cause) {
      throw new Error(`selvage ${args.join(' ')} printed no report: exit ${code}\n${stdout}\n${stderr}`, { cause });
    }
  }

  /** Starts the daemon; returns at once. It serves its report (`lastReport`). */
  startDaemon(args: string[] = [], options: Pick<RunOptions, 'env' | 'prepare'> = {}): Daemon {
    const health = ['--healthz-ip=127.0.0.1', `--healthz-port=${HEALTH_PORT}`];
    return new Daemon(this.#start([...health, ...args], options, 'ignore'));
  }

  /** The report of the running daemon's last round; undefined before the first, or without a daemon. */
  async lastReport(): Promise<Report | undefined> {
    // From inside the namespace, by what Debian always has.
    const get = `exec 3<>/dev/tcp/127.0.0.1/${HEALTH_PORT} && printf 'GET /report HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`;
    const { stdout } = await this.ns.exec('bash', '-c', get);
    const [head = '', body = ''] = stdout.split(/\r\n\r\n(.*)/s);
    if (!/ 200 /.test(head.split('\r\n')[0]!)) return undefined;
    checkDocument(body);
    return JSON.parse(body) as Report;
  }

  ip(...args: string[]): Promise<string> {
    return this.ns.ip(...args);
  }

  /** FLANNEL_SUBNET etc. of subnet.env; undefined while there is none. */
  subnetEnv(): Record<string, string> | undefined {
    if (!existsSync(this.subnetFile)) return undefined;
    const lines = readFileSync(this.subnetFile, 'utf8').split('\n');
    return Object.fromEntries(lines.flatMap((line) => (line.includes('=') ? [line.split(/=(.*)/s).slice(0, 2)] : [])));
  }

  /** This host's own address on the overlay ("10.5.34.1"), as in subnet.env. */
  get containerAddress(): string {
    const subnet = this.subnetEnv()?.FLANNEL_SUBNET;
    if (subnet === undefined) throw new Error(`${this.name} has no subnet.env yet`);
    return subnet.split('/')[0]!;
  }

  /** Waits for subnet.env, then gives the host the bridge that its containers would be on: cni0 with the subnet's first address. */
  async attachContainerNet(): Promise<string> {
    const env = await eventually(() => this.subnetEnv(), { what: `${this.subnetFile} of ${this.name}` });
    await this.ns.ipBatch([
      'link add cni0 type bridge',
      `address add ${env.FLANNEL_SUBNET} dev cni0`,
      'link set cni0 up',
    ]);
    return this.containerAddress;
  }

  /** One ping over the overlay, between the container networks of both hosts. */
  ping(other: LabHost, options: PingOptions = {}): Promise<boolean> {
    return pingOnce(this.ns, other.containerAddress, { source: this.containerAddress, ...options });
  }

  /** Pings over the overlay every 10 ms until it is stopped. */
  startPing(other: LabHost): ContinuousPing {
    return new ContinuousPing(this.ns, other.containerAddress, this.containerAddress);
  }

  /** The whole network configuration as text, for comparing before and after. */
  async dump(): Promise<string> {
    return JSON.stringify(await dumpHost(this.ns), null, 1);
  }
}

export class Lab {
  readonly underlay: Netns;
  members: Etcd[];
  readonly folder: string;
  readonly hosts: LabHost[] = [];
  readonly #etcdOptions: EtcdOptions;
  readonly #removeFolder: () => void;

  constructor(underlay: Netns, members: Etcd[], etcdOptions: EtcdOptions) {
    this.underlay = underlay;
    this.members = members;
    this.#etcdOptions = etcdOptions;
    this.folder = mkdtempSync(join(tmpdir(), `selvage-lab-${process.pid}-`));
    this.#removeFolder = () => rmSync(this.folder, { recursive: true, force: true });
    process.once('exit', this.#removeFolder);
  }

  get etcd(): Etcd {
    return this.members[0]!;
  }

  /** One more host on the underlay. */
  async addHost(mtu = 1500): Promise<LabHost> {
    const index = this.hosts.length;
    const ns = await createNetns(`h${index + 1}`);
    const host = new LabHost(this, index, ns);
    this.hosts.push(host);
    // Addresses that are final at once, for those who compare dumps; a machine without IPv6 has none that aren't.
    await ns.sysctl('net.ipv6.conf.default.accept_dad', '0').catch(() => {});
    const port = `port${index + 1}`;
    await connect(this.underlay, port, ns, 'eth0');
    await this.underlay.ip('link', 'set', port, 'master', 'br0', 'mtu', String(mtu));
    await ns.ipBatch([
      `link set eth0 mtu ${mtu}`,
      `address add ${host.address}/24 dev eth0`,
      `route add default via ${UNDERLAY}.1`,
    ]);
    await ns.sysctl('net.ipv4.ip_forward', '1');
    return host;
  }

  /** A new, empty etcd at the same address and port, as after the loss of its disk. */
  async replaceEtcd(): Promise<void> {
    const { clientPort } = this.etcd;
    await this.etcd.destroy();
    this.members = [await startEtcd({ ...this.#etcdOptions, clientPort })];
  }

  async put(key: string, value: string): Promise<void> {
    await this.etcd.etcdctl('put', key, value);
  }

  async delete(key: string): Promise<void> {
    await this.etcd.etcdctl('del', key);
  }

  /** "" if there is no such key. */
  async get(key: string): Promise<string> {
    return (await this.etcd.etcdctl('get', '--print-value-only', key)).trimEnd();
  }

  /** The network config of all hosts: an object, or the exact text. */
  putConfig(config: object | string, prefix = PREFIX): Promise<void> {
    return this.put(`${prefix}/config`, typeof config === 'string' ? config : JSON.stringify(config));
  }

  /** Keys and values of all leases. */
  async leases(prefix = PREFIX): Promise<Map<string, string>> {
    const lines = (await this.etcd.etcdctl('get', '--prefix', `${prefix}/subnets/`)).trimEnd().split('\n');
    const found = new Map<string, string>();
    for (let at = 0; at + 1 < lines.length; at += 2) found.set(lines[at]!, lines[at + 1]!);
    return found;
  }

  putPeer(peer: FakePeer, prefix = PREFIX): Promise<void> {
    return this.put(leaseKey(prefix, peer.subnet), leaseValue(peer));
  }

  deletePeer(peer: FakePeer, prefix = PREFIX): Promise<void> {
    return this.delete(leaseKey(prefix, peer.subnet));
  }

  /** Many at once, a hundred to a transaction. */
  putPeers(peers: FakePeer[], prefix = PREFIX): Promise<void> {
    const entries = peers.map((peer): [string, string] => [leaseKey(prefix, peer.subnet), leaseValue(peer)]);
    return putMany(this.underlay, this.etcd.endpoint, entries);
  }

  /** etcd's revision: changes with every write by anybody. */
  async revision(): Promise<number> {
    const [answer] = JSON.parse(await this.etcd.etcdctl('endpoint', 'status', '--write-out=json'));
    return answer.Status.header.revision;
  }

  async destroy(): Promise<void> {
    await Promise.all(this.hosts.map(({ ns }) => ns.destroy()));
    await Promise.all(this.members.map((member) => member.destroy()));
    await this.underlay.destroy();
    this.#removeFolder();
    process.off('exit', this.#removeFolder);
  }
}

/** A lab that is ready: etcd answers, the hosts reach it, and the config is in it. */
export async function createLab(given: LabOptions = {}): Promise<Lab> {
  const { hosts = 2, config = DEFAULT_CONFIG, etcdArgs, members = 1, mtu } = given;
  const underlay = await createNetns('net');
  try {
    // With an address of its own: else each host that is added may give the bridge another one, and nobody who knows the old gets through.
    await underlay.ipBatch([
      'link add br0 address 02:00:00:00:00:01 type bridge',
      `address add ${UNDERLAY}.1/24 dev br0`,
      'link set br0 up',
    ]);
    const options = { netns: underlay.name, ip: `${UNDERLAY}.1`, extraArgs: etcdArgs };
    const etcd = members === 1 ? [await startEtcd(options)] : await startCluster(members, options);
    const lab = new Lab(underlay, etcd, options);
    try {
      for (let count = 0; count < hosts; count++) await lab.addHost(mtu);
      if (config !== null) await lab.putConfig(config);
      return lab;
    } catch (error) {
      await lab.destroy();
      throw error;
    }
  } catch (error) {
    await underlay.destroy();
    throw error;
  }
}
