/** What leaves the host is what a slow and obvious program would send: cut as the kernel cuts, one hop less, every checksum right. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { holds } from '../../../helpers/property.ts';
import { anyPacket } from '../../../helpers/udp/arbitrary.ts';
import { fakeDataPath } from '../../../helpers/udp/fake-kernel.ts';
import {
  cut,
  isValid,
  oneHopLess,
  type PacketSpec,
  packetOf,
  unfinished,
  vnetHeader,
} from '../../../helpers/udp/reference.ts';

const hostOf = ({ destination }: PacketSpec): number => (destination!.startsWith('10.7.2.') ? 0xc0a84602 : 0xc0a84603);

for (const wasm of [true, false]) {
  const how = wasm ? 'with WebAssembly' : 'in JavaScript';
  test(`a packet of one segment, finished or not, ${how}`, async (t) => {
    const path = await fakeDataPath({ wasm });
    await holds(t, fc.tuple(anyPacket(1600), fc.boolean()), async ([spec, open]) => {
      const packet = packetOf(spec);
      path.kernel.sent.length = 0;
      const isOpen = open && spec.protocol !== 'icmp';
      path.out(isOpen ? unfinished(packet) : Uint8Array.from([...vnetHeader({}), ...packet]));
      assert.equal(path.kernel.sent.length, 1);
      const { host, port, datagrams } = path.kernel.sent[0]!;
      assert.deepEqual([host, port], [hostOf(spec), 8285]);
      assert.deepEqual(datagrams, [oneHopLess(packet)]);
    });
  });

  test(`a packet of many segments, ${how}`, async (t) => {
    const path = await fakeDataPath({ wasm });
    const segmented = fc.tuple(anyPacket(9000), fc.integer({ min: 40, max: 3000 }));
    await holds(t, segmented, async ([spec, size]) => {
      fc.pre(spec.protocol !== 'icmp');
      const packet = packetOf(spec);
      path.kernel.sent.length = 0;
      path.out(unfinished(packet, size));
      const datagrams = path.kernel.sent.flatMap((sent) => sent.datagrams);
      assert.deepEqual(datagrams, cut(oneHopLess(packet), size));
      for (const datagram of datagrams) assert.ok(isValid(datagram));
      for (const sent of path.kernel.sent) assert.equal(sent.host, hostOf(spec));
    });
  });
}

test('without a virtio header packets go as they are', async (t) => {
  const path = await fakeDataPath({ vnetHeader: false });
  await holds(t, anyPacket(1600), async (spec) => {
    const packet = packetOf(spec);
    path.kernel.sent.length = 0;
    path.out(packet);
    assert.deepEqual(path.kernel.sent[0]!.datagrams, [oneHopLess(packet)]);
  });
});

test('the largest packets of the TUN are cut in two messages, and smaller segments in as many as it takes', async () => {
  for (const size of [1420, 8900, 536, 48]) {
    const path = await fakeDataPath();
    const payload = new Uint8Array(65_495).map((_, i) => i);
    const packet = packetOf({ protocol: 'tcp', payload, flags: 24 });
    path.out(unfinished(packet, size));
    assert.deepEqual(
      path.kernel.sent.flatMap((sent) => sent.datagrams),
      cut(oneHopLess(packet), size),
    );
    assert.equal(path.counters.drops.sendQueueFull, 0);
    if (size === 1420) assert.equal(path.kernel.sent.length, 2);
  }
});
