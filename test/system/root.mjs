/**
 * Owns the root that the system test boots: Debian 13 with systemd, Node and Docker, made by debootstrap once and kept outside the checkout.
 *
 * - Never written to afterwards: a machine runs on an overlay of it. Another list of packages is another root.
 * - In /var/cache/selvage-test, or in $SELVAGE_TEST_CACHE.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { letServicesStart, makeDebianRoot } from '../helpers/debian-root.mjs';

const SUITE = 'trixie';
const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'iproute2', 'iputils-ping', 'procps', 'ca-certificates'];
const LATER = ['nodejs', 'docker.io', 'docker-cli', 'iptables'];

const id = createHash('sha256')
  .update([SUITE, ...PACKAGES, ...LATER].join())
  .digest('hex')
  .slice(0, 8);
const cache = process.env.SELVAGE_TEST_CACHE || '/var/cache/selvage-test';

export const systemRoot = join(cache, `${SUITE}-${id}`);

export const hasSystemRoot = () => existsSync(systemRoot);

/** Makes it if it isn't there; minutes. @throws SetupError */
export async function makeSystemRoot() {
  if (hasSystemRoot()) return;
  mkdirSync(cache, { recursive: true });
  const folder = `${systemRoot}.${process.pid}`;
  process.stderr.write(`system: making ${systemRoot} by debootstrap, once; this takes minutes.\n`);
  try {
    await makeDebianRoot({ suite: SUITE, folder, packages: PACKAGES, later: LATER });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  letServicesStart(folder);
  // A debootstrap root has none, and names such as localhost are asked for.
  writeFileSync(join(folder, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
  writeFileSync(join(folder, 'etc/hostname'), 'selvage-system\n');
  renameSync(folder, systemRoot);
  process.stderr.write('system: the root is made.\n');
}
