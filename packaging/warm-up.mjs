/**
 * Owns what the code cache is taken from: real runs of the bundle, so that it holds what a cold `selvage --once` needs.
 *
 * - They happen in a network namespace of their own, with an etcd and a few leases; nothing on this host is read or changed.
 *   `unshare` makes it, as root or (where the system lets users have namespaces) without.
 * - Where that can't be had, the cache is taken from `--help` and `check-config`: it is smaller, and the first start slower.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRoot, plainEnvironment, script } from './script.mjs';

const self = fileURLToPath(import.meta.url);
const recorder = fileURLToPath(new URL('./record-cache.cjs', import.meta.url));
const CONFIG = '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}';

/** In numbers: a name such as localhost needs an /etc/hosts, which a bare root has not. */
const ETCD_ADDRESSES = [
  '--listen-client-urls=http://127.0.0.1:2379',
  '--advertise-client-urls=http://127.0.0.1:2379',
  '--listen-peer-urls=http://127.0.0.1:2380',
  '--initial-advertise-peer-urls=http://127.0.0.1:2380',
  '--initial-cluster=default=http://127.0.0.1:2380',
];

/** Nothing that the person has set for selvage or etcd. */
const environment = () =>
  Object.fromEntries(Object.entries(plainEnvironment()).filter(([name]) => !/^(SELVAGE_|FLANNELD_|ETCD)/.test(name)));

/** One run of selvage that adds to the cache; throws unless it ended with `code`, for a run that gave up early leaves a poor one. */
function record(bundle, cache, args, { input = '', code = 0 } = {}) {
  const { status, stderr } = spawnSync(process.execPath, [recorder, bundle, cache, ...args], {
    env: environment(),
    input,
    stdio: ['pipe', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  if (status !== code) throw new Error(`selvage ${args.join(' ')} ended with ${status}: ${stderr}`);
}

function put(key, value) {
  execFileSync('etcdctl', ['put', `/coreos.com/network/${key}`, value], {
    env: { ...environment(), ETCDCTL_API: '3' },
    stdio: 'ignore',
    timeout: 10_000,
  });
}

const lease = (host) => {
  const mac = `02:00:00:00:00:${host.toString(16).padStart(2, '0')}`;
  const publicIP = `192.168.64.${host}`;
  return `{"PublicIP":"${publicIP}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${mac}"}}`;
};

/** Inside the namespace: a host with an uplink, an etcd on its loopback, fifty peers. */
async function realRuns(bundle, cache) {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-warm-up-'));
  const ip = (words) => execFileSync('ip', words.split(' '), { stdio: 'ignore' });
  ip('link set lo up');
  ip('link add up0 type veth peer name up1');
  ip('link set up1 up');
  ip('address add 192.168.64.2/24 dev up0');
  ip('link set up0 up');
  ip('route add default via 192.168.64.1');
  // Ends with us, however we end.
  const etcd = spawn('setpriv', ['--pdeathsig', 'KILL', 'etcd', '--data-dir', folder, ...ETCD_ADDRESSES], {
    env: environment(),
    stdio: 'ignore',
  });
  const cleanUp = () => {
    etcd.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', cleanUp);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  try {
    for (let tries = 0; ; tries++) {
      try {
        put('config', CONFIG);
        break;
      } catch (error) {
        if (tries === 5 || etcd.exitCode !== null) throw error;
      }
    }
    for (let host = 3; host < 53; host++) put(`subnets/10.5.${host}.0-24`, lease(host));
    const subnetFile = join(folder, 'subnet.env');
    const stateCache = `--state-cache=${join(folder, 'desired.json')}`;
    // Named, because the other end of the veth is on this host too, and such a link is not chosen.
    const host = ['--iface=up0', stateCache];
    record(bundle, cache, ['--once', '--format=json', `--subnet-file=${subnetFile}`, ...host]);
    record(bundle, cache, ['--once', '--format=json', `--subnet-file=${subnetFile}`, ...host]);
    record(bundle, cache, ['drift', `--subnet-file=${subnetFile}`, ...host]);
    record(bundle, cache, ['leases']);
  } finally {
    const ended = new Promise((resolve) => etcd.once('exit', resolve));
    etcd.kill('SIGKILL');
    await ended;
  }
}

/** Makes `cache` for `bundle`; resolves with a sentence about how. */
export async function warmUp(bundle, cache) {
  record(bundle, cache, ['--help']);
  record(bundle, cache, ['check-config', '-'], { input: CONFIG });
  const user = isRoot() ? [] : ['--user', '--map-root-user'];
  const runs = ['unshare', ...user, '--net', process.execPath, self, bundle, cache];
  const { status } = spawnSync('setpriv', ['--pdeathsig', 'TERM', ...runs], { stdio: 'ignore', timeout: 120_000 });
  return status === 0
    ? 'the code cache is from real runs against an etcd.'
    : 'the code cache is from --help and check-config only, because a network namespace with an etcd could not be had.';
}

if (process.argv[1] === self) {
  await script(() => realRuns(process.argv[2], process.argv[3]));
}
