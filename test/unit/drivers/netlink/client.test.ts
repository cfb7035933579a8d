/** The conversation with the kernel under every fault, with a scripted kernel. */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { Client, problemOf } from '../../../../drivers/netlink/client.ts';
import type { Writer } from '../../../../drivers/netlink/codec/writer.ts';
import type { Transport } from '../../../../drivers/netlink/transport.ts';

const { EAGAIN, EBADF, EBUSY, EINTR, EINVAL, EMFILE, EEXIST, ENOBUFS, EPERM } = constants.errno;
const ERROR = 2;
const DONE = 3;
const ITEM = 24;
const MULTI = 2;
const INTERRUPTED = 0x10;
const ACK = 4;
const CAPPED_WITH_TLVS = 0x300;

interface Sent {
  type: number;
  flags: number;
  seq: number;
}
type Packet = Uint8Array | number;

/** Answers each datagram with what `answer` returns for it: packets, or negative errnos for recv(). */
class ScriptedKernel implements Transport {
  portId = 1;
  readonly datagrams: Sent[][] = [];
  reopened = 0;
  queue: Packet[] = [];
  sendErrors: number[] = [];
  #answer: (messages: Sent[], nth: number) => Packet[];

  constructor(answer: (messages: Sent[], nth: number) => Packet[]) {
    this.#answer = answer;
  }

