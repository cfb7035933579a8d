import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ENV, temporaryFolder } from '../files/fixture.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

function run(args: string[], env: Record<string, string> = {}) {
  const argv = ['--import', 'tsx', join(root, 'main.ts'), 'docker-opts', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  });
  return { status, stdout, stderr };
}

const COMBINED = 'DOCKER_OPTS=" --bip=10.5.34.1/24 --ip-masq=true --mtu=1450"\n';

test('writes the file whole, keeps its mode, and leaves nothing beside it', (t) => {
  const folder = temporaryFolder(t);
  const [env, out] = [join(folder, 'subnet.env'), join(folder, 'docker')];
  writeFileSync(env, ENV);
  writeFileSync(out, 'old\n');
  chmodSync(out, 0o600);
  assert.deepEqual(run(['-c', '-f', env, '-d', out]), { status: 0, stdout: '', stderr: '' });
  assert.equal(readFileSync(out, 'utf8'), COMBINED);
  assert.equal(statSync(out).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder).sort(), ['docker', 'subnet.env']);
});

test("subnet.env and Docker's options in one file: both sets of lines are kept, however often, and that is said", (t) => {
  const folder = temporaryFolder(t);
  const env = join(folder, 'subnet.env');
  writeFileSync(env, ENV);
  for (let times = 0; times < 2; times++) {
    const { status, stderr } = run(['-c', '-f', env, '-d', env]);
    assert.equal(status, 0);
    assert.match(stderr, /^selvage: .* is subnet\.env too: both sets of lines are kept in it\.\n$/);
    assert.equal(readFileSync(env, 'utf8'), ENV + COMBINED);
  }
});

test('without subnet.env the environment alone counts; -d /dev/stdout prints', (t) => {
  const folder = temporaryFolder(t);
  const args = ['-f', join(folder, 'missing'), '-d', '/dev/stdout', '-k', 'X'];
  // The script's exit code and file; but not without a word.
  const stderr = `selvage: ${join(folder, 'missing')} is not there, or empty, so the options of the subnet are left out; Docker would take a network of its own. Is selvage or flanneld running?\n`;
  assert.deepEqual(run(args), { status: 0, stdout: 'X=""\n', stderr });
  writeFileSync(join(folder, 'half'), 'FLANNEL_SUBNET=10.5.34.1/24\nFLANNEL_IPMASQ=true\n');
  assert.match(run(['-f', join(folder, 'half'), '-d', '/dev/stdout']).stderr, /half has no FLANNEL_MTU, so/);
  const env = { DOCKER_OPT_LOG: '--log-level=debug', X: '-H y' };
  const stdout = 'DOCKER_OPT_LOG="--log-level=debug"\nX="-H y  --log-level=debug"\n';
  assert.deepEqual(run(args, env), { status: 0, stdout, stderr });
});

test('a wrong FLANNEL_IPMASQ leaves the file as it was; bad usage says how, exit 1', (t) => {
  const folder = temporaryFolder(t);
  const [env, out] = [join(folder, 'subnet.env'), join(folder, 'docker')];
  writeFileSync(env, ENV.replace('IPMASQ=false', 'IPMASQ=yes'));
  assert.deepEqual(run(['-f', env, '-d', out]), {
    status: 1,
    stdout: '',
    stderr: 'Invalid value of FLANNEL_IPMASQ: yes\n',
  });
  assert.equal(existsSync(out), false);
  const usage = run(['-x']);
  assert.equal(usage.status, 1);
  assert.match(usage.stderr, /^selvage docker-opts \[-f FLANNEL-ENV-FILE\].*\n\t-f\tPath/s);
});

test('says which file could not be written', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'file'), '');
  const { status, stderr } = run(['-f', '/nonexistent', '-d', join(folder, 'file', 'docker')]);
  assert.equal(status, 1);
  assert.match(stderr, /\nselvage: A part of the path \S+ is a file, not a folder.*-d FILE\.\n$/);
});
