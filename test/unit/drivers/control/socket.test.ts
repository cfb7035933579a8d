import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openControlSocket } from '../../../../drivers/control/socket.ts';
import { eventually } from '../../../helpers/eventually.ts';

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-control-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'run', 'control.sock');
}

async function open(t: TestContext, path: string, word = 'hello') {
  const said: string[] = [];
  const control = openControlSocket(
    path,
    (socket) => socket.end(word),
    (sentence) => said.push(sentence),
  );
  t.after(() => control.close());
  return { control, said };
}

/** undefined: nobody is there. */
async function ask(path: string): Promise<string | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    let text = '';
    for await (const part of socket.setEncoding('utf8')) text += part;
    return text;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

test('it is for its owner alone, and goes when it is closed', async (t) => {
  const path = place(t);
  const { control, said } = await open(t, path);
  await eventually(async () => (await ask(path)) === 'hello', { what: 'an answer' });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  control.close();
  await eventually(() => !existsSync(path), { what: 'the socket to go' });
  assert.deepEqual(said, []);
});

test('one that nobody answers at is replaced', async (t) => {
  const path = place(t);
  // A server that is closed by its process's death leaves its file; so does this one, whose file is kept by another name.
  const { control } = await open(t, `${path}.first`);
  await eventually(() => existsSync(`${path}.first`), { what: 'a socket' });
  const { linkSync } = await import('node:fs');
  linkSync(`${path}.first`, path);
  control.close();
  await eventually(() => !existsSync(`${path}.first`), { what: 'it to go' });
  await open(t, path, 'second');
  await eventually(async () => (await ask(path)) === 'second', { what: 'the second to answer' });
});

test("another daemon's is left alone, and taken when it has gone", async (t) => {
  const path = place(t);
  const first = await open(t, path, 'first');
  await eventually(async () => (await ask(path)) === 'first', { what: 'the first to answer' });
  const second = await open(t, path, 'second');
  await eventually(() => second.said.length > 0, { what: 'the second to say so' });
  assert.match(second.said[0] ?? '', /another one answers at .*--control-socket/);
  assert.equal(await ask(path), 'first');
  first.control.close();
  await eventually(async () => (await ask(path)) === 'second', { what: 'the second to take over' });
});

test('a file of somebody in its place stays, and a sentence says so', async (t) => {
  const path = place(t).replace('/run/', '/');
  writeFileSync(path, 'precious');
  const { said } = await open(t, path);
  await eventually(() => said.length > 0, { what: 'a sentence' });
  assert.match(said[0] ?? '', /EADDRINUSE.*--control-socket/);
  assert.equal(readFileSync(path, 'utf8'), 'precious');
});
