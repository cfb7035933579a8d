/** The npm package as `npm install` puts it onto a host: small, whole, and at work without its checkout. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const MEGABYTE = 1e6;

interface Packed {
  filename: string;
  unpackedSize: number;
  files: { path: string; size: number }[];
}

const npm = (...args: string[]) =>
  execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26 });

let folder: string;
let packed: Packed;
before(() => {
  folder = mkdtempSync(join(tmpdir(), `selvage-npm-${process.pid}-`));
  // Its scripts would build, which `npm test` has just done.
  [packed] = JSON.parse(npm('pack', root, '--ignore-scripts', '--json', '--pack-destination', folder));
  writeFileSync(join(folder, 'package.json'), '{}');
  npm('install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, packed.filename));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const at = (path: string) => join(folder, 'node_modules', path);
const selvage = (args: string[], input = '') =>
  execFileSync(at('.bin/selvage'), args, { cwd: folder, encoding: 'utf8', input, env: { PATH: process.env.PATH } });

test('it is at most 4 MB, and holds nothing but what runs and what is read', () => {
  assert.ok(packed.unpackedSize <= 4 * MEGABYTE, `${(packed.unpackedSize / MEGABYTE).toFixed(1)} MB`);
  const paths = packed.files.map(({ path }) => path);
  for (const path of [
    'dist/selvage.js',
    'dist/selvage.cjs',
    'dist/udp-engine.cjs',
    'dist/cloud.cjs',
    'packaging/systemd/selvage.service',
    'packaging/installed/selvage.default',
    'packaging/openrc/selvage',
  ])
    assert.ok(paths.includes(path), path);
  assert.ok(!paths.some((path) => /\.ts$|^test\/|\.cache$/.test(path)), paths.join('\n'));
});

test('koffi with its binary is all that comes along', () => {
  const tree = JSON.parse(npm('ls', '--all', '--json')).dependencies.selvage.dependencies;
  assert.deepEqual(Object.keys(tree), ['koffi']);
  assert.ok(existsSync(at(`@koromix/koffi-linux-${process.arch}`)));
});

test('it runs, system calls included', () => {
  assert.match(selvage(['--version']), /^selvage \d+\.\d+\.\d+/);
  assert.match(selvage(['check-config', '-', '--format=json'], '{"Network":"10.5.0.0/16"}'), /"10\.5\.0\.0\/16"/);
  const state = join(folder, 'state.json');
  writeFileSync(
    state,
    '{ "version": 1, "config": { "Network": "10.5.0.0/16", "Backend": { "Type": "vxlan" } }, "leases": {} }\n',
  );
  const drift = () =>
    selvage(['drift', `--state-file=${state}`, '--state-cache=none', '--docker=off', '--format=json']);
  // Whatever this machine is: it has looked at it and answered.
  let answer: string;
  try {
    answer = drift();
  } catch (error) {
    answer = (error as { stdout: string }).stdout;
  }
  assert.equal(JSON.parse(answer).network.network, '10.5.0.0/16');
});

test('its code cache is made for the Node that runs it', () => {
  const caches = () => readdirSync(at('selvage/dist')).filter((name) => name.endsWith('.cache'));
  for (const name of caches()) rmSync(at(`selvage/dist/${name}`)); // where npm has run the package's script
  const { status, stderr } = spawnSync(process.execPath, [at('selvage/dist/code-cache.cjs')], { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
  assert.equal(caches().length, 1);
  assert.ok(caches()[0]!.includes(`-${process.versions.v8}-`), caches()[0]);
  assert.match(selvage(['--version']), /^selvage /);
});
