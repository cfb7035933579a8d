/**
 * A million packets from the TUN and datagrams from the wire, right ones with bytes of them changed, cut or made up: none ends the data
 * path, and no packet that leaves it has a wrong checksum which it hadn't before.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeDataPath } from '../../../helpers/udp/fake-kernel.ts';
import { headerOf, isValid, packetOf, sumOf, unfinished, vnetHeader } from '../../../helpers/udp/reference.ts';

const COUNT = Number(process.env.RUNS ?? 500_000);
/** One in so many is looked at by the slow reference; all go the whole way. */
const LOOK = 16;

/** xorshift32: the same seed, the same run. */
function random(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function bases(): Uint8Array[] {
  const payload = (length: number) => new Uint8Array(length).map((_, i) => i);
  const tcpOptions = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2);
  return [
    packetOf({ protocol: 'tcp', payload: payload(300), flags: 24, tcpOptions }),
    packetOf({ protocol: 'udp', payload: payload(220), tos: 2 }),
    packetOf({ protocol: 'icmp', payload: payload(56) }),
    packetOf({ protocol: 'udp', payload: payload(64), ipOptions: Uint8Array.of(1, 1, 1, 0), dontFragment: true }),
    packetOf({ protocol: 'tcp', payload: payload(0) }),
  ];
}

/** Some bytes changed, mostly in the headers; sometimes cut short; sometimes all made up. */
function mutate(packet: Uint8Array, pick: (below: number) => number): Uint8Array {
  const kind = pick(20);
  if (kind === 0) return Uint8Array.from({ length: pick(120) }, () => pick(256));
  const copy = packet.slice(0, kind === 1 ? pick(packet.length + 1) : packet.length);
  for (let changes = pick(4); changes > 0 && copy.length > 0; changes--) {
    copy[pick(Math.min(copy.length, 70))] = pick(4) === 0 ? 0xff : pick(256);
  }
  return copy;
}

const headerIsValid = (packet: Uint8Array): boolean =>
  packet.length >= 20 &&
  headerOf(packet) >= 20 &&
  headerOf(packet) <= packet.length &&
  sumOf(packet.subarray(0, headerOf(packet))) === 0xffff;

test('packets from the TUN', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed ${seed}`);
  const pick = random(seed);
  const path = await fakeDataPath();
  const whole = bases();
  const given = [
    ...whole.map((packet) => Uint8Array.from([...vnetHeader({}), ...packet])),
    ...whole.filter((packet) => packet[9] !== 1).flatMap((packet) => [unfinished(packet), unfinished(packet, 60)]),
  ];
  for (let i = 0; i < COUNT; i++) {
    const packet = mutate(given[pick(given.length)]!, pick);
    path.kernel.sent.length = 0;
    path.out(packet);
    if (i % LOOK !== 0) continue;
    const segmented = packet[1]! % 128 !== 0;
    const sent = path.kernel.sent.flatMap(({ datagrams }) => datagrams);
    if (segmented) for (const datagram of sent) assert.ok(isValid(datagram), `packet ${i}`);
    else if (headerIsValid(packet.subarray(10)))
      for (const datagram of sent) assert.ok(headerIsValid(datagram), `packet ${i}`);
    path.kernel.icmp.length = 0;
  }
  assert.ok(path.counters.sentPackets > COUNT / 4, 'most are well enough to go on');
});

test('datagrams from the wire', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed ${seed}`);
  const pick = random(seed);
  const path = await fakeDataPath();
  const given = bases();
  const BATCH = 8;
  for (let i = 0; i < COUNT; i += BATCH) {
    const batch = Array.from({ length: BATCH }, () => mutate(given[pick(given.length)]!, pick));
    path.kernel.written.length = 0;
    path.in(batch);
    if (i % (LOOK * BATCH) !== 0) continue;
    const bad = new Set(batch.filter((packet) => !headerIsValid(packet)));
    for (const write of path.kernel.written) {
      const packet = write.subarray(10);
      if (bad.size === 0) assert.ok(headerIsValid(packet), `batch ${i}`);
      if (write[1] !== 0) assert.ok(headerIsValid(packet), `gathered in batch ${i}`);
      if (write[0] === 2) assert.ok(isValid(packet), `said to be verified in batch ${i}`);
    }
    path.kernel.icmp.length = 0;
  }
  assert.ok(path.counters.receivedPackets > COUNT / 4, 'most are well enough to go on');
});
