/**
 * The driver in a process of its own: it can end by itself after close(), whatever was under way.
 * SELVAGE_ETCD_DRIVER names another build of drivers/etcd/source.ts, so that a bundle can be put to the same test: a bundle whose
 * protocol lost its field names (docs/reference/dependencies.md#bundling-etcd3) lists nothing and guards nothing, without an error.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startEtcd } from '../../../helpers/etcd.ts';
import { EtcdV3Store } from './etcd-v3-store.ts';

const DRIVER =
  process.env.SELVAGE_ETCD_DRIVER ?? fileURLToPath(new URL('../../../../drivers/etcd/source.ts', import.meta.url));

/** Runs `body`, which has `source`, and returns what it said; rejects if the process does not end by itself. */
function run(options: object, body: string): Promise<string> {
  const code = `const { openEtcdV3 } = await import(${JSON.stringify(DRIVER)});
    const source = openEtcdV3(${JSON.stringify(options)});
    const say = (value) => console.log(JSON.stringify(value));
    ${body}`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', code];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { timeout: 20_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.killed ? 'did not end by itself' : error.message}\n${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
}

const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('the etcd driver in a process of its own', () => {
  let store: EtcdV3Store;

  before(async () => {
    store = new EtcdV3Store(await startEtcd());
    await store.fill('/n', 1000, 200);
    await store.put('/n/config', '{}');
    await store.etcd.etcdctl('user', 'add', 'root:secret');
    await store.etcd.etcdctl('user', 'grant-role', 'root', 'root');
  });
  after(() => store?.destroy());

  it('lists, guards its writes, watches, and ends', async () => {
    const body = `
      const { leases, config, revision } = await source.snapshot();
      say([leases.length, config.value]);
      const events = [];
      let seen;
      const changed = new Promise((resolve) => { seen = resolve; });
      source.watch(revision + 1, (event) => { events.push(event.type); if (event.type === 'changes') seen(); });
      const { record, neighbours } = await source.leases.create('/n/subnets/new', 'x', 60);
      say(neighbours.length);
      say((await source.leases.create('/n/subnets/new', 'y', 60)).result);
      say(await source.leases.renew(record));
      say(await source.leases.update({ ...record, modRevision: 1 }, 'z'));
      await changed;
      say(await source.leases.release(record));
      await source.close();
      say(events.at(-1));`;
    const out = await run({ endpoints: [store.etcd.endpoint], prefix: '/n' }, body);
    assert.deepEqual(lines(out), [[1000, '{}'], 1000, 'exists', { ttlSeconds: 60 }, 'changed', 'released', 'ended']);
  });

  it('ends with calls and watches under way, against a server that is not there', async () => {
    const body = `
      source.watch(1, () => {});
      const listing = source.snapshot().catch((error) => say(error.kind));
      await new Promise((resolve) => setTimeout(resolve, 200));
      source.watch(1, () => {});
      source.snapshot().catch(() => {});
      await source.close();
      await listing;`;
    assert.deepEqual(lines(await run({ endpoints: ['http://127.0.0.1:1'], prefix: '/n' }, body)), ['unavailable']);
  });

  it('ends although it had logged in', async () => {
    await store.etcd.etcdctl('auth', 'enable');
    const options = { endpoints: [store.etcd.endpoint], prefix: '/n', username: 'root', password: 'secret' };
    const body = `
      say((await source.snapshot()).leases.length);
      source.watch(1, (event) => event.type === 'started' && source.close());`;
    assert.deepEqual(lines(await run(options, body)), [1000]);
  });
});
