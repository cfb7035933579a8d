/** What is dropped and why, what is answered by ICMP and what never, and which host a packet goes to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PeerTable } from '../../../../drivers/udp/engine/peers.ts';
import { type FakeDataPath, fakeDataPath } from '../../../helpers/udp/fake-kernel.ts';
import { checksum, oneHopLess, type PacketSpec, packetOf, put16, vnetHeader } from '../../../helpers/udp/reference.ts';

const payload = Uint8Array.of(1, 2, 3, 4);
const ping = (more: Partial<PacketSpec> = {}) => packetOf({ protocol: 'icmp', payload, ...more });
const fromTun = (packet: Uint8Array) => Uint8Array.from([...vnetHeader({}), ...packet]);
const dropsOf = ({ counters }: FakeDataPath) =>
  Object.fromEntries(Object.entries(counters.drops).filter(([, count]) => count > 0));

test('a packet for a subnet that nobody has is answered: net unreachable, with its header and eight bytes', async () => {
  const path = await fakeDataPath();
  const packet = packetOf({ protocol: 'udp', destination: '10.7.9.9', tos: 0x48, payload });
  path.out(fromTun(packet));
  assert.deepEqual(dropsOf(path), { noRoute: 1 });
  const [error] = path.kernel.icmp;
  assert.equal(error!.length, 20 + 8 + 28);
  assert.deepEqual([...error!.subarray(16, 20)], [10, 7, 1, 2]);
  assert.deepEqual([error![1], error![9], error![20], error![21]], [0xc8, 1, 3, 0]);
  assert.deepEqual(error!.subarray(28), packet.subarray(0, 28));
  assert.equal(checksum(error!.subarray(20)), 0);
});

test('the last hop is answered too, both ways, and what has hops left is not', async () => {
  const path = await fakeDataPath();
  path.out(fromTun(ping({ ttl: 1 })));
  path.in([packetOf({ protocol: 'udp', ttl: 1, payload })]);
  assert.deepEqual(dropsOf(path), { ttl: 2 });
  assert.deepEqual(
    path.kernel.icmp.map((error) => error[20]),
    [11, 11],
  );
  path.out(fromTun(ping({ ttl: 2 })));
  path.in([ping({ ttl: 2 })]);
  assert.equal(path.kernel.sent.length, 1);
  assert.deepEqual(path.kernel.written[0]!.subarray(10), oneHopLess(ping({ ttl: 2 })));
});

test('nobody is told of what RFC 1122 wants no answer to', async () => {
  const path = await fakeDataPath();
  const error = ping({ destination: '10.7.9.9' });
  error[20] = 3;
  const unanswered = [
    error,
    packetOf({ protocol: 'udp', destination: '10.7.9.9', fragmentOffset: 3, payload }),
    ping({ destination: '10.7.9.9', source: '0.0.0.0' }),
    ping({ destination: '10.7.9.9', source: '224.0.0.5' }),
    ping({ destination: '10.7.9.9', source: '127.0.0.1' }),
  ];
  for (const packet of unanswered) path.out(fromTun(packet));
  assert.deepEqual(dropsOf(path), { noRoute: unanswered.length });
  for (const destination of ['224.0.0.251', '239.1.1.1', '255.255.255.255']) path.out(fromTun(ping({ destination })));
  assert.equal(path.counters.drops.multicast, 3);
  assert.equal(path.kernel.icmp.length, 0);
});

test('ICMP errors are limited: 50 together, and then as many as time brings', async () => {
  const path = await fakeDataPath();
  for (let i = 0; i < 200; i++) path.out(fromTun(ping({ destination: '10.7.9.9' })));
  assert.equal(path.kernel.icmp.length, 50);
  path.kernel.now = 10;
  for (let i = 0; i < 200; i++) path.out(fromTun(ping({ destination: '10.7.9.9' })));
  assert.equal(path.kernel.icmp.length, 60);
});

test('what is no whole IPv4 packet is dropped and counted, from either side', async () => {
  const path = await fakeDataPath();
  const version6 = ping();
  version6[0] = 0x65;
  const shortHeader = ping();
  shortHeader[0] = 0x44;
  const tooLong = ping();
  put16(tooLong, 2, tooLong.length + 1);
  const tooShort = ping();
  put16(tooShort, 2, 19);
  const bad = [shortHeader, tooLong, tooShort, ping().subarray(0, 19)];
  for (const packet of [version6, ...bad]) path.out(fromTun(packet));
  path.in([version6, ...bad]);
  assert.deepEqual(dropsOf(path), { notIPv4: 2, malformed: 2 * bad.length });
  path.in([new Uint8Array()]);
  assert.equal(path.counters.drops.malformed, 2 * bad.length + 1);
  assert.equal(path.kernel.sent.length + path.kernel.written.length, 0);
});

test('what a datagram has after its packet is left out', async () => {
  const path = await fakeDataPath();
  path.in([Uint8Array.from([...ping(), 9, 9, 9])]);
  assert.deepEqual(path.kernel.written[0]!.subarray(10), oneHopLess(ping()));
});

test('what the TUN refuses is counted: the device down, or anything else', async () => {
  const path = await fakeDataPath();
  path.kernel.writeAnswer = -5;
  path.in([ping()]);
  path.kernel.writeAnswer = -22;
  path.in([ping()]);
  assert.deepEqual(dropsOf(path), { deviceDown: 1, writeFailed: 1 });
});

test("the longest prefix has the packet; what is removed is nobody's", () => {
  const peers = new PeerTable();
  peers.apply({
    set: [
      ['10.0.0.0/8', '1.1.1.1'],
      ['10.7.0.0/16', '2.2.2.2'],
      ['10.7.9.0/24', '3.3.3.3'],
    ],
  });
  assert.deepEqual(
    [peers.lookup(0x0a070901), peers.lookup(0x0a070801), peers.lookup(0x0a080801), peers.lookup(0x0b080801)],
    [0x03030303, 0x02020202, 0x01010101, 0],
  );
  peers.apply({ remove: ['10.7.9.0/24'], set: [['10.0.0.0/8', '4.4.4.4']] });
  assert.deepEqual([peers.lookup(0x0a070901), peers.lookup(0x0a080801), peers.size], [0x02020202, 0x04040404, 2]);
  assert.deepEqual(peers.entries(), [
    ['10.7.0.0/16', '2.2.2.2'],
    ['10.0.0.0/8', '4.4.4.4'],
  ]);
});

test('a delta with a word that is no subnet or no host changes nothing', () => {
  const peers = new PeerTable();
  peers.apply({ set: [['10.7.2.0/24', '1.1.1.1']] });
  assert.throws(
    () => peers.apply({ remove: ['10.7.2.0/24'], set: [['10.7.3.0/24', 'nobody']] }),
    /nobody is no address/,
  );
  assert.throws(() => peers.apply({ remove: ['10.7.2.0/24', '10.7'] }), /10.7 is no subnet/);
  assert.deepEqual(peers.entries(), [['10.7.2.0/24', '1.1.1.1']]);
});
