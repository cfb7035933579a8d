/**
 * Owns what a fresh clone needs before anything else can run: the npm packages and, for the lab, some Debian packages.
 *
 * - Node built-ins only, for there is no node_modules yet; every other script of the project starts here.
 * - Installs what is missing and nothing else: a second run does nothing, and two at once wait for each other.
 * - Says what it is doing, and when it can't, what to do by hand. Debian's own etcd and Docker services are never left running by it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Commands that the lab, the demo and the benchmarks run, with the Debian package that has each. */
const COMMANDS = {
  etcd: 'etcd-server',
  etcdctl: 'etcd-client',
  ip: 'iproute2',
  bridge: 'iproute2',
  ping: 'iputils-ping',
  sysctl: 'procps',
  openssl: 'openssl',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  dockerd: 'docker.io',
  docker: 'docker.io',
  containerd: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  busybox: 'busybox-static',
  setpriv: 'util-linux',
};

/** What a Debian package would start, were it not for us. */
const SERVICES = {
  'etcd-server': ['etcd.service'],
  'docker.io': ['docker.socket', 'docker.service'],
  containerd: ['containerd.service'],
};

/** A sentence for a person; the scripts print it without a stack and exit with `code`. */
export class SetupError extends Error {
  constructor(message, code = 1, options) {
    super(message, options);
    this.code = code;
  }
}

export const isRoot = () => process.getuid?.() === 0;

/** Fails with 77 (not permitted) if the lab can't run: `what` is the command that the person gave. */
export function needRoot(what) {
  if (process.platform !== 'linux') throw new SetupError(`${what} needs Linux: it makes network namespaces.`, 69);
  if (isRoot()) return;
  throw new SetupError(
    `${what} needs root, because it makes network namespaces and devices in them: run it as root, for example \`sudo ${what}\`.`,
    77,
  );
}

/** For what is timed: NODE_EXTRA_CA_CERTS costs Node 20 44 ms at every start, and only npm may need it. */
export function plainEnvironment() {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return env;
}

const say = (text) => process.stderr.write(`setup: ${text}\n`);

function isCommand(name) {
  return process.env.PATH.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Output goes to stderr: what `npm start` and others print on stdout stays theirs. Resolves with the exit code, -1 if it can't be started. */
function run(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 2, 2] });
    child.once('error', () => resolve(-1));
    child.once('exit', (code) => resolve(code ?? -1));
  });
}

const readJson = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));

/** Compares what npm says it installed with the lock file, not their times: a checkout makes files new without changing them. */
function npmPackagesAreThere() {
  try {
    const installed = readJson('node_modules/.package-lock.json').packages;
    return Object.entries(readJson('package-lock.json').packages).every(([path, wanted]) => {
      if (path === '') return true;
      const there = installed[path];
      return there ? there.version === wanted.version && existsSync(join(root, path)) : Boolean(wanted.optional);
    });
  } catch {
    return false;
  }
}

async function installNpmPackages() {
  if (npmPackagesAreThere()) return;
  say('npm packages are missing or out of date: npm ci');
  const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--prefer-offline'];
  const code = await run(npm[0], [...npm.slice(1), ...args]);
  if (code !== 0 || !npmPackagesAreThere()) {
    throw new SetupError(
      'npm ci failed (see above): it needs to reach the npm registry, or a cache that has every package of package-lock.json.',
    );
  }
  say('npm packages are installed.');
}

/** Keeps packages from starting servers of their own on this host; only those that are about to be installed by us. */
async function withoutServices(packages, install) {
  const units = packages.flatMap((name) => SERVICES[name] ?? []);
  const systemd = existsSync('/run/systemd/system');
  const systemctl = (...args) => spawnSync('systemctl', args, { stdio: 'ignore' }).status === 0;
  const masked = systemd ? units.filter((unit) => systemctl('mask', '--runtime', unit)) : [];
  try {
    return await install();
  } finally {
    for (const unit of masked) systemctl('unmask', '--runtime', unit);
    const on = systemd ? units.filter((unit) => systemctl('is-active', unit) || systemctl('is-enabled', unit)) : [];
    if (on.length > 0) {
      systemctl('disable', '--now', ...on);
      const what = on.join(', ');
      say(`${what}: just installed for the tests only, so stopped and disabled (systemctl enable --now … undoes it).`);
    }
  }
}

async function installDebianPackages() {
  const missing = Object.keys(COMMANDS).filter((command) => !isCommand(command));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((command) => COMMANDS[command]))];
  const byHand = `apt-get install ${packages.join(' ')}`;
  if (!isCommand('apt-get')) {
    throw new SetupError(
      `The commands ${missing.join(', ')} are missing and this is not Debian: install what has them (on Debian: ${packages.join(' ')}).`,
    );
  }
  if (!isRoot()) throw new SetupError(`The commands ${missing.join(', ')} are missing. As root: ${byHand}`, 77);
  say(`the commands ${missing.join(', ')} are missing: ${byHand}`);
  // RUNLEVEL=1 is "single user" to invoke-rc.d, in which it starts no service.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const apt = (...args) => run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-q', ...args], env);
  const install = async () => {
    await apt('update'); // a failure shows in the next line, or doesn't matter
    return apt('install', '-y', '--no-install-recommends', ...packages);
  };
  const code = await withoutServices(packages, install);
  const stillMissing = missing.filter((command) => !isCommand(command));
  if (code !== 0 || stillMissing.length > 0) {
    throw new SetupError(
      `apt-get could not install ${packages.join(' ')} (see above; is there a network?). By hand: ${byHand}`,
    );
  }
  say('Debian packages are installed.');
}

/** A checkout that root once set up can't be written by its owner any more. */
export const notWritable = (cause) =>
  new SetupError(
    `This checkout can't be written (${cause.message}): run this as root, or give the files back to you.`,
    77,
    { cause },
  );

/** Returns what unlocks. The lock is the kernel's, on an open file, and so gone with this process however that ends. */
function lock() {
  let fd;
  try {
    mkdirSync(join(root, '.cache'), { recursive: true });
    fd = openSync(join(root, '.cache/setup.lock'), 'w');
  } catch (cause) {
    throw notWritable(cause);
  }
  const flock = (...args) => spawnSync('flock', [...args, '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
  // 1: somebody else has it. Without a flock command (not Linux) there is no waiting.
  if (flock('--nonblock').status === 1) {
    say('another set-up of this checkout is at work, waiting for it.');
    flock();
  }
  return () => closeSync(fd);
}

/** Makes this checkout ready: `lab` is whether the commands for network namespaces and etcd are needed too. */
export async function setup({ lab }) {
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new SetupError(`selvage needs Node 20 or newer; this is ${process.version}.`);
  }
  process.env.PATH = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(delimiter);
  if (npmPackagesAreThere() && (!lab || Object.keys(COMMANDS).every(isCommand))) return;
  const unlock = lock();
  try {
    await installNpmPackages();
    if (lab) await installDebianPackages();
  } finally {
    unlock();
  }
}

/** Runs `main` and ends the process with its number; a SetupError is one line, anything else keeps its stack. */
export async function script(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`selvage: ${error.message}\n`);
    process.exitCode = error.code;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await script(() => setup({ lab: !process.argv.includes('--no-lab') }));
}
