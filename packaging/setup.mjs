/**
 * Owns what a fresh clone needs before anything else can run: the npm packages and, for what is asked, some Debian packages.
 *
 * - Node built-ins only, for there is no node_modules yet; every other script of the project starts here.
 * - Installs what is missing and what the command at hand needs, and nothing else: a second run does nothing, and two at once wait
 *   for each other. Says what it is doing, and when it can't, what to do by hand.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installTools } from './debian.mjs';
import { isRoot, root, run, SetupError, script } from './script.mjs';
import { missingTools } from './tools.mjs';

const say = (text) => process.stderr.write(`setup: ${text}\n`);

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
  // No dependency needs its install script (koffi, esbuild and netlink ship prebuilt binaries); none may run one.
  const args = ['ci', '--include=dev', '--include=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
  const code = await run(npm[0], [...npm.slice(1), ...args, '--prefer-offline']);
  if (code !== 0 || !npmPackagesAreThere()) {
    throw new SetupError(
      'npm ci failed (see above): it needs to reach the npm registry, or a cache that has every package of package-lock.json.',
    );
  }
  say('npm packages are installed.');
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

const HOSTS = '/etc/hosts';

/** A root that nothing but debootstrap has made has no /etc/hosts, and so no localhost, which certificates are for. */
function nameLocalhost() {
  if (existsSync(HOSTS) || !isRoot()) return;
  say(`${HOSTS} is missing, and with it the name localhost: it is made now.`);
  writeFileSync(HOSTS, '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n', { flag: 'a' });
}

/**
 * Makes this checkout ready. `uses` is what is about to run, as in tools.mjs; without any, only npm packages are seen to.
 * Resolves with the tools that could not be had.
 */
export async function setup(uses = []) {
  process.env.PATH = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(delimiter);
  if (uses.some((use) => use.startsWith('lab'))) nameLocalhost();
  if (npmPackagesAreThere() && missingTools(uses).length === 0) return [];
  const unlock = lock();
  try {
    await installNpmPackages();
    return await installTools(missingTools(uses));
  } finally {
    unlock();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await script(async () => {
    await setup();
  });
}
