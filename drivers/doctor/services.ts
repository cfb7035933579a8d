/**
 * Reads what systemd-networkd, udev and NetworkManager were told about devices and routes that aren't theirs. Starts no program.
 * Files and their precedence: networkd.conf(5), systemd.link(5); what NetworkManager keeps in /run is read as it is there.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { NetworkServices } from '../../reconciler/doctor/facts.ts';
import { readText } from './counters.ts';

/** The first wins where two files have one name. */
const FOLDERS = ['/etc/systemd', '/run/systemd', '/usr/local/lib/systemd', '/usr/lib/systemd'];
/** Since which systemd each is there, and on unless it is switched off. */
const FOREIGN = [
  { key: 'ManageForeignRoutes', what: 'routes', since: 246 },
  { key: 'ManageForeignRoutingPolicyRules', what: 'rules', since: 249 },
  { key: 'ManageForeignNextHops', what: 'nexthops', since: 256 },
] as const;
/** What is assumed where the version can't be told: Debian 12's. */
const USUAL_VERSION = 252;

/** `root`: before every path, for tests. `running`: names of the processes that run, as /proc has them (15 letters). */
export function networkServices(
  devices: readonly { name: string; index: number }[],
  running: ReadonlySet<string>,
  root = '',
): NetworkServices {
  const managed = (folder: string, isManaged: RegExp): string[] =>
    devices.filter(({ index }) => isManaged.test(readText(join(root, folder, String(index))))).map(({ name }) => name);
  return {
    ...(running.has('systemd-network')
      ? {
          networkd: {
            removes: removes(root),
            manages: managed('/run/systemd/netif/links', /^ADMIN_STATE=configur/m),
          },
        }
      : {}),
    ...(running.has('NetworkManager')
      ? { networkManager: { manages: managed('/run/NetworkManager/devices', /^managed=(true|1|full|managed)$/m) } }
      : {}),
    macPolicy: running.has('systemd-udevd') ? macPolicies(devices, root) : {},
  };
}

function removes(root: string) {
  const texts = [mainFile(root), ...dropIns(root)];
  const version = versionOf(root);
  return FOREIGN.filter(({ key, since }) => {
    if (version < since) return false;
    const said = texts
      .flatMap((text) => [...sectionOf(text, 'Network').matchAll(new RegExp(`^${key}\\s*=\\s*(\\S+)`, 'gm'))])
      .at(-1)?.[1];
    return !/^(no|false|off|0|n|f)$/i.test(said ?? 'yes');
  }).map(({ what }) => what);
}

const mainFile = (root: string): string =>
  FOLDERS.map((folder) => readText(join(root, folder, 'networkd.conf'))).find((text) => text !== '') ?? '';

/** In the order in which they are read: by name, whichever folder they are in. */
function dropIns(root: string): string[] {
  const byName = filesIn(
    FOLDERS.map((folder) => `${folder}/networkd.conf.d`),
    '.conf',
    root,
  );
  return byName.map((path) => readText(path));
}

/** Paths by name; of two with one name that of the first folder. */
function filesIn(folders: readonly string[], ending: string, root: string): string[] {
  const found = new Map<string, string>();
  for (const folder of folders) {
    for (const name of list(join(root, folder)))
      if (name.endsWith(ending) && !found.has(name)) found.set(name, join(root, folder, name));
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Of an ini file; the lines of every section of that name. */
function sectionOf(text: string, name: string): string {
  let inside = false;
  return text
    .split('\n')
    .filter((line) => {
      const section = /^\s*\[(.*)\]/.exec(line)?.[1];
      if (section !== undefined) inside = section === name;
      return inside && section === undefined && !/^\s*[#;]/.test(line);
    })
    .map((line) => line.trim())
    .join('\n');
}

/** Of the shared library that every part of systemd loads. */
function versionOf(root: string): number {
  const folders = ['/usr/lib/systemd', ...list(join(root, '/usr/lib')).map((name) => `/usr/lib/${name}/systemd`)];
  const names = folders.flatMap((folder) => list(join(root, folder)));
  const version = names.flatMap((name) => /^libsystemd-shared-(\d+)/.exec(name)?.[1] ?? [])[0];
  return Number(version ?? USUAL_VERSION);
}

/** The .link file that counts for each device: the first by name that matches it. Only where that has a policy. */
function macPolicies(devices: readonly { name: string }[], root: string): Record<string, string> {
  const files = filesIn(
    FOLDERS.map((folder) => `${folder}/network`),
    '.link',
    root,
  ).map((path) => ({
    path: path.slice(root.length),
    match: sectionOf(readText(path), 'Match'),
    policy: /^MACAddressPolicy\s*=\s*(\S+)/m.exec(sectionOf(readText(path), 'Link'))?.[1] ?? 'none',
  }));
  return Object.fromEntries(
    devices.flatMap(({ name }) => {
      const file = files.find(({ match }) => doesMatch(match, name));
      return file && file.policy !== 'none' ? [[name, file.path]] : [];
    }),
  );
}

/** As far as a virtual device is concerned: it has no path, no permanent MAC and no driver that anybody matches on. */
function doesMatch(match: string, name: string): boolean {
  const lines = match.split('\n').filter(Boolean);
  if (lines.length === 0) return false;
  return lines.every((line) => {
    const [key = '', value = ''] = line.split(/\s*=\s*(.*)/s);
    if (key === 'OriginalName') return anyGlob(value, name);
    if (key === 'Type' || key === 'Kind') return anyGlob(value, key === 'Kind' ? 'vxlan' : 'ether');
    return false;
  });
}

function anyGlob(value: string, name: string): boolean {
  const isNot = value.startsWith('!');
  const globs = (isNot ? value.slice(1) : value).split(/\s+/);
  const hits = globs.some((glob) =>
    new RegExp(
      `^${glob
        .replace(/[.+^${}()|\\]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.')}$`,
    ).test(name),
  );
  return hits !== isNot;
}

/** Names of the processes of this network namespace, as /proc has them. */
export function processesHere(): Set<string> {
  const home = readlinkSync('/proc/self/ns/net');
  const names = new Set<string>();
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const name = readText(`/proc/${pid}/comm`).trim();
    if (!/^(systemd-network|systemd-udevd|NetworkManager|flanneld)/.test(name)) continue;
    try {
      // udev is one for all namespaces, and sees the devices of its own.
      if (readlinkSync(`/proc/${pid}/ns/net`) === home) names.add(basename(name));
    } catch {
      // It has ended, or isn't ours to look at.
    }
  }
  return names;
}
