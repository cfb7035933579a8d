import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { listenHttp } from '../../../../drivers/http/listen.ts';
import { httpServer } from '../../../../drivers/http/server.ts';
import type { StatusSource } from '../../../../drivers/http/source.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { sourceOf, statusWith } from '../../../helpers/status.ts';

const IP = '127.0.0.1';

async function serve(t: TestContext, source: StatusSource = sourceOf(), ip = IP): Promise<number> {
  const take = httpServer(source, ip);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    take(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, IP, resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function ask(port: number, path: string, { method = 'GET', host = 'localhost' } = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: IP, port, path, method, headers: { host }, agent: false }, resolve);
    asked.once('error', reject).end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part;
  return text;
}

describe('what --http serves', () => {
  it('is the status, with headers that keep it to itself', async (t) => {
    const response = await ask(await serve(t), '/api/status');
    assert.equal(response.statusCode, 200);
    assert.deepEqual(JSON.parse(await textOf(response)), statusWith());
    const { headers } = response;
    assert.match(String(headers['content-security-policy']), /^default-src 'none'/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cache-control'], 'no-store');
  });

  it('is only read', async (t) => {
    const port = await serve(t);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const response = await ask(port, '/api/status', { method });
      assert.deepEqual([response.statusCode, response.headers.allow], [405, 'GET, HEAD'], method);
      response.resume();
    }
    const head = await ask(port, '/api/status', { method: 'HEAD' });
    assert.deepEqual([head.statusCode, await textOf(head)], [200, '']);
  });

  it('on a loopback address is for who names this machine', async (t) => {
    const port = await serve(t);
    const codeFor = async (host: string, at = port) => {
      const response = await ask(at, '/api/status', { host });
      response.resume();
      return response.statusCode;
    };
    for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', `127.0.0.1:${port}`, '[::1]:80', 'LOCALHOST'])
      assert.equal(await codeFor(host), 200, host);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '192.168.64.2',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
    ])
      assert.equal(await codeFor(host), 403, host);
    assert.equal(await codeFor('web1.example', await serve(t, sourceOf(), '0.0.0.0')), 200);
  });

  it('says what there is', async (t) => {
    const response = await ask(await serve(t), '/nowhere');
    assert.equal(response.statusCode, 404);
    assert.match(await textOf(response), /\/api\/status/);
  });

  it('lets go of who sends nothing or headers without end', { timeout: 60_000 }, async (t) => {
    const port = await serve(t);
    const silent = connect(port, IP);
    const endless = connect(port, IP);
    const timer = setInterval(() => endless.write('x'), 200);
    endless.write('GET /api/status HTTP/1.1\r\nhost: localhost\r\nx: ');
    for (const socket of [silent, endless]) socket.on('error', () => {}).resume();
    await Promise.all([once(silent, 'close'), once(endless, 'close')]);
    clearInterval(timer);
  });
});

describe('the stream of events', () => {
  it('begins with all there is, and goes on with what has changed', async (t) => {
    let tell = () => {};
    let status = statusWith();
    let listeners = 0;
    const source: StatusSource = {
      ...sourceOf(),
      status: () => status,
      subscribe: (changed) => {
        tell = changed;
        listeners++;
        return () => listeners--;
      },
    };
    const response = await ask(await serve(t, source), '/api/events');
    assert.match(response.headers['content-type'] ?? '', /^text\/event-stream/);
    let text = '';
    response.setEncoding('utf8').on('data', (part) => (text += part));
    response.on('error', () => {});
    const events = () =>
      text.split('\n\n').flatMap((event) => {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
        return name && data ? [{ name, data: JSON.parse(data) }] : [];
      });
    await eventually(() => events().length === 2, { what: 'the first two events' });
    const { peers, ...rest } = status;
    assert.deepEqual(events(), [
      { name: 'status', data: rest },
      { name: 'peers', data: { changed: peers, gone: [] } },
    ]);
    const changed = { ...peers[1]!, lost: 2 };
    status = statusWith({ peers: [changed] });
    for (let i = 0; i < 50; i++) tell();
    await eventually(() => events().length === 4, { what: 'one more of each' });
    assert.deepEqual(events()[3]?.data, { changed: [changed], gone: ['10.5.7.0/24'] });
    response.destroy();
    await eventually(() => listeners === 0, { what: 'nobody to listen' });
  });

  it('is for 24 at once, and pages can be had beside them', async (t) => {
    const port = await serve(t);
    const streams = await Promise.all(Array.from({ length: 24 }, () => ask(port, '/api/events')));
    for (const stream of streams) stream.on('error', () => {}).resume();
    const more = await ask(port, '/api/events');
    assert.equal(more.statusCode, 503);
    more.resume();
    const page = await ask(port, '/api/status');
    assert.equal(page.statusCode, 200);
    page.resume();
    for (const stream of streams) stream.destroy();
  });
});

describe('the listening socket', () => {
  it('has 64 connections at most, and says which port it can not have', async (t) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, IP, resolve));
    const { port } = taken.address() as AddressInfo;
    const said: string[] = [];
    const end = listenHttp({ ip: IP, port }, () => {}, {
      failed: (sentence) => said.push(sentence),
      listening: () => {},
    });
    await eventually(() => said.length > 0, { what: 'a sentence' });
    assert.match(said[0] ?? '', new RegExp(`http://127\\.0\\.0\\.1:${port}/.*EADDRINUSE.*--http`));
    end();
    taken.close();
    await once(taken, 'close');

    const held: Socket[] = [];
    let listening = () => {};
    const ready = new Promise<void>((resolve) => (listening = resolve));
    t.after(listenHttp({ ip: IP, port }, (socket) => held.push(socket), { failed: () => {}, listening }));
    await ready;
    const sockets = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const socket = connect(port, IP);
        t.after(() => socket.destroy());
        await once(socket, 'connect');
        return socket;
      }),
    );
    await eventually(() => held.length === 64, { what: '64 connections' });
    const extra = connect(port, IP).on('error', () => {});
    t.after(() => extra.destroy());
    await once(extra, 'close');
    assert.deepEqual([held.length, sockets.length], [64, 64]);
  });
});
