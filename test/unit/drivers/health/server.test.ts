import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { type Health, serveHealth } from '../../../../drivers/health/server.ts';

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(address && typeof address === 'object');
  return address.port;
}

async function serve(
  t: TestContext,
  health: Partial<Health> = {},
): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  const port = await freePort();
  const close = await serveHealth('127.0.0.1', port, { ready: () => true, report: () => undefined, ...health });
  t.after(close);
  return (path, init) => fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers: { connection: 'close' } });
}

describe('the health server', () => {
  it('says that it is alive', async (t) => {
    const get = await serve(t, { ready: () => false });
    const response = await get('/healthz');
    assert.equal(response.status, 200);
    assert.match(await response.text(), /running/);
  });

  it('is ready after the first round', async (t) => {
    let ready = false;
    const get = await serve(t, { ready: () => ready });
    assert.equal((await get('/readyz')).status, 503);
    ready = true;
    assert.equal((await get('/readyz')).status, 200);
  });

  it('serves the last report as it is', async (t) => {
    let report: string | undefined;
    const get = await serve(t, { report: () => report });
    assert.equal((await get('/report')).status, 503);
    report = '{"version":1}\n';
    const response = await get('/report?pretty=1');
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
    assert.equal(await response.text(), report);
  });

  it('answers GET and HEAD only', async (t) => {
    const get = await serve(t);
    const head = await get('/healthz', { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const response = await get('/healthz', { method });
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'], method);
    }
  });

  it('has no more than 64 connections, and is there again when some have ended', async (t) => {
    const port = await freePort();
    t.after(await serveHealth('127.0.0.1', port, { ready: () => true, report: () => undefined }));
    const sockets = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const socket = connect(port, '127.0.0.1');
        t.after(() => socket.destroy());
        await once(socket, 'connect');
        return socket;
      }),
    );
    const extra = connect(port, '127.0.0.1');
    t.after(() => extra.destroy());
    extra.on('error', () => {}); // reset, maybe
    await once(extra, 'close');
    for (const socket of sockets) socket.destroy();
    for (;;) {
      const status = await fetch(`http://127.0.0.1:${port}/healthz`).then(
        (response) => response.status,
        () => 0,
      );
      if (status === 200) break;
    }
  });

  it('says of anything else what there is', async (t) => {
    const get = await serve(t);
    const response = await get('/nowhere');
    assert.equal(response.status, 404);
    assert.match(await response.text(), /\/healthz.*\/readyz.*\/report/);
  });

  it('serves nothing any more once it is closed, and lets go of the port', async (t) => {
    const port = await freePort();
    const health = { ready: () => true, report: () => undefined };
    const close = await serveHealth('127.0.0.1', port, health);
    // Kept alive: it must not hold up the end.
    await fetch(`http://127.0.0.1:${port}/healthz`).then((response) => response.text());
    close();
    await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
    const again = await serveHealth('127.0.0.1', port, health);
    t.after(again);
  });

  it('says which port it can not have, and which flags to change', async (t) => {
    const port = await freePort();
    const health = { ready: () => true, report: () => undefined };
    t.after(await serveHealth('127.0.0.1', port, health));
    await assert.rejects(serveHealth('127.0.0.1', port, health), (error: Error) => {
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}.*EADDRINUSE.*--healthz-port`));
      assert.ok(error.cause instanceof Error);
      return true;
    });
  });
});
