import assert from 'node:assert/strict';
import { it } from 'node:test';
import { checksum, echoRequest, readAnswer } from '../../../../drivers/probe/echo-packet.ts';

/** As a raw socket gives it: with an IPv4 header, here of `words` words. */
function received(icmp: Buffer, from = [10, 5, 2, 0], words = 5): Buffer {
  const header = Buffer.alloc(words * 4);
  header[0] = 0x40 | words;
  header.set(from, 12);
  return Buffer.concat([header, icmp]);
}

const request = echoRequest(7, 9, 84);
const reply = Buffer.from(request);
reply[0] = 0;

it('a request has the size that was asked for less the header, and a right checksum', () => {
  assert.equal(request.length, 64);
  assert.equal(checksum(request), 0);
  assert.deepEqual([...request.subarray(0, 2), ...request.subarray(4, 8)], [8, 0, 0, 7, 0, 9]);
  assert.equal(checksum(echoRequest(7, 9, 1501)), 0);
});

it('a reply to it is known by id and sequence, behind a header with options, too', () => {
  assert.deepEqual(readAnswer(received(reply), 7), { sequence: 9, what: 'reply', from: '10.5.2.0' });
  assert.deepEqual(readAnswer(received(reply, [10, 5, 2, 0], 6), 7), { sequence: 9, what: 'reply', from: '10.5.2.0' });
  assert.equal(readAnswer(received(reply), 8), undefined);
  assert.equal(readAnswer(received(request), 7), undefined);
});

it('a refusal quotes the request, and may say what would pass', () => {
  const refusal = (code: number, mtu: number): Buffer => {
    const head = Buffer.alloc(8);
    head[0] = 3;
    head[1] = code;
    head.writeUInt16BE(mtu, 6);
    return received(Buffer.concat([head, received(request, [10, 5, 1, 0])]), [192, 0, 2, 1]);
  };
  assert.deepEqual(readAnswer(refusal(4, 1400), 7), { sequence: 9, what: 'unreachable', from: '192.0.2.1', mtu: 1400 });
  assert.deepEqual(readAnswer(refusal(1, 0), 7), { sequence: 9, what: 'unreachable', from: '192.0.2.1' });
  assert.equal(readAnswer(refusal(1, 0), 8), undefined);
});

it('what is cut off, or no IPv4, is no answer', () => {
  for (let length = 0; length < 28; length++)
    assert.equal(readAnswer(received(reply).subarray(0, length), 7), undefined);
  assert.equal(readAnswer(Buffer.alloc(64), 7), undefined);
});
