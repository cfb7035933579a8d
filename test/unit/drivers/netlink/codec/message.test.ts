/** The cursor never reads past what was received, whatever the bytes claim. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readAddress } from '../../../../../drivers/netlink/codec/address.ts';
import { readFdb } from '../../../../../drivers/netlink/codec/fdb.ts';
import { readLink } from '../../../../../drivers/netlink/codec/link.ts';
import { Message } from '../../../../../drivers/netlink/codec/message.ts';
import { readNeighbour } from '../../../../../drivers/netlink/codec/neighbour.ts';
import { readNexthop } from '../../../../../drivers/netlink/codec/nexthop.ts';
import { readDefaultRoutes, readRoute } from '../../../../../drivers/netlink/codec/route.ts';
import { Writer } from '../../../../../drivers/netlink/codec/writer.ts';

function datagram(bytes: Uint8Array, room = 4096): Message {
  const message = new Message(room);
  message.u8.set(bytes.subarray(0, room));
  message.rewind(bytes.length);
  return message;
}

test('a message that claims more than was received ends the walk', () => {
  const w = new Writer();
  w.begin(20, 0, 8);
  w.end();
  w.begin(20, 0, 8);
  w.end();
  const bytes = w.u8.slice(0, w.length);
  new DataView(bytes.buffer).setUint32(24, 400, true);
  const m = datagram(bytes);
  assert.equal(m.next(), true);
  assert.equal(m.malformed, false);
  assert.equal(m.next(), false);
  assert.equal(m.malformed, true);
});

test('a datagram that did not fit is malformed', () => {
  assert.equal(datagram(new Uint8Array(5000)).malformed, true);
});

test('decoders survive any bytes', () => {
  const decoders = [
    readLink,
    readAddress,
    (m: Message) => readNeighbour(m, 'flannel.1'),
    (m: Message) => readFdb(m, 'flannel.1'),
    readNexthop,
    readRoute,
    readDefaultRoutes,
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(6), (payload, which) => {
      const w = new Writer();
      const at = w.begin(16, 0, payload.length);
      w.u8.set(payload, at);
      w.end();
      const m = datagram(w.u8.slice(0, w.length));
      assert.equal(m.next(), true);
      decoders[which]!(m);
    }),
    { numRuns: 2000 },
  );
});

test('attributes of an unknown or absurd type or length are passed over', () => {
  const w = new Writer();
  w.begin(20, 0, 8);
  w.attrU32(5000, 1);
  w.attrU32(3, 77);
  const last = w.attr(4, 0);
  w.end();
  w.u16(last - 4, 400);
  const m = datagram(w.u8.slice(0, w.length));
  m.next();
  m.scan(m.body + 8);
  assert.equal(m.attrU32(3), 77);
  assert.equal(m.has(4), false);
});
