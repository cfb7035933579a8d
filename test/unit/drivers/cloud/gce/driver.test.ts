/** The GCE driver against the fake that Google's own library was run against first (test/unit/helpers/cloud/fake-gce.test.ts). */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { GceDriver } from '../../../../../drivers/cloud/gce/driver.ts';
import { CloudError } from '../../../../../reconciler/cloud/failure.ts';
import {
  type CloudChange,
  type CloudRoute,
  type CloudWant,
  gceRouteName,
} from '../../../../../reconciler/cloud/model.ts';
import { ADDRESS, type FakeGoogle, fakeGoogle } from '../../../../helpers/cloud/gce.ts';

const SUBNET = '10.40.1.0/24';
const NAME = 'flannel-10-40-1-0-24';
const WANT: CloudWant = { cloud: 'gce', network: '10.40.0.0/16', subnet: SUBNET, address: ADDRESS };
const SELF = 'projects/proj-1/zones/europe-test1-b/instances/host-1';
const PATIENCE = { tries: 3, firstMs: 1 };

let google: FakeGoogle;
let driver: GceDriver;
beforeEach(async () => {
  google = await fakeGoogle();
  driver = new GceDriver(google.env, PATIENCE);
});
afterEach(() => google.close());

const routeTo = (target: string): CloudRoute => ({
  kind: 'cloud-route',
  table: 'default',
  name: gceRouteName(SUBNET),
  dst: SUBNET,
  target,
  toHost: true,
  live: true,
  plain: true,
});
const create = (): CloudChange => ({ op: 'create', key: NAME, reason: 'missing', want: routeTo(SELF) });
const failsWith = (kind: string, pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CloudError, String(error));
  assert.equal(error.kind, kind, error.message);
  assert.match(error.message, pattern);
  return true;
};

