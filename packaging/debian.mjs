/**
 * Owns how missing commands are installed where there is apt-get.
 *
 * - What can't be had is named and left out; what is to be had is installed all the same. Who asked decides what goes on without it.
 * - A distribution's own etcd and Docker services are never left running by it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isCommand, isRoot, run } from './script.mjs';
import { SERVICES } from './tools.mjs';

const say = (text) => process.stderr.write(`setup: ${text}\n`);

// RUNLEVEL=1 is "single user" to invoke-rc.d, in which it starts no service.
const apt = (...args) =>
  run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-q', ...args], {
    DEBIAN_FRONTEND: 'noninteractive',
    RUNLEVEL: '1',
  });

const install = (packages) => apt('install', '-y', '--no-install-recommends', ...packages);

/** Whether apt knows a version of it, from this distribution's lists. */
function canBeHad(name) {
  const { stdout = '' } = spawnSync('apt-cache', ['policy', name], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return /^ {2}Candidate: (?!\(none\))/m.test(stdout ?? '');
}

/** Keeps packages from starting servers of their own on this host; only those that are about to be installed by us. */
async function withoutServices(packages, work) {
  const units = packages.flatMap((name) => SERVICES[name] ?? []);
  const systemd = existsSync('/run/systemd/system');
  const systemctl = (...args) => spawnSync('systemctl', args, { stdio: 'ignore' }).status === 0;
  const masked = systemd ? units.filter((unit) => systemctl('mask', '--runtime', unit)) : [];
  try {
    return await work();
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

/** "dockerd (docker.io), docker (docker-cli or docker.io)" */
export const named = (tools) =>
  tools.map(({ command, packages }) => `${command} (${packages.join(' or ')})`).join(', ');

/** Installs what of these rows of tools.mjs can be had. Resolves with those that are still missing, having said why. */
export async function installTools(tools) {
  if (tools.length === 0) return [];
  if (!isCommand('apt-get')) {
    say(`these commands are missing, and this is not Debian, so install what has them: ${named(tools)}.`);
    return tools;
  }
  if (!isRoot()) {
    say(`these commands are missing, and only root can install the packages that have them: ${named(tools)}.`);
    return tools;
  }
  say(`these commands are missing and are installed now, with the package that has each: ${named(tools)}.`);
  await apt('update'); // a failure shows in what follows, or doesn't matter
  const packages = [...new Set(tools.map((tool) => tool.packages.find(canBeHad)).filter(Boolean))];
  await withoutServices(packages, async () => {
    if (packages.length > 0 && (await install(packages)) === 0) return;
    // One that can't be had takes none of the others with it.
    for (const name of packages) await install([name]);
  });
  const missing = tools.filter(({ command }) => !isCommand(command));
  if (missing.length === 0) say('all of them are installed.');
  else say(`apt-get could not install these (see above; is there a network?): ${named(missing)}.`);
  return missing;
}
