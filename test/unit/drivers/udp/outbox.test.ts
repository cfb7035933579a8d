/** The outbox gathers equal datagrams to one host, and finds another way for each thing that a kernel may refuse. */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { fakeDataPath } from '../../../helpers/udp/fake-kernel.ts';
import { oneHopLess, packetOf, unfinished } from '../../../helpers/udp/reference.ts';

const { EAGAIN, EINTR, EINVAL, EIO, EMSGSIZE, ENETUNREACH, ENOBUFS, EPERM } = constants.errno;
const udp = (length: number, destination = '10.7.2.2') =>
  packetOf({ protocol: 'udp', destination, payload: new Uint8Array(length).fill(length) });

/** Puts packets into the outbox without sending them. */
async function filled(packets: Uint8Array[], options = {}) {
  const path = await fakeDataPath({ vnetHeader: false, ...options });
  const { outbox, kernel } = path;
  for (const packet of packets) {
    const at = outbox.reserve(packet.length);
    kernel.memory.u8.set(packet, at);
    outbox.push(packet.length, packet[18] === 2 ? 0xc0a84602 : 0xc0a84603);
  }
  return path;
}

const shape = ({ kernel }: Awaited<ReturnType<typeof filled>>) =>
  kernel.sent.map(({ datagrams }) => datagrams.map(({ length }) => length));

test('equal ones to one host go together, a shorter one ends the message, a longer one begins another', async () => {
  const path = await filled([udp(100), udp(100), udp(72), udp(100), udp(200), udp(200, '10.7.3.2'), udp(200)]);
  assert.ok(path.outbox.flush());
  assert.deepEqual(shape(path), [[128, 128, 100], [128], [228], [228], [228]]);
  assert.deepEqual(
    path.kernel.sent.map(({ host }) => host & 255),
    [2, 2, 2, 3, 2],
  );
  assert.equal(path.counters.sentPackets, 7);
});

test('no message has more than 64 datagrams', async () => {
  const path = await filled(Array.from({ length: 130 }, () => udp(10)));
  path.outbox.flush();
  assert.deepEqual(
    shape(path).map((sizes) => sizes.length),
    [64, 64, 2],
  );
});

test('without UDP_SEGMENT each goes alone', async () => {
  const path = await filled([udp(100), udp(100)], { segment: false });
  path.outbox.flush();
  assert.deepEqual(shape(path), [[128], [128]]);
});

for (const [name, errno] of Object.entries({ EMSGSIZE, EINVAL, EIO })) {
  test(`what isn't segmented (${name}) goes singly, and to that host it does so for a while`, async () => {
    const path = await filled([udp(100), udp(100), udp(40)]);
    path.kernel.sendAnswers.push(-errno);
    assert.ok(path.outbox.flush());
    assert.deepEqual(shape(path), [[128], [128], [68]]);
    assert.deepEqual(path.kernel.sent[0]!.datagrams[0], udp(100));
    assert.equal(path.counters.sentSingly, 1);

    const again = async (expected: number[][]) => {
      path.kernel.sent.length = 0;
      for (const packet of [udp(100), udp(100)]) {
        path.kernel.memory.u8.set(packet, path.outbox.reserve(128));
        path.outbox.push(128, 0xc0a84602);
      }
      path.outbox.flush();
      assert.deepEqual(shape(path), expected);
    };
    await again([[128], [128]]);
    path.kernel.now = 20_000;
    await again([[128, 128]]);
  });
}

test('a single datagram that is refused is dropped and counted by its cause, and the others go', async () => {
  const causes = {
    tooBig: EMSGSIZE,
    unreachable: ENETUNREACH,
    refused: EPERM,
    sendQueueFull: ENOBUFS,
    sendFailed: 71,
  } as const;
  for (const [cause, errno] of Object.entries(causes)) {
    const path = await filled([udp(100), udp(200)]);
    path.kernel.sendAnswers.push(-errno);
    assert.ok(path.outbox.flush());
    assert.deepEqual(shape(path), [[228]]);
    assert.equal(path.counters.drops[cause as keyof typeof causes], 1, cause);
  }
});

test('a full buffer keeps what is left, in order, for the next flush; a call that was interrupted is made again', async () => {
  const path = await filled([udp(100), udp(200), udp(300)]);
  path.kernel.sendAnswers.push(-EINTR, 1, -EAGAIN);
  assert.equal(path.outbox.flush(), false);
  assert.ok(path.outbox.blocked);
  assert.deepEqual(shape(path), [[128]]);
  assert.ok(path.outbox.flush());
  assert.deepEqual(shape(path), [[128], [228], [328]]);
  assert.ok(path.outbox.isEmpty && !path.outbox.blocked);
});

test('a full buffer amid what goes singly loses and doubles nothing', async () => {
  const path = await filled([udp(100), udp(100), udp(100)]);
  path.kernel.sendAnswers.push(-EMSGSIZE, 1, -EAGAIN);
  assert.equal(path.outbox.flush(), false);
  path.kernel.sendAnswers.push(-EMSGSIZE);
  assert.ok(path.outbox.flush());
  assert.deepEqual(shape(path), [[128], [128], [128]]);
  assert.equal(path.counters.sentPackets, 3);
});

test('while the buffer is full, more packets are dropped and counted, and none is written over', async () => {
  const path = await fakeDataPath();
  const big = packetOf({ protocol: 'tcp', payload: new Uint8Array(60_000).fill(7) });
  path.kernel.sendAnswers.push(...Array.from({ length: 40 }, () => -EAGAIN));
  for (let i = 0; i < 20; i++) path.out(unfinished(big, 1420));
  assert.ok(path.counters.drops.sendQueueFull > 0);
  path.kernel.sendAnswers.length = 0;
  assert.ok(path.outbox.flush());
  const [first] = path.kernel.sent;
  assert.equal(first!.datagrams[0]!.length, 1460);
  assert.equal(first!.datagrams[0]![8], oneHopLess(big)[8]);
});
