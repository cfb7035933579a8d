/**
 * Beside a plain peer that moves a packet a system call, as flannel's C proxy does: pings and TCP both ways, also where packets are lost
 * and overtake each other. And each of the kernel's features switched off, as on an older one.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Without } from '../../../../drivers/udp/open-tun.ts';
import { createNetns } from '../../../helpers/netns.ts';
import { type Bed, type BedHost, createBed, type Engine, PORT } from '../../../helpers/udp/bed.ts';
import { checksumErrors, tcpIsWhole, traffic, udpEchoed } from '../../../helpers/udp/traffic.ts';

async function bothWays(a: BedHost, b: BedHost, bytes?: number): Promise<void> {
  const { stdout } = await a.container.exec('ping', '-c', '5', '-i', '0.1', '-W', '10', b.containerAddress);
  assert.match(stdout, /5 received/);
  await tcpIsWhole(a.container, b.container, b.containerAddress, 3, bytes);
  await tcpIsWhole(b.container, a.container, a.containerAddress, 3, bytes);
  const lengths = [1, 1000, 1444, 3000];
  assert.deepEqual(await udpEchoed(a.container, b.container, b.containerAddress, lengths), lengths);
  assert.equal((await checksumErrors(a.container)) + (await checksumErrors(b.container)), 0);
}

/** TCP segments that a container has sent again. */
async function retransmitted({ container }: BedHost): Promise<number> {
  const [names, values] = (await container.exec('grep', '^Tcp:', '/proc/net/snmp')).stdout
    .split('\n')
    .map((line) => line.split(' '));
  return Number(values![names!.indexOf('RetransSegs')]);
}

async function withBed(engines: Engine[], without: Without, work: (bed: Bed) => Promise<void>): Promise<void> {
  const bed = await createBed({ engines, without });
  try {
    await work(bed);
  } finally {
    await bed.destroy();
  }
}

test('beside a plain peer: pings, TCP and UDP both ways', async () => {
  await withBed(['ours', 'plain'], {}, async ({ hosts: [a, b] }) => {
    await bothWays(a!, b!);
    const { drops } = (await a!.client!.state()).counters;
    assert.deepEqual(
      Object.entries(drops).filter(([cause, count]) => count > 0 && cause !== 'notIPv4' && cause !== 'multicast'),
      [],
    );
  });
});

describe('a kernel without', () => {
  const kernels: [string, Without, object][] = [
    ['a virtio header', { vnetHeader: true }, { vnetHeader: false, checksum: false, tso: false, uso: false }],
    ['checksum offload', { checksum: true }, { checksum: false, tso: false, uso: false }],
    ['TSO', { tso: true }, { tso: false, uso: false }],
    ['USO', { uso: true }, { tso: true, uso: false }],
    ['UDP_SEGMENT', { segment: true }, { segment: false }],
    ['UDP_GRO', { gro: true }, { gro: false }],
    ['WebAssembly', { wasm: true }, { wasm: false }],
    [
      'any of it',
      { vnetHeader: true, segment: true, gro: true, wasm: true },
      { vnetHeader: false, segment: false, gro: false, wasm: false },
    ],
  ];
  for (const [name, without, expected] of kernels) {
    test(name, async () => {
      await withBed(['ours', 'ours'], without, async ({ hosts: [a, b] }) => {
        const { features } = await a!.client!.state();
        assert.deepEqual({ ...features, ...expected }, features);
        await bothWays(a!, b!, 500_000);
      });
    });
  }
});

describe('where one packet in a hundred is lost and one in fifty comes late', () => {
  let bed: Bed;
  before(async () => {
    bed = await createBed({ engines: ['ours', 'ours'], bare: true });
  });
  after(() => bed?.destroy());

  test('parallel streams are whole', async () => {
    const [a, b] = bed.hosts as [BedHost, BedHost];
    // This kernel may have no netem: a relay in the middle loses and delays, and is what both have as each other's address.
    const middle = await createNetns('relay');
    try {
      const address = '192.168.70.100';
      await bed.join(middle, 'relay', address);
      const relay = traffic(middle, 'relay', PORT, a.address, b.address, 10, 20);
      assert.equal(await relay.next(), 'ready');
      await a.startOurs([['10.7.2.0/24', address]]);
      await b.startOurs([['10.7.1.0/24', address]]);
      for (const host of [a, b]) await host.configure(1472);
      await tcpIsWhole(a.container, b.container, b.containerAddress, 4, 1_000_000);
      await tcpIsWhole(b.container, a.container, a.containerAddress, 4, 1_000_000);
      assert.equal((await checksumErrors(a.container)) + (await checksumErrors(b.container)), 0);
      assert.ok(
        Number((await retransmitted(a)) + (await retransmitted(b))) > 0,
        'nothing was lost: the relay relayed nothing',
      );
    } finally {
      await middle.destroy();
    }
  });
});