describe('looking at Google', () => {
  it('finds itself by its name, not its host name, and the routes of its network with those that have names of flannel', async () => {
    google.world.networks.push('other');
    google.world.addInstance({ name: 'host-2', ip: '10.128.0.6', canIpForward: false });
    google.world.putRoute({ name: gceRouteName('10.40.2.0/24'), destRange: '10.40.2.0/24', instance: 'gone' });
    google.world.putRoute({ name: gceRouteName('10.40.3.0/24'), destRange: '10.40.3.0/24', instance: 'host-2' });
    google.world.putRoute({ name: NAME, destRange: SUBNET, network: 'other', instance: 'host-2' });
    google.world.putRoute({ name: 'theirs', destRange: '10.40.9.0/24', network: 'other', gateway: 'g' });
    google.world.putRoute({ name: 'ours', destRange: '10.40.9.0/24', gateway: 'g', tags: ['x'] });
    const { self, routes, tables } = await driver.look(WANT);
    assert.deepEqual([self.target, self.forwards, self.vpc, tables], [SELF, true, 'default', ['default']]);
    assert.deepEqual(self.ranges, ['10.128.0.0/20']);
    const seen = routes.map(({ table, name, toHost, live, plain }) => [table, name, toHost, live, plain]);
    assert.deepEqual(seen, [
      ['default', 'default-route-r-01', false, true, true],
      ['default', 'flannel-10-40-2-0-24', true, false, true],
      ['default', 'flannel-10-40-3-0-24', true, true, true],
      ['other', NAME, true, true, true],
      ['default', 'ours', false, true, false],
    ]);
  });

  it('reads all pages of a long list', async () => {
    for (let n = 0; n < 1100; n++) google.world.putRoute({ name: `r-${n}`, destRange: '10.99.0.0/24', gateway: 'g' });
    assert.equal((await driver.look(WANT)).routes.length, 1101);
    assert.equal(google.gce.log.filter((line) => line === 'GET global/routes').length, 3);
  });

  it('names what is wrong with where it is', async () => {
    await assert.rejects(
      driver.look({ ...WANT, address: '10.128.0.9' }),
      failsWith('vanished', /10\.128\.0\.9.*--iface/),
    );
    google.metadata.hasServiceAccount = false;
    const fresh = new GceDriver(google.env, PATIENCE);
    await assert.rejects(fresh.look(WANT), failsWith('denied', /no service account.*gce-role\.yaml/));
    const elsewhere = new GceDriver({ ...google.env, GCE_METADATA_HOST: new URL(google.computeUrl).host }, PATIENCE);
    await assert.rejects(elsewhere.look(WANT), failsWith('invalid', /not Google's metadata server/));
  });
});

describe('writing to Google', () => {
  beforeEach(() => driver.look(WANT).then(() => undefined));

  it('makes, makes anew and deletes a route, each waited for', async () => {
    assert.equal((await driver.apply([create()]))[0]?.result, 'done');
    assert.deepEqual(google.world.made, { [NAME]: 'host-1' });
    const have = { ...routeTo('projects/proj-1/zones/z/instances/other') };
    const change: CloudChange = { op: 'update', key: NAME, reason: '', want: routeTo(SELF), have, fields: ['target'] };
    assert.equal((await driver.apply([change]))[0]?.result, 'done');
    const gone: CloudChange = { op: 'delete', key: NAME, reason: '', have: routeTo(SELF) };
    const [first, second] = await driver.apply([gone, gone]);
    assert.deepEqual([first?.result, second?.result, google.world.made], ['done', 'noop', {}]);
    const [written] = google.world.operations.values();
    assert.ok(written?.done);
  });

  it('does not make a route twice where the answer was lost', async () => {
    google.gce.injected.next('POST global/routes', { status: 0, code: 'cut', cut: true, after: true });
    assert.equal((await driver.apply([create()]))[0]?.result, 'done');
    assert.equal(google.world.operations.size, 1, 'the same requestId');
  });

  it('tells of a name that is taken, of the quota, and of the permission that is missing', async () => {
    google.world.quota = 0;
    const quota = (await driver.apply([create()]))[0]?.failure;
    assert.deepEqual([quota?.kind, quota?.code], ['quota', 'QUOTA_EXCEEDED']);
    google.world.putRoute({ name: NAME, destRange: '10.99.0.0/24', gateway: 'g' });
    assert.equal((await driver.apply([create()]))[0]?.failure?.kind, 'conflict');
    google.gce.allowed = new Set(['compute.instances.get']);
    const denied = (await driver.apply([create()]))[0]?.failure;
    assert.deepEqual([denied?.kind, denied?.permission], ['denied', 'compute.routes.create']);
    assert.match(denied?.message ?? '', /compute\.routes\.create.*gce-role\.yaml/);
  });

  it('takes another token where the one that it has is good no more, and is patient when throttled', async () => {
    google.gce.tokens.clear();
    assert.equal((await driver.apply([create()]))[0]?.result, 'done');
    const limit = { status: 403, code: 'rateLimitExceeded', message: 'Rate Limit Exceeded' };
    google.gce.injected.next('GET global/routes', limit, 2);
    await driver.look(WANT);
    google.gce.injected.next('GET global/routes', limit, 3);
    await assert.rejects(driver.look(WANT), failsWith('throttled', /fewer calls/));
    assert.deepEqual(google.gce.injected.unconsumed, []);
  });
});

describe("a service account's key", () => {
  const withKey = async (content: string, run: (driver: GceDriver, file: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), 'selvage-gce-'));
    const file = join(folder, 'key.json');
    writeFileSync(file, content);
    try {
      await run(new GceDriver({ ...google.env, GOOGLE_APPLICATION_CREDENTIALS: file }, PATIENCE), file);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  it('is taken before the metadata server', async () => {
    await withKey(google.metadata.keyFile(google.tokenUri), async (own) => {
      assert.equal((await own.look(WANT)).self.target, SELF);
      assert.ok(!google.metadata.log.includes('instance/service-accounts/default/token'));
    });
  });

  it('that is of no use is named with its file', async () => {
    const cases: [string, RegExp][] = [
      ['{"type":"authorized_user"}', /not the key of a service account/],
      ['no json', /not the key of a service account/],
      [google.metadata.keyFile(google.tokenUri).replace(/MII\w{20}/, 'AAAA'), /private key of flannel@/],
      [google.metadata.keyFile(google.tokenUri).replace('flannel@', 'else@'), /is refused \(alg or iss\)/],
    ];
    for (const [content, pattern] of cases)
      await withKey(content, (own) => assert.rejects(own.look(WANT), failsWith('denied', pattern)));
    const missing = new GceDriver({ ...google.env, GOOGLE_APPLICATION_CREDENTIALS: '/nowhere/key.json' }, PATIENCE);
    await assert.rejects(missing.look(WANT), failsWith('denied', /\/nowhere\/key\.json.*ENOENT/));
  });
});
