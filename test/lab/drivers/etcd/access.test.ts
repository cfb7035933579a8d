/** Who may speak with etcd, and what somebody reads who may not: TLS, users and roles. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { type EtcdOptions, openEtcdV3 } from '../../../../drivers/etcd/source.ts';
import { type Etcd, startEtcd } from '../../../helpers/etcd.ts';
import { type Certs, makeCerts } from '../../../helpers/etcd-certs.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { brief, Watching } from '../../contract/watching.ts';

const KEY = '/n/subnets/10.5.1.0-24';

/** One listing, and the source is closed. */
async function listing(options: Partial<EtcdOptions>) {
  const source = openEtcdV3({ endpoints: [], prefix: '/n', ...options });
  try {
    return await source.snapshot();
  } finally {
    await source.close();
  }
}

const having = (text: string): RegExp => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));

/** Fails as a listing and as a watch, with `kind` and a message that has `text` in it. `watched`: of a watch, which nobody looks at twice. */
async function refused(options: Partial<EtcdOptions>, kind: string, text: string, watched = text): Promise<void> {
  const message = having(text);
  await assert.rejects(listing(options), { kind, message });
  const source = openEtcdV3({ endpoints: [], prefix: '/n', ...options });
  const watch = new Watching(source, 1);
  const ended = await watch.untilEnded();
  assert.equal(ended.reason, kind);
  assert.match(ended.message, having(watched));
  await source.close();
}

describe('TLS', () => {
  let certs: Certs;
  const servers: Etcd[] = [];
  let plain: Etcd;
  let tls: Etcd;
  let mutual: Etcd;
  let expired: Etcd;
  let nameless: Etcd;

  before(async () => {
    certs = makeCerts();
    const server = { host: 'localhost', tls: { ca: certs.ca, ...certs.server } };
    const client = { clientAuth: true, clientCert: certs.client.cert, clientKey: certs.client.key };
    [plain, tls, mutual, expired, nameless] = await Promise.all([
      startEtcd({ host: 'localhost' }),
      startEtcd(server),
      startEtcd({ ...server, tls: { ...server.tls, ...client } }),
      startEtcd({ ...server, tls: { ca: certs.ca, ...certs.expiredServer } }),
      startEtcd({ ...server, tls: { ca: certs.ca, ...certs.elsewhereServer } }),
    ]);
    servers.push(plain, tls, mutual, expired, nameless);
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.destroy()));
    certs?.remove();
  });

  const client = () => ({ certFile: certs.client.cert, keyFile: certs.client.key });

  it('with a CA alone, and with a client certificate', async () => {
    assert.ok((await listing({ endpoints: [tls.endpoint], caFile: certs.ca })).revision > 0);
    assert.ok((await listing({ endpoints: [tls.endpoint], caFile: certs.ca, ...client() })).revision > 0);
    const source = openEtcdV3({ endpoints: [mutual.endpoint], prefix: '/n', caFile: certs.ca, ...client() });
    const { revision } = await source.snapshot();
    const watch = new Watching(source, revision + 1);
    assert.equal((await source.leases.create(KEY, 'x', 60)).result, 'created');
    assert.deepEqual(brief(await watch.untilChanges(1)), [`put ${KEY}=x`]);
    await source.close();
  });

  it('with another CA, and without one', async () => {
    const endpoints = [tls.endpoint];
    await refused(
      { endpoints, caFile: certs.otherCa },
      'denied',
      `etcd at ${tls.endpoint} has a certificate that can't be verified: --etcd-cafile is not the authority that signed it`,
    );
    await refused({ endpoints }, 'denied', 'give the authority that signed it with --etcd-cafile');
  });

  it('an expired certificate, and one for another name', async () => {
    await refused(
      { endpoints: [expired.endpoint], caFile: certs.ca },
      'denied',
      `etcd at ${expired.endpoint} has a certificate that has expired: renew it (or its authority's in --etcd-cafile)`,
    );
    const byAddress = tls.endpoint.replace('localhost', '127.0.0.1');
    assert.ok((await listing({ endpoints: [byAddress], caFile: certs.ca })).revision > 0);
    await refused(
      { endpoints: [tls.endpoint.replace('localhost', '127.1.2.3')], caFile: certs.ca },
      'unavailable',
      'refused the connection',
    );
    await refused(
      { endpoints: [nameless.endpoint], caFile: certs.ca },
      'denied',
      'has a certificate for other names (etcd.example): write one of them in --etcd-endpoints',
      'has a certificate for other names: write one of its names in --etcd-endpoints',
    );
  });

  it("without the client certificate that etcd wants, and with a stranger's", async () => {
    const endpoints = [mutual.endpoint];
    await refused(
      { endpoints, caFile: certs.ca },
      'denied',
      'does not accept the client certificate, or the lack of one: give one with --etcd-certfile and --etcd-keyfile',
    );
    const stranger = { certFile: certs.strangerClient.cert, keyFile: certs.strangerClient.key };
    await refused({ endpoints, caFile: certs.ca, ...stranger }, 'denied', 'check --etcd-certfile and --etcd-keyfile');
  });

  it('https to a plain etcd, and http to one with TLS', async () => {
    await refused(
      { endpoints: [plain.endpoint.replace('http:', 'https:')], caFile: certs.ca },
      'unavailable',
      'if it does not speak TLS, write http:// in --etcd-endpoints',
    );
    await refused(
      { endpoints: [tls.endpoint.replace('https:', 'http:')] },
      'unavailable',
      'if it wants TLS, write https:// in --etcd-endpoints',
    );
  });

  it('takes a renewed file without a restart', async () => {
    const caFile = `${certs.ca}.current`;
    writeFileSync(caFile, readFileSync(certs.otherCa));
    const source = openEtcdV3({ endpoints: [tls.endpoint], prefix: '/n', caFile });
    await assert.rejects(source.snapshot(), { kind: 'denied' });
    writeFileSync(caFile, readFileSync(certs.ca));
    assert.ok((await source.snapshot()).revision > 0);
    await source.close();
  });
});

