/** What comes in is gathered only into what the kernel cuts again into exactly the same packets, in each connection's order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holds } from '../../../helpers/property.ts';
import { type Step, streams } from '../../../helpers/udp/arbitrary.ts';
import { fakeDataPath } from '../../../helpers/udp/fake-kernel.ts';
import {
  type Bytes,
  get16,
  isValid,
  oneHopLess,
  packetOf,
  packetsOfWrite,
  put16,
} from '../../../helpers/udp/reference.ts';

/** The packets of the steps; flows 0 to 5 are TCP, the others UDP. */
function packetsOf(steps: Step[]): Bytes[] {
  const next = new Map<number, { seq: number; id: number; ack: number; df: boolean }>();
  return steps.map(({ flow, payload, push, odd }) => {
    const state = next.get(flow) ?? { seq: 0xfffff000, id: 0xfff0, ack: 7, df: flow % 2 === 0 };
    if (odd === 'gap') state.seq += 1;
    if (odd === 'ack') state.ack += 1;
    if (odd === 'df') state.df = !state.df;
    if (odd === 'id') state.id += 3;
    const packet = packetOf({
      protocol: flow < 6 ? 'tcp' : 'udp',
      source: '10.7.2.2',
      destination: '10.7.1.2',
      sourcePort: 1000 + flow,
      seq: state.seq % 2 ** 32,
      ack: state.ack,
      id: state.id % 65_536,
      dontFragment: state.df,
      flags: 16 + (push ? 8 : 0) + (odd === 'fin' ? 1 : 0),
      window: odd === 'window' ? 501 : 500,
      tos: odd === 'tos' ? 3 : 0,
      ttl: odd === 'ttl' ? 9 : 63,
      moreFragments: odd === 'fragment',
      tcpOptions: Uint8Array.from(odd === 'options' ? [1, 1, 1, 1] : [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]),
      payload: new Uint8Array(payload).map((_, i) => i * 7 + flow),
    });
    if (odd === 'corrupt') packet[packet.length - 1]! ^= 1;
    if (odd === 'corrupt header') packet[1]! ^= 4;
    if (odd === 'no checksum' && flow >= 6) put16(packet, 26, 0);
    state.seq += payload;
    state.id += 1;
    next.set(flow, state);
    return packet;
  });
}

/** The packet without what means nothing: the id of one that may not be fragmented (RFC 6864). */
function withoutId(packet: Bytes): string {
  const copy = packet.slice();
  const id = get16(copy, 4);
  if (get16(copy, 6) & 0x4000) {
    put16(copy, 4, 0);
    const sum = (get16(packet, 10) + id) % 0xffff;
    put16(copy, 10, sum);
  }
  return Buffer.from(copy).toString('hex');
}

function byFlow(packets: Bytes[]): Record<string, string[]> {
  const flows: Record<string, string[]> = {};
  for (const packet of packets) {
    const name = `${packet[9]}:${get16(packet, 20)}`;
    flows[name] = [...(flows[name] ?? []), withoutId(packet)];
  }
  return flows;
}

for (const wasm of [true, false]) {
  for (const uso of [true, false]) {
    const how = `${wasm ? 'with WebAssembly' : 'in JavaScript'}${uso ? '' : ', without USO'}`;
    test(`each connection's packets come out as they went in, ${how}`, async (t) => {
      const path = await fakeDataPath({ wasm, uso });
      let gathered = 0;
      await holds(
        t,
        streams,
        async (steps) => {
          const packets = packetsOf(steps);
          path.kernel.written.length = 0;
          path.in(packets);
          const came = path.kernel.written.flatMap(packetsOfWrite);
          assert.deepEqual(byFlow(came), byFlow(packets.map(hopLessAsIs)));
          gathered += packets.length - path.kernel.written.length;
          if (!uso) assert.ok(path.kernel.written.every((write) => write[1] !== 5));
        },
        100,
      );
      assert.ok(gathered > 100, `only ${gathered} were gathered: the test tests nothing`);
    });
  }
}

/** A wrong header checksum stays as wrong as it is. */
function hopLessAsIs(packet: Bytes): Bytes {
  if (isValid(packet)) return oneHopLess(packet);
  const next = packet.slice();
  next[8]!--;
  const sum = get16(packet, 10) + 0x0100;
  put16(next, 10, (sum + (sum >= 0xffff ? 1 : 0)) & 0xffff);
  return next;
}

test('a bulk transfer is written in packets of 64 segments', async () => {
  const path = await fakeDataPath();
  const steps = Array.from({ length: 128 }, (): Step => ({ flow: 0, payload: 600, push: false, odd: 'nothing' }));
  path.in(packetsOf(steps));
  assert.deepEqual(
    path.kernel.written.map((write) => packetsOfWrite(write).length),
    [64, 64],
  );
});

test('connections that come mixed are gathered all the same', async () => {
  const path = await fakeDataPath();
  const steps = Array.from(
    { length: 90 },
    (_, i): Step => ({ flow: (i % 3) * 4, payload: 600, push: false, odd: 'nothing' }),
  );
  path.in(packetsOf(steps));
  assert.equal(path.kernel.written.length, 3);
});