  send(data: Uint8Array, length: number): number {
    const error = this.sendErrors.shift();
    if (error) return -error;
    const words = new DataView(data.buffer, data.byteOffset);
    const messages: Sent[] = [];
    for (let at = 0; at < length; at += (words.getUint32(at, true) + 3) & ~3) {
      messages.push({
        type: words.getUint16(at + 4, true),
        flags: words.getUint16(at + 6, true),
        seq: words.getUint32(at + 8, true),
      });
    }
    this.datagrams.push(messages);
    this.queue.push(...this.#answer(messages, this.datagrams.length));
    return length;
  }
  receive(into: Uint8Array): number {
    const packet = this.queue.shift();
    if (packet === undefined) return -EAGAIN;
    if (typeof packet === 'number') return packet;
    into.set(packet);
    return packet.length;
  }
  reopen(): void {
    this.reopened++;
    this.queue = [];
  }
  close(): void {}
}

function packet(type: number, seq: number, flags = 0, payload: Uint8Array = new Uint8Array(4)): Uint8Array {
  const bytes = new Uint8Array(16 + ((payload.length + 3) & ~3));
  const words = new DataView(bytes.buffer);
  words.setUint32(0, bytes.length, true);
  words.setUint16(4, type, true);
  words.setUint16(6, flags, true);
  words.setUint32(8, seq, true);
  bytes.set(payload, 16);
  return bytes;
}

function error(errno: number, seq: number, words = ''): Uint8Array {
  const text = Buffer.from(`${words}\0`);
  const payload = Buffer.alloc(20 + (words ? 4 + ((text.length + 3) & ~3) : 0));
  payload.writeInt32LE(-errno, 0);
  payload.writeUInt32LE(100, 4);
  if (words) {
    payload.writeUInt16LE(4 + text.length, 20);
    payload.writeUInt16LE(1, 22);
    text.copy(payload, 24);
  }
  return packet(ERROR, seq, words ? CAPPED_WITH_TLVS : 0, payload);
}

const item = (seq: number, n: number, flags = 0) => packet(ITEM, seq, MULTI | flags, Uint8Array.of(n, 0, 0, 0));
const done = (seq: number, errno = 0) => packet(DONE, seq, MULTI, new Uint8Array(Int32Array.of(-errno).buffer));
const ask = (w: Writer) => {
  w.begin(26, 0x300, 4);
  w.end();
};
const change = (w: Writer) => {
  w.begin(24, 0, 4);
  w.end();
};
const dump = (kernel: ScriptedKernel) => new Client(kernel).dump(ask, (m) => m.byte(m.body));

test('a dump is read over several packets', () => {
  const kernel = new ScriptedKernel(([{ seq } = { seq: 0 }]) => {
    const two = Buffer.concat([item(seq, 1), item(seq, 2)]);
    return [two, item(seq, 3), done(seq)];
  });
  assert.deepEqual(dump(kernel), { errno: 0, extack: '', items: [1, 2, 3] });
});

test('messages of somebody else or of an earlier request are passed over', () => {
  const kernel = new ScriptedKernel(([{ seq } = { seq: 0 }]) => [
    item(seq - 1, 9),
    error(EPERM, seq - 1),
    done(seq - 1),
    item(seq, 1),
    done(seq),
  ]);
  assert.deepEqual(dump(kernel).items, [1]);
});

for (const [name, spoilt] of [
  ['interrupted', (seq: number) => [item(seq, 8, INTERRUPTED), item(seq, 9), done(seq)]],
  ['ended by an errno', (seq: number) => [item(seq, 8), done(seq, EBUSY)]],
  ['refused as busy', (seq: number) => [error(EBUSY, seq)]],
  ['overflown', (seq: number) => [item(seq, 8), -ENOBUFS]],
  ['cut off', (seq: number) => [item(seq, 8)]],
  ['without a socket', () => [-EBADF]],
] as const) {
  test(`a dump that was ${name} is thrown away and made again`, () => {
    const kernel = new ScriptedKernel(([{ seq } = { seq: 0 }], nth) =>
      nth === 1 ? [...spoilt(seq)] : [item(seq, 1), done(seq)],
    );
    assert.deepEqual(dump(kernel), { errno: 0, extack: '', items: [1] });
    assert.equal(kernel.datagrams.length, 2);
  });
}

test('a dump that is interrupted every time is given up after a few', () => {
  const kernel = new ScriptedKernel(([{ seq } = { seq: 0 }]) => [item(seq, 1, INTERRUPTED), done(seq)]);
  const result = dump(kernel);
  assert.deepEqual(result, { errno: EINTR, extack: '', items: [] });
  assert.equal(kernel.datagrams.length, 5);
  assert.match(problemOf('routes', result) ?? '', /routes could not be listed \(EINTR\)/);
});

test('EINTR in receive is nothing: what is queued is still there', () => {
  const kernel = new ScriptedKernel(([{ seq } = { seq: 0 }]) => [-EINTR, item(seq, 1), -EINTR, done(seq)]);
  assert.deepEqual(dump(kernel).items, [1]);
  assert.equal(kernel.datagrams.length, 1);
});

test('an answer that means no is not asked again', () => {
  const kernel = new ScriptedKernel(([{ seq } = { seq: 0 }]) => [error(EINVAL, seq, 'Invalid values in header')]);
  assert.deepEqual(dump(kernel), { errno: EINVAL, extack: 'Invalid values in header', items: [] });
  assert.equal(kernel.datagrams.length, 1);
});

test('a lost socket is opened anew while sending, other errors are told', () => {
  const kernel = new ScriptedKernel(([{ seq } = { seq: 0 }]) => [item(seq, 1), done(seq)]);
  kernel.sendErrors = [EBADF, EAGAIN];
  assert.deepEqual(dump(kernel).items, [1]);
  assert.equal(kernel.reopened, 1);
  kernel.sendErrors = [EMFILE];
  assert.equal(dump(kernel).errno, EMFILE);
});

test('a single read answers with the object, or with why not', () => {
  const kernel = new ScriptedKernel(([{ seq } = { seq: 0 }], nth) =>
    nth === 1 ? [packet(ITEM, seq, 0, Uint8Array.of(5, 0, 0, 0))] : [error(2, seq)],
  );
  const client = new Client(kernel);
  assert.deepEqual(
    client.get(ask, (m) => m.byte(m.body)),
    { errno: 0, extack: '', value: 5 },
  );
  assert.deepEqual(
    client.get(ask, (m) => m.byte(m.body)),
    { errno: 2, extack: '', value: undefined },
  );
});

/** Answers like the kernel: an error for each message that `failing` names, an acknowledgement where asked for. */
const worker =
  (failing: (index: number) => number, total: { count: number }) =>
  (messages: Sent[]): Packet[] =>
    messages.flatMap(({ seq, flags }) => {
      const errno = failing(total.count++);
      if (errno) return [error(errno, seq, `no ${errno}`)];
      return flags & ACK ? [error(0, seq)] : [];
    });

test('a batch goes in chunks, is acknowledged once a chunk, and each failure is its own', () => {
  const total = { count: 0 };
  const bad = new Set([0, 77, 199, 200, 449]); // the first, the last of a chunk, the first of the next, the very last
  const kernel = new ScriptedKernel(worker((i) => (bad.has(i) ? EEXIST : 0), total));
  let turns = 0;
  const failed = new Client(kernel).batch(450, change, () => turns++);
  assert.deepEqual(
    kernel.datagrams.map((messages) => messages.length),
    [200, 200, 50],
  );
  assert.deepEqual(
    kernel.datagrams.map((messages) => messages.filter(({ flags }) => flags & ACK).length),
    [1, 1, 1],
  );
  assert.deepEqual(
    [...failed.keys()].sort((a, b) => a - b),
    [...bad],
  );
  assert.deepEqual(failed.get(77), { errno: EEXIST, extack: 'no 17' });
  assert.equal(turns, 3);
  assert.equal(total.count, 450);
});

test('a batch whose answers overflow is of unknown outcome, but for what was heard', () => {
  const kernel = new ScriptedKernel((messages, nth) =>
    nth === 1 ? [error(EEXIST, messages[3]!.seq), -ENOBUFS] : [error(0, messages.at(-1)!.seq)],
  );
  const failed = new Client(kernel).batch(201, change);
  assert.equal(failed.size, 200);
  assert.equal(failed.get(3)?.errno, EEXIST);
  assert.equal(failed.get(4)?.errno, ENOBUFS);
  assert.equal(failed.has(200), false);
  assert.equal(kernel.reopened, 1);
});

test('a batch that can not be sent fails as a whole', () => {
  const kernel = new ScriptedKernel(() => []);
  kernel.sendErrors = [EPERM];
  const failed = new Client(kernel).batch(3, change);
  assert.deepEqual(
    [...failed.values()].map(({ errno }) => errno),
    [EPERM, EPERM, EPERM],
  );
});

test('what can not be written fails alone', () => {
  const total = { count: 0 };
  const kernel = new ScriptedKernel(worker(() => 0, total));
  const failed = new Client(kernel).batch(3, (w, i) => {
    w.begin(24, 0, 4);
    if (i !== 1) w.attrIPv4(1, i === 2 ? '10.5.34' : '10.5.34.0');
    w.end();
  });
  assert.deepEqual([...failed], [[2, { errno: EINVAL, extack: '"10.5.34" is not an IPv4 address' }]]);
  assert.deepEqual(
    kernel.datagrams[0]!.map(({ type }) => type),
    [24, 24, 1],
  );
});