describe('users and roles', () => {
  let etcd: Etcd;

  before(async () => {
    etcd = await startEtcd();
  });
  after(() => etcd?.destroy());

  const as = (username: string, password: string) => ({ endpoints: [etcd.endpoint], username, password });

  it('a user is of no use to an etcd without users, and no harm', async () => {
    assert.ok((await listing(as('flannel', 'secret'))).revision > 0);
    const source = openEtcdV3({ prefix: '/n', ...as('flannel', 'secret') });
    const watch = new Watching(source, 1);
    await watch.untilStarted();
    const fresh = openEtcdV3({ prefix: '/n', ...as('flannel', 'secret') });
    const watches = Array.from({ length: 5 }, () => new Watching(fresh, 1));
    await Promise.all(Array.from({ length: 20 }, () => fresh.snapshot()));
    await Promise.all(watches.map((each) => each.untilStarted()));
    await fresh.close();

    // Somebody switches authentication on while we are connected without.
    const ctl = (...args: string[]) => etcd.etcdctl(...args);
    await ctl('role', 'add', 'network');
    await ctl('role', 'grant-permission', 'network', 'readwrite', '--prefix', '/n/');
    await ctl('role', 'add', 'elsewhere');
    await ctl('role', 'grant-permission', 'elsewhere', 'readwrite', '--prefix', '/m/');
    for (const [user, role] of Object.entries({ root: 'root', flannel: 'network', other: 'elsewhere' })) {
      await ctl('user', 'add', `${user}:secret`);
      await ctl('user', 'grant-role', user, role);
    }
    await ctl('auth', 'enable');
    etcd.ctlFlags = ['--user', 'root:secret'];
    await Promise.all(Array.from({ length: 20 }, () => source.snapshot()));
    await source.close();
  });

  it('a role for the prefix alone is enough for all that we do', async () => {
    const source = openEtcdV3({ prefix: '/n', ...as('flannel', 'secret') });
    const { revision } = await source.snapshot();
    const watch = new Watching(source, revision + 1);
    const created = await source.leases.create(KEY, 'mine', 60);
    assert.ok(created.result === 'created');
    const updated = await source.leases.update(created.record, 'new');
    assert.ok(updated !== 'changed');
    assert.deepEqual(await source.leases.renew(updated), { ttlSeconds: 60 });
    assert.equal((await source.leases.timeLeft([updated.leaseId])).get(updated.leaseId)?.grantedSeconds, 60);
    assert.equal(await source.leases.release(updated), 'released');
    assert.equal((await etcd.etcdctl('lease', 'list')).trim(), 'found 0 leases');
    assert.deepEqual(brief(await watch.untilChanges(3)), [`put ${KEY}=mine`, `put ${KEY}=new`, `delete ${KEY}`]);
    await source.close();
  });

  it('a wrong password, no user, and a user who may not', async () => {
    await refused(
      as('flannel', 'wrong'),
      'denied',
      `etcd at ${etcd.endpoint} refused the user or the password: check --etcd-username and --etcd-password`,
    );
    await refused({ endpoints: [etcd.endpoint] }, 'denied', 'wants a user: give --etcd-username and --etcd-password');
    await refused(
      as('other', 'secret'),
      'denied',
      'does not permit it: grant user other of --etcd-username a role that may read and write under /n/ (etcdctl role grant-permission ROLE readwrite --prefix /n/)',
    );
    const source = openEtcdV3({ prefix: '/n', ...as('other', 'secret') });
    await assert.rejects(source.leases.create(KEY, 'x', 60), { kind: 'denied' });
    assert.equal((await etcd.etcdctl('lease', 'list')).trim(), 'found 0 leases');
    await source.close();
  });

  it('a login that etcd forgot in a restart is made again, for calls and for watches', async () => {
    const open = () => openEtcdV3({ prefix: '/n', ...as('flannel', 'secret') });
    const [calls, watches] = [open(), open()];
    const { revision } = await calls.snapshot();
    await watches.snapshot();
    await etcd.kill();
    await etcd.start();
    // Until the connection is back calls may fail of that; of the forgotten login nobody hears.
    const answer = () => calls.snapshot().catch((error) => assert.match(String(error.why), /refused|dropped/));
    assert.ok(await eventually(answer, { what: 'an answer' }));
    let watch = new Watching(watches, revision + 1);
    const started = () => {
      if (!watch.ended) return watch.started;
      assert.match(watch.ended.message, /refused|broke/);
      watch = new Watching(watches, revision + 1);
      return false;
    };
    assert.ok(await eventually(started, { what: 'a watch', interval: 50 }));
    await Promise.all([calls.close(), watches.close()]);
  });
});
