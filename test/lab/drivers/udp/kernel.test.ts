/**
 * The kernel itself as the reference: what it makes of a packet of many segments where a device has no offloads is what our reference and
 * our engine make of it, and what we have gathered it cuts again into what came.
 *
 *   host: tun0 (we write here)  →  forwarded  →  veth0, offloads off  →  wire: veth1 (we look here)
 */
import assert from 'node:assert/strict';
import { closeSync, writeSync } from 'node:fs';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import koffi from 'koffi';
import { inNetns } from '../../../../drivers/netlink/netns.ts';
import { openTun } from '../../../../drivers/udp/open-tun.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { connect, createNetns, type Netns } from '../../../helpers/netns.ts';
import { holds } from '../../../helpers/property.ts';
import { anyPacket } from '../../../helpers/udp/arbitrary.ts';
import { fakeDataPath } from '../../../helpers/udp/fake-kernel.ts';
import {
  type Bytes,
  cut,
  get16,
  oneHopLess,
  packetOf,
  packetsOfWrite,
  unfinished,
} from '../../../helpers/udp/reference.ts';

const AF_PACKET = 17;
const SOCK_DGRAM_NONBLOCK = 2 | 0o4000;
const ETH_P_IP = 0x0800;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_STXCSUM = 0x17;
const MAC = '02:00:00:00:00:02';

const libc = koffi.load('libc.so.6');
const call = {
  socket: libc.func('int socket(int, int, int)'),
  bind: libc.func('int bind(int, void *, uint32_t)'),
  recv: libc.func('intptr_t recv(int, void *, size_t, int)'),
  ioctl: libc.func('int ioctl(int, unsigned long, void *)'),
  memcpy: libc.func('uintptr_t memcpy(void *, void *, size_t)'),
};

let host: Netns;
let wire: Netns;
let tun = -1;
let capture = -1;

/** Without it the kernel has to finish every checksum, and so to cut every packet, itself. */
function switchChecksumOff(device: string): void {
  const value = Uint32Array.of(ETHTOOL_STXCSUM, 0);
  const request = Buffer.alloc(40);
  request.write(device);
  request.writeBigUInt64LE(BigInt(call.memcpy(value, value, 0)), 16);
  const fd = call.socket(2, 2, 0);
  assert.equal(call.ioctl(fd, SIOCETHTOOL, request), 0, 'ethtool -K tx off');
  closeSync(fd);
}

before(async () => {
  host = await createNetns('gso');
  wire = await createNetns('gsowire');
  await connect(host, 'veth0', wire, 'veth1');
  tun = inNetns(host.path, () => openTun('tun0').fd);
  await wire.ip('link', 'set', 'veth1', 'address', MAC, 'mtu', '65535');
  await host.ipBatch([
    'link set veth0 mtu 65535',
    'link set tun0 mtu 65535 up',
    'address add 10.9.0.1/24 dev veth0',
    'neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev veth0',
    'route add 10.7.0.0/16 via 10.9.0.2',
  ]);
  for (const [name, value] of [
    ['ip_forward', '1'],
    ['conf.all.rp_filter', '0'],
    ['conf.tun0.rp_filter', '0'],
    ['conf.all.accept_source_route', '1'],
  ]) {
    await host.sysctl(`net.ipv4.${name}`, value!);
  }
  inNetns(host.path, () => switchChecksumOff('veth0'));
  capture = inNetns(wire.path, () => {
    const fd: number = call.socket(AF_PACKET, SOCK_DGRAM_NONBLOCK, ((ETH_P_IP << 8) & 0xffff) | (ETH_P_IP >> 8));
    assert.ok(fd >= 0);
    return fd;
  });
  // On a busy machine a new veth drops what is sent until the kernel has told it of its carrier.
  const buffer = new Uint8Array(65_536);
  const isThere = (): boolean => call.recv(capture, buffer, buffer.length, 0) > 0;
  await eventually(() => host.exec('ping', '-c', '1', '-W', '0.2', '10.9.0.2').then(isThere), {
    what: 'the wire to carry',
  });
  while (isThere());
});
after(async () => {
  for (const fd of [tun, capture]) if (fd >= 0) closeSync(fd);
  await host?.destroy();
  await wire?.destroy();
});

/** `count` packets as they come on the wire. */
async function captured(count: number): Promise<Bytes[]> {
  const packets: Bytes[] = [];
  const buffer = new Uint8Array(65_536);
  const receive = () => {
    for (;;) {
      const length: number = call.recv(capture, buffer, buffer.length, 0);
      if (length <= 0) return packets.length >= count;
      packets.push(buffer.slice(0, length));
    }
  };
  if (!receive())
    await eventually(receive, { what: `${count} packets on the wire (${packets.length} came)`, interval: 1 });
  return packets;
}

test('the reference cuts as the kernel does, every byte', async (t) => {
  const segmented = fc.tuple(anyPacket(9000), fc.integer({ min: 300, max: 3000 }));
  await holds(
    t,
    segmented,
    async ([given, size]) => {
      fc.pre(given.protocol !== 'icmp');
      // As a connection has them: the kernel drops what no stack would make, such as SYN with many segments.
      const spec = {
        ...given,
        flags: (given.flags! & ~(2 | 4 | 32)) | 16,
        ttl: Math.max(3, given.ttl!),
        ipOptions: new Uint8Array(),
      };
      const packet = packetOf(spec);
      const isMany = packet.length - 60 > size;
      const write = unfinished(packet, isMany ? size : 0);
      const expected = isMany ? cut(oneHopLess(packet), size) : [oneHopLess(packet)];
      writeSync(tun, write);
      assert.deepEqual(await captured(expected.length), expected);
    },
    150,
  );
});

test('what we gather it cuts again into what came', async () => {
  for (const protocol of ['tcp', 'udp'] as const) {
    const packets = Array.from({ length: 150 }, (_, i) =>
      packetOf({
        protocol,
        id: (65_500 + i) % 65_536,
        seq: 0xffff0000 + i * 1400 > 0xffffffff ? 0xffff0000 + i * 1400 - 2 ** 32 : 0xffff0000 + i * 1400,
        flags: i % 50 === 49 ? 24 : 16,
        payload: new Uint8Array(i === 149 ? 77 : 1400).map((_, at) => at * 3 + i),
      }),
    );
    const path = await fakeDataPath();
    for (let from = 0; from < packets.length; from += 75) path.in(packets.slice(from, from + 75));
    assert.ok(path.kernel.written.length <= 8, `${path.kernel.written.length} writes`);
    const came: Bytes[] = [];
    for (const write of path.kernel.written) {
      writeSync(tun, write);
      came.push(...(await captured(packetsOfWrite(write).length)));
    }
    assert.deepEqual(came, packets.map(oneHopLess).map(oneHopLess));
    assert.ok(came.every((packet) => get16(packet, 2) === packet.length));
  }
});
