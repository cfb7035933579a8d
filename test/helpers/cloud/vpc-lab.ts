/**
 * Owns a lab whose hosts are in a VPC: no link of theirs leads to another host. Each has a port of a router that forwards by the fake cloud's
 * route tables and drops by its source/dest checks; metadata and API are where instances look for them.
 *
 *   router ns:  port i (proxy ARP), 192.168.64.1 and 169.254.169.254 on lo, etcd       host ns i:  eth0 192.168.64.(i+2)/24
 */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Daemon } from '../daemon.ts';
import { type EtcdOptions, startEtcd } from '../etcd.ts';
import { eventually } from '../eventually.ts';
import { Lab, LabHost } from '../lab.ts';
import { connect, createNetns, type Netns } from '../netns.ts';
import type { Eni } from './aws-world.ts';
import type { VpcMethods } from './vpc-process.ts';

const PROCESS = fileURLToPath(new URL('vpc-process.ts', import.meta.url));
const ROUTER = '192.168.64.1';

type Awaited1<M extends keyof VpcMethods> = Promise<Awaited<ReturnType<VpcMethods[M]>>>;

/** The fake clouds, which run in the router's namespace. */
export class Cloud {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #count = 0;
  /** What the process said, for failures. */
  text = '';

  constructor(router: Netns) {
    this.#child = router.spawn(process.execPath, ['--import', 'tsx', PROCESS], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.text += text;
      });
    this.#child.on('message', (message: { id: number; result?: unknown; error?: string }) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) waiting?.resolve(message.result);
      else waiting?.reject(new Error(message.error));
    });
    this.#child.once('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the cloud ended (${code}): ${this.text}`));
    });
  }

  /** Resolves once it serves. */
  started(): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(0, { resolve, reject }));
  }

  call<M extends keyof VpcMethods>(method: M, ...args: Parameters<VpcMethods[M]>): Awaited1<M> {
    const id = ++this.#count;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#child.send({ id, method, args });
    return answer as Awaited1<M>;
  }
}

export class VpcLab extends Lab {
  readonly cloud: Cloud;
  readonly #kind: 'aws-vpc' | 'gce';
  /** By host name. */
  readonly enis = new Map<string, Eni>();

  constructor(router: Netns, members: Lab['members'], options: EtcdOptions, kind: 'aws-vpc' | 'gce', cloud: Cloud) {
    super(router, members, options);
    this.#kind = kind;
    this.cloud = cloud;
  }

  /** An instance of the cloud; odd ones are in subnet-0a, even ones in subnet-0b. */
  override async addHost(): Promise<LabHost> {
    const index = this.hosts.length;
    const ns = await createNetns(`v${index + 1}`);
    const host = new LabHost(this, index, ns);
    this.hosts.push(host);
    await ns.sysctl('net.ipv6.conf.default.accept_dad', '0').catch(() => {});
    const port = `port${index + 1}`;
    await connect(this.underlay, port, ns, 'eth0');
    await this.underlay.sysctl(`net.ipv4.conf.${port}.proxy_arp`, '1');
    await this.underlay.sysctl(`net.ipv4.conf.${port}.rp_filter`, '0');
    await this.underlay.ip('route', 'add', `${host.address}/32`, 'dev', port);
    await ns.ipBatch([`address add ${host.address}/24 dev eth0`, `route add default via ${ROUTER}`]);
    await ns.sysctl('net.ipv4.ip_forward', '1');
    if (this.#kind === 'gce') await this.cloud.call('addGceInstance', port, host.address, host.name, true);
    else {
      const subnet = index % 2 === 0 ? 'subnet-0a' : 'subnet-0b';
      this.enis.set(host.name, await this.cloud.call('addInstance', port, host.address, subnet));
    }
    return host;
  }

  /** A daemon on each host, and a bridge for its containers; resolves when all have a subnet. */
  async startDaemons(args: string[]): Promise<Daemon[]> {
    const daemons = this.hosts.map((host) => host.startDaemon(args));
    const all = () => this.hosts.every((host) => host.subnetEnv());
    await eventually(all, { what: 'a subnet for every host', timeout: 60_000 });
    await Promise.all(this.hosts.map((host) => host.attachContainerNet()));
    return daemons;
  }

  /** Resolves when the last report of each host says that it has converged. */
  async allConverged(): Promise<void> {
    for (const host of this.hosts)
      await eventually(async () => (await host.lastReport())?.converged, {
        what: `${host.name} to converge`,
        timeout: 60_000,
      });
  }

  eni(host: LabHost): Eni {
    return this.enis.get(host.name)!;
  }

  /** The machine is gone, and the cloud knows. */
  async kill(host: LabHost): Promise<void> {
    await this.cloud.call('terminate', this.enis.get(host.name)?.instance ?? host.name, host.address);
    await host.ns.destroy();
  }
}

export interface VpcOptions {
  kind?: 'aws-vpc' | 'gce';
  hosts?: number;
  config: object;
}

export async function createVpcLab({ kind = 'aws-vpc', hosts = 2, config }: VpcOptions): Promise<VpcLab> {
  const router = await createNetns('vpc');
  try {
    await router.ipBatch([`address add ${ROUTER}/32 dev lo`, 'address add 169.254.169.254/32 dev lo']);
    await router.sysctl('net.ipv4.ip_forward', '1');
    await router.sysctl('net.ipv4.conf.all.rp_filter', '0');
    const cloud = new Cloud(router);
    const options = { netns: router.name, ip: ROUTER };
    const [etcd] = await Promise.all([startEtcd(options), cloud.started()]);
    const lab = new VpcLab(router, [etcd], options, kind, cloud);
    // Its hosts' processes take them from this one's environment, as the rest of what has nothing to do with selvage's flags.
    process.env.AWS_ENDPOINT_URL_EC2 = `http://${ROUTER}:8080`;
    process.env.CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE = `http://${ROUTER}:8081/compute/v1/`;
    try {
      for (let count = 0; count < hosts; count++) await lab.addHost();
      await lab.putConfig(config);
      return lab;
    } catch (error) {
      await lab.destroy();
      throw error;
    }
  } catch (error) {
    await router.destroy();
    throw error;
  }
}
