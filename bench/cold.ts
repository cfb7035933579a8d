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
/** Room for 16,384 peers beside our own lease. */
export const BIG_NETWORK = { Network: '10.0.0.0/8', SubnetLen: 24, Backend: { Type: 'vxlan' } };

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

export async function cold(count: number, rounds: number, ratioLimit: number, memoryLimit?: number): Promise<Figure[]> {
  const lab = await createLab({ hosts: 0, config: BIG_NETWORK, etcdArgs: ['--quota-backend-bytes=2147483648'] });
  try {
    const peers = Array.from({ length: count }, (_, index) => fakePeer(index));
    await lab.putPeers(peers);
    const times = { selvage: [] as number[], iproute2: [] as number[] };
    const { megabytes } = await runSelvage(lab, peers, true); // also warms the page cache
    for (let round = 0; round < rounds; round++) {
      times.iproute2.push(await runIproute2(lab, peers));
      times.selvage.push((await runSelvage(lab, peers)).ms);
    }
    const [ours, theirs] = [median(times.selvage), median(times.iproute2)];
    const how = `median of ${rounds}: ${ours.toFixed(0)} ms; ip -batch and bridge -batch ${theirs.toFixed(0)} ms`;
    const peersText = count.toLocaleString('en');
    return [
      {
        what: `cold --once, ${peersText} peers, against iproute2`,
        value: ours / theirs,
        unit: '×',
        limit: ratioLimit,
        how,
      },
      {
        what: `peak memory of it, ${peersText} peers`,
        value: megabytes,
        unit: 'MB',
        limit: memoryLimit,
        how: 'VmHWM, one run',
      },
    ];
  } finally {
    await lab.destroy();
  }
}
