/** The loop of plain-peer.c in Node, for machines without a compiler: the same arguments, a packet a system call. */
import koffi from 'koffi';
import { PeerTable } from '../../../drivers/udp/engine/peers.ts';
import { openUdpSocket } from '../../../drivers/udp/open-sockets.ts';
import { openTun } from '../../../drivers/udp/open-tun.ts';

const [device, address, port, ...routes] = process.argv.slice(2);
const { fd: tun } = openTun(device!, { vnetHeader: true });
const { fd: udp } = openUdpSocket(address!, Number(port), { gro: true, segment: true });
const peers = new PeerTable();
peers.apply({ set: routes.map((route) => route.split('=') as [string, string]) });

const library = koffi.load('libc.so.6');
const call = {
  read: library.func('intptr_t read(int, void *, size_t)'),
  write: library.func('intptr_t write(int, void *, size_t)'),
  recv: library.func('intptr_t recv(int, void *, size_t, int)'),
  sendto: library.func('intptr_t sendto(int, void *, size_t, int, void *, uint32_t)'),
  poll: library.func('int poll(void *, unsigned long, int)'),
};
const buffer = Buffer.alloc(65_536);
const name = Buffer.alloc(16);
name.writeUInt16LE(2);
name.writeUInt16BE(Number(port), 2);

function decrementTtl(): boolean {
  const ttl = buffer.readUInt8(8) - 1;
  buffer.writeUInt8(ttl & 255, 8);
  if (ttl <= 0) return false;
  const sum = buffer.readUInt16BE(10) + 0x0100;
  buffer.writeUInt16BE((sum + (sum >= 0xffff ? 1 : 0)) & 0xffff, 10);
  return true;
}

process.stdout.write('ready\n');
const polled = new Uint8Array(new Int32Array([tun, 1, udp, 1]).buffer);
for (;;) {
  call.poll(polled, 2, -1);
  for (let active = true; active; ) {
    active = false;
    const out = call.read(tun, buffer, buffer.length);
    if (out >= 20) {
      active = true;
      const host = buffer.readUInt8(0) >>> 4 === 4 ? peers.lookup(buffer.readUInt32BE(16)) : 0;
      if (host && decrementTtl()) {
        name.writeUInt32BE(host, 4);
        call.sendto(udp, buffer, out, 0, name, 16);
      }
    }
    const got = call.recv(udp, buffer, buffer.length, 0);
    if (got >= 20) {
      active = true;
      if (decrementTtl()) call.write(tun, buffer, got);
    }
  }
}
