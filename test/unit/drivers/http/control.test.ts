import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { askStatus } from '../../../../drivers/control/ask.ts';
import { controlServer } from '../../../../drivers/http/control.ts';
import { sourceOf } from '../../../helpers/status.ts';

async function serve(t: TestContext, source = sourceOf()): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-control-'));
  const path = join(folder, 'control.sock');
  const take = controlServer(source);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    take(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return path;
}

const send = (socketPath: string, method: string, path: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    const asked = request({ socketPath, path, method }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once('error', reject).end();
  });

describe('the control socket', () => {
  it('answers with the status', async (t) => {
    const source = sourceOf({ line: '10.5.1.0/24, 3 peers, in sync' });
    assert.equal((await askStatus(await serve(t, source))).line, '10.5.1.0/24, 3 peers, in sync');
  });

  it('is only read', async (t) => {
    const path = await serve(t);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) assert.equal(await send(path, method, '/api/status'), 405);
    assert.equal(await send(path, 'HEAD', '/api/status'), 200);
    assert.equal(await send(path, 'GET', '/'), 404);
  });

  it('says so if a page can not be made, and goes on', async (t) => {
    const failures: unknown[] = [];
    let broken = true;
    const good = sourceOf();
    const source = {
      ...good,
      status: () => {
        if (broken) throw new Error('broken');
        return good.status();
      },
      failure: (error: unknown) => failures.push(error),
    };
    const path = await serve(t, source);
    await assert.rejects(askStatus(path), /500/);
    assert.equal(failures.length, 1);
    broken = false;
    assert.equal((await askStatus(path)).version, 1);
  });
});
