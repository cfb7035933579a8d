/** What a real daemon serves with --http, asked from inside its namespace; and the metrics of a run. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Status } from '../../reconciler/contracts/status.ts';
import { checkDocument } from '../helpers/documents.ts';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWithPeers } from '../helpers/peers.ts';
import { converged } from '../helpers/scenario.ts';

const PORT = 9472;

describe('--http', () => {
  let lab: Lab;
  let host: LabHost;
  before(async () => {
    ({ lab, host } = await labWithPeers(3));
  });
  after(() => lab?.destroy());

  const get = async (path: string, ...args: string[]): Promise<string> =>
    (await host.ns.exec('curl', '-sS', '--max-time', '20', ...args, `http://127.0.0.1:${PORT}${path}`)).stdout;

  it('serves the status, metrics, the report, events and the page', async () => {
    const daemon = host.startDaemon([`--http=127.0.0.1:${PORT}`]);
    try {
      await converged(host, daemon, 4);
      const text = await get('/api/status');
      checkDocument(text);
      assert.deepEqual([(JSON.parse(text) as Status).inSync, (JSON.parse(text) as Status).peers.length], [true, 3]);
      checkDocument(await get('/report'));
      const metrics = await get('/metrics');
      for (const line of ['selvage_in_sync 1', 'selvage_peers 3', 'selvage_store_connected 1', 'selvage_lease_held 1'])
        assert.match(metrics, new RegExp(`^${line}$`, 'm'));
      const events = await host.ns.exec(
        'bash',
        '-c',
        `curl -sSN --max-time 3 http://127.0.0.1:${PORT}/api/events || true`,
      );
      assert.match(
        events.stdout,
        /^event: status\ndata: \{.*\n\nevent: peers\ndata: \{"changed":\[\{"subnet":"10\.5\./,
      );
      const page = await get('/', '-i');
      assert.match(page, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(page, /content-security-policy: default-src 'none'; script-src 'sha256-/i);
      assert.match(page, /<title>selvage<\/title>/);
      assert.match(await get('/', '-i', '-H', 'Host: evil.example'), /^HTTP\/1\.1 403 /);
    } finally {
      await daemon.stop();
    }
  });

  it('on an address that others reach is taken with a warning; one that can not be had ends nothing', async () => {
    const daemon = host.startDaemon([`--http=${host.address}:${PORT}`]);
    try {
      await daemon.waitForLine(/can be read by whoever reaches it/);
      await converged(host, daemon, 4);
      const { stdout } = await lab.underlay.exec(
        'curl',
        '-sS',
        '--max-time',
        '20',
        `http://${host.address}:${PORT}/metrics`,
      );
      assert.match(stdout, /^selvage_in_sync 1$/m);
    } finally {
      await daemon.stop();
    }
    const other = host.startDaemon([`--http=192.0.2.77:${PORT}`]);
    try {
      await other.waitForLine(/Nothing is served at http:\/\/192\.0\.2\.77:9472\//);
      await converged(host, other, 4);
    } finally {
      await other.stop();
    }
  });

  it('the metrics of a run are in its file', async () => {
    const file = join(host.folder, 'selvage.prom');
    const run = await host.selvage(['--once', `--metrics-file=${file}`]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(readFileSync(file, 'utf8'), /^selvage_in_sync 1$/m);
    await host.ip('link', 'set', 'flannel.1', 'mtu', '1300');
    assert.equal((await host.selvage(['drift', `--metrics-file=${file}`])).code, 2);
    const text = readFileSync(file, 'utf8');
    assert.match(text, /^selvage_in_sync 0$/m);
    assert.match(text, /^selvage_drift\{kind="link",op="update"\} 1$/m);
  });
});
