/** etcd v2 as people run it: TLS, users, a role for the prefix alone, several endpoints; and what is said when it won't have us. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type EtcdV2Options, openEtcdV2 } from '../../../../drivers/etcd-v2/source.ts';
import type { Source } from '../../../../reconciler/contracts/source.ts';
import { type Etcd, type EtcdTls, startEtcd } from '../../../helpers/etcd.ts';
import { type Certs, makeCerts } from '../../../helpers/etcd-certs.ts';
import { EtcdV2Store } from './etcd-v2-store.ts';

const PREFIX = '/coreos.com/network';
const KEY = `${PREFIX}/subnets/10.5.1.0-24`;
const opened: Source[] = [];
const etcds: Etcd[] = [];
let certs: Certs;

const open = (endpoints: string[], options: Partial<EtcdV2Options> = {}): Source => {
  const source = openEtcdV2({ endpoints, prefix: PREFIX, tuning: { first: () => 0, failoverMs: 1000 }, ...options });
  opened.push(source);
  return source;
};

async function etcd(tls?: EtcdTls): Promise<Etcd> {
  const one = await startEtcd({ extraArgs: ['--enable-v2'], ...(tls ? { tls, host: 'localhost' } : {}) });
  etcds.push(one);
  return one;
}

before(() => {
  certs = makeCerts();
});
after(async () => {
  await Promise.all(opened.map((source) => source.close()));
  await Promise.all(etcds.map((one) => one.destroy()));
  certs.remove();
});

describe('TLS', () => {
  const tls = () => ({ ca: certs.ca, ...certs.server });
  const client = () => ({ certFile: certs.client.cert, keyFile: certs.client.key });

  it('with a CA alone, and with a client certificate', async () => {
    const plain = await etcd(tls());
    assert.deepEqual((await open([plain.endpoint], { caFile: certs.ca }).snapshot()).leases, []);
    const strict = await etcd({
      ...tls(),
      clientAuth: true,
      clientCert: certs.client.cert,
      clientKey: certs.client.key,
    });
    const source = open([strict.endpoint], { caFile: certs.ca, ...client() });
    assert.equal((await source.leases.create(KEY, '{}', 60)).result, 'created');
    await assert.rejects(open([strict.endpoint], { caFile: certs.ca }).snapshot(), {
      kind: 'denied',
      message: /does not accept the client certificate, or the lack of one: give one with --etcd-certfile/,
    });
  });

  it('with another CA, without one, and with an expired certificate', async () => {
    const plain = await etcd(tls());
    const denied = (caFile: string | undefined, message: RegExp) =>
      assert.rejects(open([plain.endpoint], { caFile }).snapshot(), { kind: 'denied', message });
    await denied(certs.otherCa, /--etcd-cafile is not the authority that signed it/);
    await denied(undefined, /give the authority that signed it with --etcd-cafile/);
    const expired = await etcd({ ca: certs.ca, ...certs.expiredServer });
    await assert.rejects(open([expired.endpoint], { caFile: certs.ca }).snapshot(), {
      kind: 'denied',
      message: /has a certificate that has expired: renew it .*--etcd-cafile/,
    });
  });
});

describe('users', () => {
  it('a role for the prefix alone is enough for all that we do; a wrong password and another prefix are not', async () => {
    const one = await etcd();
    const ctl = (...args: string[]) =>
      promisify(execFile)('etcdctl', [`--endpoints=${one.endpoint}`, ...args], {
        env: { PATH: process.env.PATH, ETCDCTL_API: '2' },
      });
    await ctl('user', 'add', 'root:secret');
    await ctl('role', 'add', 'flannel');
    await ctl('role', 'grant', 'flannel', `--path=${PREFIX}/*`, '--readwrite');
    await ctl('user', 'add', 'selvage:pass:word');
    await ctl('user', 'grant', 'selvage', '--roles=flannel');
    await ctl('auth', 'enable');
    await ctl('--username=root:secret', 'role', 'remove', 'guest').catch(() => {});

    const login = { username: 'selvage', password: 'pass:word' };
    const source = open([one.endpoint], login);
    const { revision } = await source.snapshot();
    const created = await source.leases.create(KEY, '{}', 60);
    assert.ok(created.result === 'created');
    const changes: string[] = [];
    await new Promise<void>((resolve, reject) => {
      source.watch(revision + 1, (event) => {
        if (event.type === 'ended') reject(new Error(event.message));
        if (event.type === 'changes') {
          for (const change of event.changes) changes.push(change.op === 'put' ? change.record.key : change.key);
          resolve();
        }
      });
    });
    assert.deepEqual(changes, [KEY]);
    assert.deepEqual(await source.leases.renew(created.record), { ttlSeconds: 60 });

    const refused = { kind: 'denied', message: /does not permit it: check --etcd-username and --etcd-password/ };
    await assert.rejects(open([one.endpoint], { ...login, password: 'wrong' }).snapshot(), refused);
    await assert.rejects(open([one.endpoint], { ...login, prefix: '/other' }).snapshot(), refused);
    await assert.rejects(open([one.endpoint]).snapshot(), { kind: 'denied', message: /give --etcd-username/ });
  });
});

describe('endpoints', () => {
  it('dead ones are passed over, and a prefix without a slash is the same network', async () => {
    const one = await etcd();
    const store = new EtcdV2Store(one);
    await store.put(`${PREFIX}/config`, '{}');
    const source = open(['http://127.0.0.1:1', one.endpoint], { prefix: PREFIX.slice(1) });
    const { config } = await source.snapshot();
    assert.equal(config?.key, 'coreos.com/network/config');
    await source.leases.create('coreos.com/network/subnets/10.5.1.0-24', 'x', 60);
    assert.deepEqual(
      (await source.snapshot()).leases.map(({ key }) => key),
      ['coreos.com/network/subnets/10.5.1.0-24'],
    );
    await assert.rejects(open(['http://127.0.0.1:1', 'http://127.0.0.1:2']).snapshot(), {
      kind: 'unavailable',
      message: /no endpoint of etcd could help: .*:1 refused the connection.*:2 refused/,
    });
  });

  it('an outage and a deleted directory end the watch with a reason', async () => {
    const one = await etcd();
    const store = new EtcdV2Store(one);
    await store.put(KEY, 'x');
    const source = open([one.endpoint]);
    const ended = async (work: () => Promise<unknown>): Promise<string> => {
      const { revision } = await source.snapshot();
      const end = new Promise<string>((resolve) => {
        source.watch(revision + 1, (event) => void (event.type === 'ended' && resolve(event.reason)));
      });
      await work();
      return end;
    };
    const removed = () => fetch(`${one.endpoint}/v2/keys/coreos.com?recursive=true`, { method: 'DELETE' });
    assert.equal(await ended(removed), 'compacted');
    assert.deepEqual((await source.snapshot()).leases, []);
    assert.equal(await ended(() => one.kill()), 'unavailable');
  });

  it('who is behind the events that etcd keeps is told to list again', async () => {
    const one = await etcd();
    const store = new EtcdV2Store(one);
    const source = open([one.endpoint]);
    const { revision } = await source.snapshot();
    for (let i = 0; i < 1100; i += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, j) => store.put(`/other/${j}`, String(i))));
    }
    const reason = await new Promise((resolve) => {
      source.watch(revision + 1, (event) => void (event.type === 'ended' && resolve(event.reason)));
    });
    assert.equal(reason, 'compacted');
  });
});
