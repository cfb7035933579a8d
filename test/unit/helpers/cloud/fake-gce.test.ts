/**
 * The fake Google before Google's own library, the independent client of its metadata, token and REST ends. (The generated Compute client
 * is 72 MB and is no dependency; the fake was run against it once by hand, docs/cloud.md.)
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Compute, GoogleAuth, gaxios } from 'google-auth-library';
import { type FakeGoogle, fakeGoogle } from '../../../helpers/cloud/gce.ts';
import { PROJECT } from '../../../helpers/cloud/gce-world.ts';

interface Answer {
  status: number;
  data: Record<string, unknown>;
}

describe("the fake Compute Engine, driven by Google's library", () => {
  let google: FakeGoogle;
  let client: Compute;
  let folder: string;

  before(async () => {
    google = await fakeGoogle();
    folder = mkdtempSync(join(tmpdir(), 'selvage-gce-'));
    process.env.GCE_METADATA_HOST = google.env.GCE_METADATA_HOST;
    client = new Compute();
  });
  after(async () => {
    delete process.env.GCE_METADATA_HOST;
    rmSync(folder, { recursive: true, force: true });
    await google.close();
  });

  const call = async (method: 'GET' | 'POST' | 'DELETE', path: string, data?: object): Promise<Answer> => {
    const url = `${google.computeUrl}projects/${PROJECT}/${path}`;
    const validateStatus = () => true;
    return (await client.request({ method, url, data, validateStatus, retry: false })) as Answer;
  };
  const done = async ({ data }: Answer): Promise<Record<string, unknown>> => {
    const path = `global/operations/${String(data.name)}/wait`;
    return data.status === 'DONE' ? data : done(await call('POST', path));
  };
  const route = () => ({
    name: 'flannel-10-40-1-0-24',
    destRange: '10.40.1.0/24',
    network: `https://compute.googleapis.com/compute/v1/projects/${PROJECT}/global/networks/default`,
    nextHopInstance: `projects/${PROJECT}/zones/europe-test1-b/instances/host-1`,
    priority: 1000,
  });

  it('gives a token by the metadata server, and takes nobody without one', async () => {
    const { data } = await call('GET', 'zones/europe-test1-b/instances/host-1');
    assert.equal(data.canIpForward, true);
    assert.ok(google.metadata.log.includes('instance/service-accounts/default/token'));
    assert.equal((await fetch(`${google.computeUrl}projects/${PROJECT}/global/routes`)).status, 401);
  });

  it('makes a route by an operation that takes its time, lists and deletes it', async () => {
    const begun = await call('POST', 'global/routes', route());
    assert.equal(begun.data.status, 'PENDING');
    assert.equal((await call('GET', 'global/routes/flannel-10-40-1-0-24')).status, 404);
    assert.equal((await done(begun)).error, undefined);
    const listed = await call('GET', `global/routes?${new URLSearchParams({ filter: 'name eq flannel-.*' })}`);
    const [found] = listed.data.items as Record<string, unknown>[];
    assert.match(String(found?.nextHopInstance), /\/zones\/europe-test1-b\/instances\/host-1$/);
    const again = await call('POST', 'global/routes', route());
    assert.equal(again.status, 409);
    await done(await call('DELETE', 'global/routes/flannel-10-40-1-0-24'));
    assert.equal((await call('DELETE', 'global/routes/flannel-10-40-1-0-24')).status, 404);
  });

  it('refuses unknown fields and wrong links, and tells of the quota by the operation', async () => {
    assert.equal((await call('POST', 'global/routes', { ...route(), colour: 'red' })).status, 400);
    assert.equal((await call('POST', 'global/routes', { ...route(), network: 'default' })).status, 400);
    google.world.quota = 0;
    const { error } = await done(await call('POST', 'global/routes', route()));
    assert.match(JSON.stringify(error), /QUOTA_EXCEEDED/);
    google.world.quota = 200;
  });

  it('takes the assertion of a key file', async () => {
    const keyFile = join(folder, 'key.json');
    writeFileSync(keyFile, google.metadata.keyFile(google.tokenUri));
    // Google's library sends it to Google whatever the key file says: led here, but the assertion is as it makes it.
    google.metadata.audience = 'https://oauth2.googleapis.com/token';
    const fetchImplementation: typeof fetch = (_url, init) => fetch(google.tokenUri, init);
    const transporter = new gaxios.Gaxios({ fetchImplementation });
    const scopes = ['https://www.googleapis.com/auth/compute'];
    const auth = new GoogleAuth({ keyFile, scopes, clientOptions: { transporter } });
    const token = await auth.getAccessToken();
    assert.ok(token && google.gce.tokens.has(token));
    google.metadata.audience = undefined;
  });
});
