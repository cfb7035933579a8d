/**
 * Owns how a Debian root is made in a folder, by debootstrap, and how something is run in it.
 *
 * No service is started in it: what a package would start would run in this machine's network.
 */
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, SetupError } from '../../packaging/script.mjs';

const MIRROR = 'http://deb.debian.org/debian';
/** Certificate authorities that the administrator of this machine has put there: npm may not get out without them. */
const LOCAL_CAS = '/usr/local/share/ca-certificates';
const enterScript = fileURLToPath(new URL('./enter-root.sh', import.meta.url));

const POLICY = 'usr/sbin/policy-rc.d';
const UNSAFE = 'etc/dpkg/dpkg.cfg.d/unsafe-io';

/** Debian's `suite` with `packages`, those of `later` by apt-get. @throws SetupError */
export async function makeDebianRoot({ suite, folder, packages = [], later }) {
  const include = packages.length > 0 ? [`--include=${packages.join()}`] : [];
  must('debootstrap', await run('debootstrap', ['--variant=minbase', ...include, suite, folder, MIRROR]));
  writeFileSync(join(folder, UNSAFE), 'force-unsafe-io\n');
  writeFileSync(join(folder, POLICY), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  must('apt-get', await enter(folder, ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...later]));
  rmSync(join(folder, UNSAFE));
  rmSync(join(folder, 'var/cache/apt/archives'), { recursive: true, force: true });
}

/** Makes a root one of a machine that boots, where services do start. */
export const letServicesStart = (folder) => rmSync(join(folder, POLICY));

/** It trusts whom this machine trusts. */
export async function trustLocalCAs(folder) {
  mkdirSync(join(folder, LOCAL_CAS), { recursive: true });
  for (const file of filesIn(LOCAL_CAS)) copyFileSync(file, join(folder, LOCAL_CAS, basename(file)));
  must('update-ca-certificates', await enter(folder, ['update-ca-certificates']));
}

function filesIn(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => join(folder, name));
  } catch {
    return [];
  }
}

function must(what, code) {
  if (code !== 0) throw new SetupError(`${what} failed (see above): it needs to reach ${MIRROR}.`);
}

/** The words that run `command` in the root, in `cwd`, as on a machine of its own but for the network, which is this one's. */
export const enterCommand = (folder, command, cwd = '/') => [
  'unshare',
  ...['--fork', '--kill-child', '--mount', '--pid', '--uts', '--ipc'],
  ...['sh', enterScript, folder, cwd, ...command],
];

/** Runs it; output goes to stderr. Resolves with the exit code. */
export function enter(folder, command, cwd) {
  const [first, ...rest] = enterCommand(folder, command, cwd);
  return run(first, rest);
}
