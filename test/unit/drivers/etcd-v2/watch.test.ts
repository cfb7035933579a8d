/** The v2 watch against a server of our own, which does what a test wants to see. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it, type TestContext } from 'node:test';
import { openEtcdV2 } from '../../../../drivers/etcd-v2/source.ts';
import { eventually } from '../../../helpers/eventually.ts';

/** A member whose long polls are never answered. `asked`: how often it was asked for its leader. */
async function silentMember(t: TestContext): Promise<{ url: string; asked: () => number; server: Server }> {
  let asked = 0;
  const server = createServer((request, response) => {
    response.setHeader('x-etcd-index', '7').setHeader('x-etcd-cluster-id', 'one');
    if (request.url?.includes('wait=true')) return void response.flushHeaders();
    asked++;
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked, server };
}

it('a watch that lasts long keeps nothing of each time it has asked for the leader', async (t) => {
  const { url, asked } = await silentMember(t);
  const warnings: string[] = [];
  const listen = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', listen);
  t.after(() => process.off('warning', listen));
  const source = openEtcdV2({ endpoints: [url], prefix: '/coreos.com/network', tuning: { keepaliveMs: 1 } });
  t.after(() => source.close());
  const events: string[] = [];
  const stop = source.watch(8, ({ type }) => events.push(type));
  t.after(stop);
  // Node warns of the eleventh listener.
  await eventually(() => asked() > 30, { what: 'the leader to have been asked for', timeout: 60_000 });
  assert.deepEqual([events, warnings], [['started'], []]);
});
