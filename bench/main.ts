/**
 * Owns `npm run bench`: the figures that selvage is held to, measured on this machine, and what they don't say.
 *
 *   npm run bench                 all of them, about ten minutes
 *   npm run bench -- cold         only some: cold, edges, idle, moves, firewall, udp
 *   npm run bench -- scale        what a network costs its etcd: only on demand, half an hour
 *   npm run bench -- --quick      fewer samples
 */
import { availableParallelism, release } from 'node:os';
import { cold, coldBesideNode, coldLarge } from './cold.ts';
import { driftWritesNothing, idle } from './daemon.ts';
import { leaseEdges, routeBack, storm } from './edges.ts';
import { type Figure, figureLine, isMissed } from './figures.ts';
import { firewallCost, firewallHealing } from './firewall.ts';
import { packetsLost, timeToFollow } from './moves.ts';
import { type Followed, Running } from './running.ts';
import { scale } from './scale/scale.ts';
import { udpDataPath } from './udp.ts';

const PARTS = ['cold', 'edges', 'idle', 'moves', 'firewall', 'udp', 'scale'];
const USAGE = `npm run bench [-- [--quick] [${PARTS.join('|')} …]]`;

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const parts = args.filter((arg) => arg !== '--quick');
const wanted = (part: string) => parts.length === 0 || parts.includes(part);
if (parts.some((part) => !PARTS.includes(part))) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(64);
}

const NOT_MEASURED = `What these figures don't say:
  - flanneld itself is not run; iproute2 loading the same objects from files, which asks no etcd and verifies nothing, stands for the
    least that any program of plain gateways can take.
  - etcd is on this machine, on tmpfs, and alone: no network, no disk, no quorum. The peers are leases without hosts behind them.
  - Every "→" ends when iproute2's monitor has read the kernel's announcement; its own wake-up is in it, packets are not.
  - Memory is of one process, without what the kernel spends on routes, and of this Node version.
  - The udp data path runs over veth, which segments and gathers UDP itself; a network card that can't is nearer to a third of the ratio.
  - Times are of this machine, which may have had other work; the ratios are of runs in alternation.`;

const figures: Figure[] = [];
const say = (text: string) => process.stdout.write(`${text}\n`);

async function part(what: string, work: () => Promise<Figure[]>): Promise<void> {
  process.stderr.write(`… ${what}\n`);
  for (const figure of await work()) {
    figures.push(figure);
    say(figureLine(figure));
  }
}

async function withDaemon(what: Followed, use: (running: Running) => Promise<void>): Promise<void> {
  const running = await Running.start(what);
  try {
    await use(running);
  } finally {
    await running.stop();
  }
}

async function edgesPart(): Promise<void> {
  for (const api of ['v3', 'v2'] as const)
    await part(`leases are put, by ${api}, with 64 and with 4,096 peers`, () => leaseEdges(api, quick ? 20 : 200));
  await withDaemon({ peers: 4096 }, async (many) => {
    await part('routes are deleted', async () => [await routeBack(many, quick ? 20 : 100)]);
    await part('drift', async () => [await driftWritesNothing(many)]);
  });
  await part('a thousand leases change', () => storm(4096));
}

async function idlePart(): Promise<void> {
  const seconds = quick ? 20 : 65;
  for (const { peers, ...limits } of [
    { peers: 64, memory: 75 },
    { peers: 4096, cpu: 0.1 },
    { peers: 16_384, cpu: 0.4 },
  ])
    await withDaemon({ peers }, (running) =>
      part(`a daemon idles, ${peers} peers`, () => idle(running, seconds, limits)),
    );
}

say(`Node ${process.version}, kernel ${release()}, ${availableParallelism()} cores\n`);
try {
  if (wanted('cold')) {
    await part('cold start, 1,024 peers', () => coldBesideNode(1024, quick ? 3 : 11, 3.5));
    await part('cold start, 4,096 peers', () => cold(4096, quick ? 3 : 7, 1.3, 110));
    await part('cold start, 16,384 peers', () => cold(16_384, quick ? 1 : 3, 0.25, 200));
    await part('cold start, 65,280 peers', () => coldLarge(quick ? 1 : 3));
  }
  if (wanted('edges')) await edgesPart();
  if (wanted('idle')) await idlePart();
  if (wanted('moves')) {
    await part('a network of two hosts moves', () => packetsLost(quick ? [2000] : [0, 1000, 5000]));
    await part('a config is put, 1,024 peers', () => timeToFollow(1024, quick ? 2 : 5));
  }
  if (wanted('firewall')) {
    await part('the firewall is flushed', () => firewallHealing(quick ? 5 : 15));
    await part('the firewall is made and looked at', () => firewallCost(quick ? 5 : 30));
  }
  if (wanted('udp')) await part('the udp data path', () => udpDataPath(quick ? 1 : 3));
  if (parts.includes('scale')) await part('what a network costs its etcd', () => scale(quick, say));
  const missed = figures.filter(isMissed);
  say(
    `\n${missed.length === 0 ? 'All limits are kept.' : `Missed: ${missed.map(({ what }) => what).join('; ')}.`}\n\n${NOT_MEASURED}`,
  );
} catch (error) {
  process.stderr.write(`selvage: the benchmark failed: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
