/**
 * Makes V8's code cache beside the bundle of an installed package, for the Node that runs this: the package itself holds none, for it is
 * another on each Node, and never the same bytes twice. The Debian package runs it after its configuration and after each update of Node,
 * the npm package after it is installed; where scripts are switched off (npm --ignore-scripts) it can be run by hand. One that is there stays.
 *
 * It is taken from runs that change nothing: the help, a config that is checked, a drift report towards a network of two hosts, and
 * the leases of an etcd that isn't there. A start without a cache only takes longer, so nothing here may fail an installation.
 */
'use strict';
const { spawnSync } = require('node:child_process');
const { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { arch, tmpdir } = require('node:os');
const { join } = require('node:path');

const bundle = join(__dirname, 'selvage.cjs');
const id = readFileSync(bundle, 'latin1').slice(3, 19);
const cache = join(__dirname, `selvage-${id}-${process.versions.v8}-${arch()}.cache`);

const leaseOf = (host) => ({
  PublicIP: `192.168.64.${host}`,
  PublicIPv6: null,
  BackendType: 'vxlan',
  BackendData: { VNI: 1, VtepMAC: `02:00:00:00:00:0${host}` },
});
const STATE = {
  version: 1,
  config: { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } },
  leases: { '10.5.3.0/24': leaseOf(3), '10.5.4.0/24': leaseOf(4) },
};
const BAD_USAGE = 64;

function record(...args) {
  const { status } = spawnSync(process.execPath, [join(__dirname, 'record-cache.cjs'), bundle, cache, ...args], {
    env: { PATH: process.env.PATH },
    input: '{"Network":"10.5.0.0/16"}',
    stdio: ['pipe', 'ignore', 'ignore'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  // Any other end is the host's affair; this one is a mistake of ours, and the cache then lacks most of what it is for.
  if (status === BAD_USAGE) process.stderr.write(`selvage: its code cache lacks what \`selvage ${args[0]}\` needs.\n`);
}

function make() {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-code-cache-'));
  try {
    const state = join(folder, 'state.json');
    writeFileSync(state, JSON.stringify(STATE));
    const drift = ['drift', `--state-file=${state}`, `--subnet-file=${join(folder, 'subnet.env')}`, '--docker=off'];
    record('--help');
    record('check-config', '-');
    record(...drift, '--public-ip=192.168.64.3', '--format=table');
    record('leases', '--etcd-endpoints=http://127.0.0.1:1', '--format=json');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const name of readdirSync(__dirname)) {
  const file = join(__dirname, name);
  if (/^selvage-.*\.cache(\.\d+)?$/.test(name) && file !== cache) rmSync(file, { force: true });
}
if (!existsSync(cache)) make();
