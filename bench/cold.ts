/**
 * Owns the cold start: `selvage --once` on a host that has nothing, process start and etcd included, until it has converged and verified,
 * beside iproute2 loading the same objects from files (flannel's own form, plain gateways) into a host as fresh. In alternation.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from '../reconciler/contracts/report.ts';
import { createLab, type Lab, type LabHost } from '../test/helpers/lab.ts';
import { type FakePeer, fakePeer } from '../test/helpers/leases.ts';
import type { Figure } from './figures.ts';
import { timed } from './process.ts';
import { median } from './statistics.ts';

const preload = fileURLToPath(new URL('./peak-memory.cjs', import.meta.url));
const selvage = fileURLToPath(new URL('../dist/selvage.js', import.meta.url));
/** Room for 65,280 peers beside our own lease. */
export const BIG_NETWORK = { Network: '10.0.0.0/8', SubnetLen: 24, Backend: { Type: 'vxlan' } };

/** flanneld and selvage leave out the network's own first subnet; a lease of ours is among the 255 after it. */
const FIRST_SUBNET = '10.1.0.0';

/** The files that iproute2 loads: what selvage makes on this host, with plain gateways. */
function batches(host: LabHost, peers: FakePeer[]): { ip: string; bridge: string } {
  const vtep = (peer: FakePeer) => peer.subnet.split('/')[0];
  const ip = [
    `link add flannel.1 address 02:5e:ff:ff:ff:ff mtu 1450 type vxlan id 1 dstport 8472 local ${host.address} dev eth0 nolearning`,
    'address add 10.0.1.0/32 dev flannel.1',
    'link set flannel.1 up',
    ...peers.map((peer) => `neighbour replace ${vtep(peer)} lladdr ${peer.mac} dev flannel.1 nud permanent`),
    ...peers.map((peer) => `route replace ${peer.subnet} via ${vtep(peer)} dev flannel.1 onlink`),
  ];
  const bridge = peers.map((peer) => `fdb replace ${peer.mac} dev flannel.1 dst ${peer.publicIP} self permanent`);
  const files = { ip: join(host.folder, 'ip.batch'), bridge: join(host.folder, 'bridge.batch') };
  writeFileSync(files.ip, `${ip.join('\n')}\n`);
  writeFileSync(files.bridge, `${bridge.join('\n')}\n`);
  return files;
}

/** A result that isn't right must not be timed. */
async function check(host: LabHost, peers: FakePeer[], who: string): Promise<void> {
  const routes = await host.ns.ipJson('route', 'show', 'dev', 'flannel.1');
  const fdb = await host.ns.bridgeJson('fdb', 'show', 'dev', 'flannel.1');
  const arp = await host.ns.ipJson('neighbour', 'show', 'dev', 'flannel.1', 'nud', 'permanent');
  const counts = [routes.length, fdb.filter(({ dst }) => dst !== undefined).length, arp.length];
  if (counts.some((count) => count !== peers.length)) {
    throw new Error(`${who} made ${counts.join(', ')} routes, FDB and ARP entries for ${peers.length} peers`);
  }
}

async function runIproute2(lab: Lab, peers: FakePeer[]): Promise<number> {
  const host = await lab.addHost();
  const files = batches(host, peers);
  const env = { PATH: process.env.PATH };
  let ms = 0;
  for (const command of [
    ['ip', '-batch', files.ip],
    ['bridge', '-batch', files.bridge],
  ]) {
    const run = await timed(host.ns, command, env);
    if (run.code !== 0) throw new Error(`${command.join(' ')}: exit ${run.code}: ${run.stderr.slice(0, 500)}`);
    ms += run.ms;
  }
  await check(host, peers, 'iproute2');
  await host.ns.destroy();
  return ms;
}

/** With `peak`, a second result: the peak memory of the run in MB, which then isn't to be timed. */
async function runSelvage(lab: Lab, peers: FakePeer[], peak = false): Promise<{ ms: number; megabytes: number }> {
  const host = await lab.addHost();
  const peakFile = join(host.folder, 'peak');
  const env = {
    PATH: process.env.PATH,
    SELVAGE_ETCD_ENDPOINTS: lab.etcd.endpoint,
    SELVAGE_SUBNET_FILE: host.subnetFile,
    SELVAGE_STATE_CACHE: host.stateCache,
    ...(peak ? { SELVAGE_BENCH_PEAK: peakFile } : {}),
  };
  const node = [process.execPath, ...(peak ? ['-r', preload] : []), selvage];
  const run = await timed(host.ns, [...node, '--once', '--format=json'], env);
  const report = run.code === 0 ? (JSON.parse(run.stdout) as Report) : undefined;
  if (!report?.converged) throw new Error(`selvage --once: exit ${run.code}: ${run.stderr.slice(-1000)}`);
  await check(host, peers, 'selvage');
  const own = report.network.subnet.replace('/', '-');
  await lab.delete(`/coreos.com/network/subnets/${own}`); // the next host, too, finds exactly these peers
  await host.ns.destroy();
  return { ms: run.ms, megabytes: peak ? Number(readFileSync(peakFile, 'utf8')) / 1024 : 0 };
}

