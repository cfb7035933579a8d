/** Two hosts with our engine on real kernels: every size of datagram, errors that arrive, hops, path MTUs, multicast, and a big table. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Bed, type BedHost, createBed } from '../../../helpers/udp/bed.ts';
import { checksumErrors, tcpIsWhole, udpEchoed } from '../../../helpers/udp/traffic.ts';

let bed: Bed;
let a: BedHost;
let b: BedHost;

before(async () => {
  bed = await createBed();
  [a, b] = bed.hosts as [BedHost, BedHost];
});
after(() => bed?.destroy());

const ping = async (host: BedHost, where: 'host' | 'container', ...args: string[]): Promise<string> => {
  const ns = where === 'host' ? host.ns : host.container;
  return (await ns.exec('ping', '-c', '1', '-W', '5', ...args)).stdout;
};
const counters = async (host: BedHost) => (await host.client!.state()).counters;

test('datagrams of 64 to 65,507 bytes go there and back whole, between containers and between hosts', async () => {
  const lengths = [0, 1, 64, 512, 1443, 1444, 1445, 1471, 1472, 1473, 8_000, 20_001, 65_000, 65_507];
  assert.deepEqual(await udpEchoed(a.container, b.container, b.containerAddress, lengths), lengths);
  assert.deepEqual(await udpEchoed(a.ns, b.ns, b.gateway, lengths), lengths);
});

test('TCP streams side by side arrive as they were sent, in packets of many segments', async () => {
  const before = await counters(a);
  await tcpIsWhole(a.container, b.container, b.containerAddress, 3, 8_000_000);
  await tcpIsWhole(b.ns, a.ns, a.gateway);
  const after = await counters(a);
  const packets = after.sentPackets - before.sentPackets;
  assert.ok(
    packets > 4 * (after.tunReads - before.tunReads),
    `${packets} packets in ${after.tunReads - before.tunReads} reads`,
  );
  assert.equal(await checksumErrors(a.container), 0);
  assert.equal(await checksumErrors(b.container), 0);
});

test('a subnet that nobody has is unreachable, and who asked is told: the container and the host', async () => {
  assert.match(await ping(a, 'container', '10.7.99.1'), /From 10\.7\.1\.1 .*Destination Net Unreachable/);
  assert.match(await ping(a, 'host', '10.7.99.1'), /Destination Net Unreachable/);
});

test('each side takes a hop, and the last one is told of', async () => {
  assert.match(await ping(a, 'host', '-t', '3', b.gateway), / 0% packet loss/);
  assert.match(await ping(a, 'host', '-t', '2', b.gateway), /Time to live exceeded/);
});

test('multicast and what is not IPv4 is dropped in silence', async () => {
  await ping(a, 'host', '-W', '1', '-I', 'flannel0', '224.0.0.251');
  const { drops, icmpErrors } = await counters(a);
  assert.ok(drops.multicast >= 1);
  await ping(a, 'host', '-W', '1', '-I', 'flannel0', '224.0.0.251');
  assert.equal((await counters(a)).icmpErrors, icmpErrors);
});

test('a packet that may not be fragmented and is too big is answered with the MTU', async () => {
  assert.match(await ping(a, 'container', '-M', 'do', '-s', '1444', b.containerAddress), / 0% packet loss/);
  await a.container.ip('link', 'set', 'eth0', 'mtu', '1500');
  await a.ns.ip('link', 'set', 'pod', 'mtu', '1500');
  const { stdout } = await a.container.exec('ping', '-c', '1', '-W', '5', '-M', 'do', '-s', '1460', b.containerAddress);
  assert.match(stdout, /Frag needed.*mtu = 1472/);
});

test('on a path with a smaller MTU the datagrams go singly, and the kernel fragments them', async () => {
  await a.ns.ip('route', 'add', b.address, 'dev', 'eth0', 'mtu', '1400');
  const before = (await counters(a)).sentSingly;
  await tcpIsWhole(a.container, b.container, b.containerAddress);
  assert.ok((await counters(a)).sentSingly > before);
  assert.match(await ping(a, 'container', '-M', 'do', '-s', '1444', b.containerAddress), / 0% packet loss/);
  await a.ns.ip('route', 'del', b.address);
});

test('peers come and go by messages, and a table of 16,384 is read back as it was set', async () => {
  const many: [string, string][] = Array.from({ length: 16_384 }, (_, i) => [
    `10.${64 + (i >> 8)}.${i & 255}.0/24`,
    '192.168.70.9',
  ]);
  await a.client!.setPeers({ set: many });
  const table = await a.client!.table();
  assert.deepEqual(table, new Map([...bed.peersOf(0), ...many]));
  assert.match(await ping(a, 'container', b.containerAddress), / 0% packet loss/);
  await a.client!.setPeers({ remove: ['10.7.2.0/24'] });
  assert.match(await ping(a, 'container', b.containerAddress), /Net Unreachable/);
  await a.client!.setPeers({ set: [['10.7.2.0/24', b.address]], remove: many.map(([subnet]) => subnet) });
  assert.match(await ping(a, 'container', b.containerAddress), / 0% packet loss/);
  assert.equal((await a.client!.state()).peers, 1);
});

test('an engine that nobody sends through does not spin', async () => {
  const ticks = async () => Number((await a.ns.exec('cat', `/proc/${a.pid}/stat`)).stdout.split(' ')[13]);
  const before = await counters(a);
  const beforeTicks = await ticks();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.ok((await ticks()) - beforeTicks <= 15, 'a spinning one would use up to 150');
  assert.equal((await counters(a)).tunReads, before.tunReads);
});
