/**
 * Owns the root that the system test boots: Debian 13 with systemd, Node and Docker, made by debootstrap once and kept outside the checkout.
 *
 * - Never written to afterwards: a machine runs on an overlay of it. Another list of packages is another root.
 * - In /var/cache/selvage-test, or in $SELVAGE_TEST_CACHE.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, SetupError } from '../../packaging/script.mjs';

const SUITE = 'trixie';
const MIRROR = 'http://deb.debian.org/debian';
const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'iproute2', 'iputils-ping', 'procps', 'ca-certificates'];
const LATER = ['nodejs', 'docker.io', 'docker-cli', 'iptables'];

const id = createHash('sha256')
  .update([SUITE, ...PACKAGES, ...LATER].join())
  .digest('hex')
  .slice(0, 8);
const cache = process.env.SELVAGE_TEST_CACHE || '/var/cache/selvage-test';

export const systemRoot = join(cache, `${SUITE}-${id}`);

export const hasSystemRoot = () => existsSync(systemRoot);

const chroot = (folder, ...command) =>
  run('unshare', ['--mount', 'sh', '-c', 'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"', folder, ...command], {
    DEBIAN_FRONTEND: 'noninteractive',
    LC_ALL: 'C.UTF-8',
  });

/** Makes it if it isn't there; minutes. @throws SetupError */
export async function makeSystemRoot() {
  if (hasSystemRoot()) return;
  mkdirSync(cache, { recursive: true });
  const folder = `${systemRoot}.${process.pid}`;
  process.stderr.write(`system: making ${systemRoot} by debootstrap, once; this takes minutes.\n`);
  const must = async (what, code) => {
    if ((await code) === 0) return;
    rmSync(folder, { recursive: true, force: true });
    throw new SetupError(`${what} failed (see above): it needs to reach ${MIRROR}.`);
  };
  await must(
    'debootstrap',
    run('debootstrap', ['--variant=minbase', `--include=${PACKAGES.join()}`, SUITE, folder, MIRROR]),
  );
  const unsafe = join(folder, 'etc/dpkg/dpkg.cfg.d/unsafe-io');
  writeFileSync(unsafe, 'force-unsafe-io\n');
  // No service is started in the chroot.
  writeFileSync(join(folder, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  await must('apt-get', chroot(folder, 'apt-get', 'install', '-y', '-q', '--no-install-recommends', ...LATER));
  rmSync(join(folder, 'usr/sbin/policy-rc.d'));
  rmSync(unsafe);
  rmSync(join(folder, 'var/cache/apt/archives'), { recursive: true, force: true });
  // A debootstrap root has none, and names such as localhost are asked for.
  writeFileSync(join(folder, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
  writeFileSync(join(folder, 'etc/hostname'), 'selvage-system\n');
  renameSync(folder, systemRoot);
  process.stderr.write('system: the root is made.\n');
}
