/**
 * Owns what Docker's files become on a host that leaves. The options file (`--docker opts`) and the note of the last restart are ours, and go.
 * daemon.json is Docker's own, and without its bip Docker would move its bridge and every container: that is said, not done.
 */
import type { DockerOptions } from '../config/docker-options.ts';
import { hasDockerOptions } from '../config/two-in-one.ts';
import { type Driver, type Interest, isMade } from '../reconciler/contracts/driver.ts';
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import { scopeOf } from '../reconciler/contracts/scope.ts';
import { type FileResource, idOf } from '../reconciler/kinds/index.ts';
import type { Leaving, LeftBehind } from './companion.ts';
import { NOTHING } from './leave-behind.ts';

export async function leaveDocker(
  drivers: readonly Driver[],
  options: DockerOptions,
  noteFile: string | undefined,
  { handBack, apply }: Leaving,
): Promise<LeftBehind> {
  const driver = drivers.find(({ kinds }) => kinds.includes('file'));
  if (!driver) return NOTHING;
  const { mode, opts, daemonJson } = options;
  const wanted = mode === 'opts' && !handBack ? [opts.file] : [];
  const paths = [...wanted, ...(noteFile === undefined ? [] : [noteFile])];
  const files = await read(driver, [...paths, daemonJson]);
  const held = mode === 'daemon-json' && !handBack ? files.flatMap((file) => stillThere(file, daemonJson)) : [];
  const going = files.filter(({ path, content }) => {
    if (!paths.includes(path)) return false;
    return path === noteFile || hasDockerOptions(content);
  });
  const drift = going.map(({ path }) => ({
    op: 'delete' as const,
    kind: 'file' as const,
    key: path,
    reason: 'not wanted',
  }));
  if (!apply) return { drift, outcomes: [], held };
  const done = await driver.apply(going.map((have) => ({ op: 'delete', id: idOf(have), reason: 'not wanted', have })));
  const outcomes = done.map(({ result, failure }, at) => ({
    kind: 'file' as const,
    key: going[at]!.path,
    op: 'delete' as const,
    result,
    ...(failure && !isMade({ result }) ? { error: failure.message } : {}),
  }));
  return { drift, outcomes, held };
}

async function read(driver: Driver, paths: string[]): Promise<FileResource[]> {
  const interest: Interest = { networks: [], devices: [], uplink: '', files: paths };
  const { haves } = await driver.list(scopeOf({ kinds: ['file'] }), interest);
  return haves.filter((have) => have.kind === 'file');
}

function stillThere({ path, content }: FileResource, daemonJson: string): HeldEntry[] {
  if (path !== daemonJson || !/"bip"\s*:/.test(content)) return [];
  const detail = `${path} still names this network's bip and mtu, on which Docker's containers run; to give them up, take them out of it and restart Docker.`;
  return [{ kind: 'docker', key: path, why: 'left to Docker', detail, unmet: false }];
}
