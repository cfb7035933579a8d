/** Owns a host on which something follows the leases of many peers, and what can be timed on it: a lease put → its route, a route deleted → back. */

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Daemon } from '../test/helpers/daemon.ts';
import { EtcdWriter } from '../test/helpers/etcd-writer.ts';
import { eventually } from '../test/helpers/eventually.ts';
import { createLab, type Lab, type LabHost, PREFIX } from '../test/helpers/lab.ts';
import { type FakePeer, fakePeer, leaseKey, leaseValue } from '../test/helpers/leases.ts';
import { KernelMonitor } from '../test/helpers/monitor.ts';
import { V2Writer } from '../test/helpers/v2-writer.ts';
import { BIG_NETWORK } from './cold.ts';

const bareWatcher = fileURLToPath(new URL('./bare-watcher.ts', import.meta.url));
/** Of curl, whose command line has all of them. */
const AT_ONCE = 200;

export interface Followed {
  peers: number;
  /** v3, if absent. */
  api?: 'v2' | 'v3';
  /** By bench/bare-watcher.ts instead of selvage; the peers are only in etcd then. */
  bare?: boolean;
  env?: Record<string, string>;
}

export class Running {
  readonly lab: Lab;
  readonly host: LabHost;
  readonly daemon: Daemon;
  readonly peers: number;
  readonly #isV2: boolean;
  readonly #isBare: boolean;
  readonly #writer: EtcdWriter;
  readonly monitor: KernelMonitor;

  private constructor(
    lab: Lab,
    { peers, api, bare }: Followed,
    daemon: Daemon,
    writer: EtcdWriter,
    monitor: KernelMonitor,
  ) {
    this.lab = lab;
    this.host = lab.hosts[0]!;
    this.peers = peers;
    this.daemon = daemon;
    this.#isV2 = api === 'v2';
    this.#isBare = bare === true;
    this.#writer = writer;
    this.monitor = monitor;
  }

  /** The host is in sync when this resolves. */
  static async start(what: Followed): Promise<Running> {
    const isV2 = what.api === 'v2';
    const lab = await createLab({
      hosts: 1,
      config: isV2 ? null : BIG_NETWORK,
      etcdArgs: ['--quota-backend-bytes=2147483648', ...(isV2 ? ['--enable-v2'] : [])],
    });
    try {
      const peers = Array.from({ length: what.peers }, (_, index) => fakePeer(index));
      if (isV2) await putV2(lab, peers);
      else await lab.putPeers(peers);
      const daemon = what.bare ? await watchBarely(lab, what.api ?? 'v3') : await follow(lab, what);
      await sleep(1000); // its last round, too, is over
      const monitor = await KernelMonitor.start(lab.hosts[0]!.ns, ['route', 'nexthop', 'neigh']);
      return new Running(lab, what, daemon, await EtcdWriter.start(lab.underlay, lab.etcd.endpoint), monitor);
    } catch (error) {
      await lab.destroy();
      throw error;
    }
  }

  /** Puts one more lease, and takes it away again; ms from sending the put to the kernel's announcement of the route. */
  async putToRoute(): Promise<number> {
    const peer = fakePeer(this.peers + 1000);
    const key = leaseKey(PREFIX, peer.subnet);
    const mark = this.monitor.mark();
    const isRoute = (text: string) => text.startsWith(`[ROUTE]${peer.subnet} `);
    const { sentAt } = await (this.#isV2
      ? this.#writer.putV2(key, leaseValue(peer))
      : this.#writer.put(key, leaseValue(peer)));
    const { at } = await this.monitor.next(isRoute, { from: mark, what: `the route to ${peer.subnet}` });
    await (this.#isV2 ? this.#writer.deleteV2(key) : this.#writer.delete(key));
    await this.#isGone(peer.subnet);
    return at - sentAt;
  }

  /** The bare watcher takes nothing away, so that is done for it. */
  async #isGone(subnet: string): Promise<void> {
    await eventually(
      async () => {
        if ((await this.host.ns.ip('route', 'show', subnet)) === '') return true;
        if (this.#isBare) await this.host.ip('route', 'del', subnet);
        return false;
      },
      { what: 'the route to go' },
    );
  }

  /** Deletes a route; ms from the kernel's announcement of that to the one of its return. */
  async deleteToBack(index: number): Promise<number> {
    const { subnet } = fakePeer(index);
    const mark = this.monitor.mark();
    await this.host.ip('route', 'del', subnet);
    const gone = await this.monitor.next((text) => text.startsWith(`[ROUTE]Deleted ${subnet} `), { from: mark });
    const back = await this.monitor.next((text) => text.startsWith(`[ROUTE]${subnet} `), {
      from: mark,
      what: 'its return',
    });
    return back.at - gone.at;
  }

  async stop(): Promise<void> {
    await this.daemon.kill();
    await this.#writer.stop();
    await this.lab.destroy();
  }
}

async function putV2(lab: Lab, peers: readonly FakePeer[]): Promise<void> {
  const writer = new V2Writer(lab);
  await writer.set(`${PREFIX}/config`, JSON.stringify(BIG_NETWORK));
  for (let at = 0; at < peers.length; at += AT_ONCE)
    await writer.setMany(
      peers.slice(at, at + AT_ONCE).map((peer) => [leaseKey(PREFIX, peer.subnet), leaseValue(peer)]),
    );
}

async function follow(lab: Lab, { peers, api = 'v3', env }: Followed): Promise<Daemon> {
  const host = lab.hosts[0]!;
  const daemon = host.startDaemon([`--etcd-api=${api}`], { env });
  const routes = async () => (await host.ns.ipJson('route', 'show', 'dev', 'flannel.1')).length;
  await eventually(async () => host.subnetEnv() && (await routes()) === peers, {
    what: `${peers} routes`,
    timeout: 120_000,
    interval: 200,
  });
  return daemon;
}

async function watchBarely(lab: Lab, api: 'v2' | 'v3'): Promise<Daemon> {
  const { ns, address } = lab.hosts[0]!;
  await ns.ip(
    'link',
    'add',
    'flannel.1',
    'type',
    'vxlan',
    'id',
    '1',
    'dstport',
    '8472',
    'local',
    address,
    'dev',
    'eth0',
    'nolearning',
  );
  await ns.ip('address', 'add', '10.0.1.0/32', 'dev', 'flannel.1');
  await ns.ip('link', 'set', 'flannel.1', 'up');
  const [link] = await ns.ipJson('link', 'show', 'dev', 'flannel.1');
  const child = ns.spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      process.execPath,
      '--import',
      'tsx',
      bareWatcher,
      lab.etcd.endpoint,
      api,
      String(link?.ifindex),
    ],
    {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const watcher = new Daemon(child);
  await watcher.waitForLine(/^watching$/);
  return watcher;
}
