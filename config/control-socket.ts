/**
 * Owns where a daemon's control socket is, so that `selvage status` finds it by the same flags. Each network has one of its own; whoever keeps
 * subnet.env elsewhere than under /run (a test, a lab) has it there too, and so several hosts on one machine don't meet.
 */
import { basename, dirname, join } from 'node:path';

const FOLDER = '/run/selvage';
const DEFAULT_PREFIX = '/coreos.com/network';
/** sun_path of unix(7) has 108 bytes, the last one 0. */
const LONGEST = 107;

/** `controlSocket`: the flag's value, "" for the usual place. undefined: none is wanted. */
export function controlSocketPath(controlSocket: string, prefix: string, subnetFile: string): string | undefined {
  if (controlSocket === 'none') return undefined;
  if (controlSocket !== '') return controlSocket;
  const beside = dirname(subnetFile);
  const folder = beside.startsWith('/run/') ? FOLDER : beside;
  const name = prefix === DEFAULT_PREFIX ? 'control' : `control${prefix.replaceAll(/[^A-Za-z0-9._]/g, '-')}`;
  // A prefix that is too long keeps its end, which tells more than its beginning.
  const room = Math.max(1, LONGEST - folder.length - '/.sock'.length);
  return join(folder, `${name.length > room ? name.slice(-room) : name}.sock`);
}

/** Whether a file beside that socket is another network's. */
export const isControlSocket = (path: string): boolean => /^control.*\.sock$/.test(basename(path));
