/** What a member of etcd says of itself, from a server that says what a test wants. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, it } from 'node:test';
import { parseOptions } from '../../../../config/options.ts';
import { endpointsHealth } from '../../../../drivers/doctor/etcd-health.ts';

let server: Server | undefined;
afterEach(() => server?.close());

async function ask(status: number, body: string, date?: Date) {
  server = createServer((_, response) => {
    if (date) response.sendDate = false;
    response.writeHead(status, date ? { date: date.toUTCString() } : {}).end(body);
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { etcd } = parseOptions(['doctor', `--etcd-endpoints=${url}`], {});
  const [health] = await endpointsHealth(etcd);
  return { ...health!, url };
}

it('one that is well says so, in the words of every version', async () => {
  for (const body of ['{"health":"true"}', '{"health":"true","reason":""}', '{"health": true}']) {
    const { problem, clockAheadMs } = await ask(200, body);
    assert.equal(problem, undefined);
    assert.ok(Math.abs(clockAheadMs!) < 60_000);
    server?.close();
  }
});

it('one that is not says why', async () => {
  const { problem, url } = await ask(503, '{"health":"false","reason":"ALARM NOSPACE"}');
  assert.equal(problem, `${url} says that it is not healthy (ALARM NOSPACE).`);
});

it('one whose clock is wrong is told by the Date of its answer', async () => {
  const { clockAheadMs } = await ask(200, '{"health":"true"}', new Date(Date.now() - 3_600_000));
  assert.ok(clockAheadMs! < -3_500_000 && clockAheadMs! > -3_700_000, String(clockAheadMs));
});

it('one that is not there is told in a sentence', async () => {
  const { etcd } = parseOptions(['doctor', '--etcd-endpoints=http://127.0.0.1:1'], {});
  const [health] = await endpointsHealth(etcd);
  assert.match(health?.problem ?? '', /http:\/\/127\.0\.0\.1:1 .*refused the connection.*\.$/);
  assert.equal(health?.clockAheadMs, undefined);
});
