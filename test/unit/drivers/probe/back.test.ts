/** The way back: asked and answered over real datagrams, and what is not exactly so is passed over. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { it } from 'node:test';
import { askBack, BACK_PORT, BackServer, readAnswers } from '../../../../drivers/probe/back.ts';

const ANSWERS = { icmp: { result: 'answered', ms: 1.5 }, tcp: { result: 'silent' } } as const;
// Addresses of the loopback that nobody else here listens on.
const HERE = `127.${(process.pid >> 8) & 255}.${process.pid & 255}.2`;
const PEER = HERE.replace(/2$/, '3');
const STRANGER = HERE.replace(/2$/, '4');

it('a peer is answered with what came of it, a stranger is not, and nobody twice at once', async () => {
  const asked: string[] = [];
  const server = new BackServer(async (address) => {
    asked.push(address);
    return ANSWERS;
  });
  server.listen(HERE, (address) => address === PEER);
  try {
    assert.deepEqual(await askBack(HERE, 5000, PEER), ANSWERS);
    assert.equal(await askBack(HERE, 100, PEER), undefined);
    assert.equal(await askBack(HERE, 100, STRANGER), undefined);
    assert.deepEqual(asked, [PEER]);
  } finally {
    server.close();
  }
});

it('a question that is lost, or comes too soon after another, is put again', async () => {
  const questions: string[] = [];
  const hardOfHearing = createSocket('udp4');
  hardOfHearing.on('message', (message, { port, address }) => {
    const nonce = Number(questions[questions.push(message.toString()) - 1]!.split(' ')[2]);
    if (questions.length > 1) hardOfHearing.send(JSON.stringify({ nonce, ...ANSWERS }), port, address);
  });
  await new Promise<void>((resolve) => hardOfHearing.bind(BACK_PORT, STRANGER, resolve));
  try {
    assert.deepEqual(await askBack(STRANGER, 60_000, PEER), ANSWERS);
    assert.equal(questions[1], questions[0]);
  } finally {
    hardOfHearing.close();
  }
});

it('a peer may ask again right away, and waits a little for the answer', async () => {
  const server = new BackServer(async () => ANSWERS);
  server.listen(HERE, (address) => address === PEER);
  try {
    assert.deepEqual(await askBack(HERE, 60_000, PEER), ANSWERS);
    assert.deepEqual(await askBack(HERE, 60_000, PEER), ANSWERS);
  } finally {
    server.close();
  }
});

it('where nobody listens it is known at once', async () => {
  assert.equal(await askBack(HERE, 60_000, PEER), undefined);
});

it('an answer of another form, or to another question, is passed over', async () => {
  const liar = createSocket('udp4');
  liar.on('message', (_, { port, address }) => liar.send('{"nonce":1}', port, address));
  await new Promise<void>((resolve) => liar.bind(BACK_PORT, STRANGER, resolve));
  try {
    assert.equal(await askBack(STRANGER, 200, PEER), undefined);
  } finally {
    liar.close();
  }
  const text = (parts: object): string => JSON.stringify({ nonce: 7, ...ANSWERS, ...parts });
  assert.deepEqual(readAnswers(text({}), 7), ANSWERS);
  assert.deepEqual(readAnswers(text({ icmp: { result: 'error', error: 'x' } }), 7)?.icmp, {
    result: 'error',
    error: 'x',
  });
  for (const wrong of [
    '',
    'null',
    '[]',
    '7',
    text({ nonce: 8 }),
    text({ icmp: null }),
    text({ icmp: { result: 'answered', ms: 'x' } }),
    text({ tcp: { result: 'fine' } }),
  ])
    assert.equal(readAnswers(wrong, 7), undefined, wrong);
});