async function withPeers<T>(count: number, use: (lab: Lab, peers: FakePeer[]) => Promise<T>): Promise<T> {
  const lab = await createLab({ hosts: 0, config: BIG_NETWORK, etcdArgs: ['--quota-backend-bytes=2147483648'] });
  try {
    const peers = Array.from({ length: count }, (_, index) => fakePeer(index, FIRST_SUBNET));
    await lab.putPeers(peers);
    return await use(lab, peers);
  } finally {
    await lab.destroy();
  }
}

const memoryFigure = (count: number, value: number, limit?: number): Figure => ({
  what: `peak memory of it, ${count.toLocaleString('en')} peers`,
  value,
  unit: 'MB',
  limit,
  how: 'VmHWM, one run',
});

/** Beside iproute2. */
export function cold(count: number, rounds: number, ratioLimit: number, memoryLimit?: number): Promise<Figure[]> {
  return withPeers(count, async (lab, peers) => {
    const times = { selvage: [] as number[], iproute2: [] as number[] };
    const { megabytes } = await runSelvage(lab, peers, true); // also warms the page cache
    for (let round = 0; round < rounds; round++) {
      times.iproute2.push(await runIproute2(lab, peers));
      times.selvage.push((await runSelvage(lab, peers)).ms);
    }
    const [ours, theirs] = [median(times.selvage), median(times.iproute2)];
    return [
      {
        what: `cold --once, ${count.toLocaleString('en')} peers, against iproute2`,
        value: ours / theirs,
        unit: '×',
        limit: ratioLimit,
        how: `median of ${rounds}: ${ours.toFixed(0)} ms; ip -batch and bridge -batch ${theirs.toFixed(0)} ms`,
      },
      memoryFigure(count, megabytes, memoryLimit),
    ];
  });
}

/** Beside a Node that does nothing: of few peers most is the start. */
export function coldBesideNode(count: number, rounds: number, limit: number): Promise<Figure[]> {
  return withPeers(count, async (lab, peers) => {
    const times = { selvage: [] as number[], node: [] as number[] };
    const { megabytes } = await runSelvage(lab, peers, true);
    for (let round = 0; round < rounds; round++) {
      times.node.push((await timed(lab.underlay, [process.execPath, '-e', '0'], { PATH: process.env.PATH })).ms);
      times.selvage.push((await runSelvage(lab, peers)).ms);
    }
    const [ours, nodes] = [median(times.selvage), median(times.node)];
    return [
      {
        what: `cold --once, ${count.toLocaleString('en')} peers, against node -e 0`,
        value: ours / nodes,
        unit: '×',
        limit,
        how: `median of ${rounds}: ${ours.toFixed(0)} ms; node -e 0 ${nodes.toFixed(0)} ms`,
      },
      memoryFigure(count, megabytes),
    ];
  });
}

/** As many as there are /24s in 10.0.0.0/8, but for the first 256, of which one is ours; beside a quarter of that. */
export async function coldLarge(rounds: number): Promise<Figure[]> {
  const [quarter, all] = [16_384, 65_280];
  const measure = (count: number) =>
    withPeers(count, async (lab, peers) => {
      const { megabytes } = await runSelvage(lab, peers, true);
      const times: number[] = [];
      for (let round = 0; round < rounds; round++) times.push((await runSelvage(lab, peers)).ms);
      return { megabytes, ms: median(times) };
    });
  const [small, large] = [await measure(quarter), await measure(all)];
  return [
    {
      what: 'cold --once, 65,280 peers, against 16,384',
      value: large.ms / small.ms,
      unit: '×',
      limit: 5,
      how: `median of ${rounds}: ${large.ms.toFixed(0)} ms; ${small.ms.toFixed(0)} ms`,
    },
    memoryFigure(all, large.megabytes, 700),
  ];
}
