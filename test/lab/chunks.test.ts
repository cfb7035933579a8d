/** Code that only some hosts need lies in files beside the bundle, and a host that needs none of it reads none of it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import type { LabHost } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';

/** Preloaded: writes at the end which files were required. */
const RECORD = `process.once('exit', () =>
  require('node:fs').writeFileSync(process.env.LAB_REQUIRED, Object.keys(require.cache).join('\\n')));`;

describe('what a run reads of dist/', () => {
  let host: LabHost;
  labWith({ hosts: 1 }, (lab) => {
    host = lab.hosts[0]!;
    writeFileSync(join(host.folder, 'record.cjs'), RECORD);
  });

  async function requiredBy(args: string[], env: NodeJS.ProcessEnv = {}): Promise<string[]> {
    const file = join(host.folder, 'required');
    const record = join(host.folder, 'record.cjs');
    await host.selvage(args, { env: { ...env, NODE_OPTIONS: `--require=${record}`, LAB_REQUIRED: file } });
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((path) => basename(path))
      .filter((name) => /^(cloud|http|udp-engine)\.cjs$/.test(name));
  }

  for (const args of [['--once'], ['drift'], ['leases']])
    it(`nothing but the bundle, by ${args}, in a network of vxlan`, async () => {
      assert.deepEqual(await requiredBy(args), []);
    });

  it('the cloud, in a network of aws-vpc', async () => {
    const state = join(host.folder, 'state.json');
    const config = { Network: '10.5.0.0/16', Backend: { Type: 'aws-vpc' } };
    const leases = { '10.5.34.0/24': { PublicIP: host.address } };
    writeFileSync(state, JSON.stringify({ version: 1, config, leases }));
    // Nobody is asked: the metadata service is said to be where nothing listens.
    const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9' };
    assert.deepEqual(await requiredBy(['drift', `--state-file=${state}`], env), ['cloud.cjs']);
  });
});
