/** Owns `selvage status`: what the running daemon is doing, asked over its control socket. */
import { setTimeout as sleep } from 'node:timers/promises';
import { controlSocketPath } from '../config/control-socket.ts';
import { UsageError } from '../config/errors.ts';
import type { Options } from '../config/options.ts';
import { askStatus, otherSockets } from '../drivers/control/ask.ts';
import type { Status } from '../reconciler/contracts/status.ts';
import { renderStatus } from '../reconciler/report/status.ts';
import { RunError } from '../states/run-error.ts';
import { answer, formatOf, lookOf } from './answer.ts';

const REFRESH_MS = 1000;
/** Home, and the rest of the screen is cleared (console_codes(4)). */
const ANEW = '\u001b[H\u001b[J';

/** With --watch until it is interrupted, or the daemon ends. @throws RunError, UsageError */
export async function status(options: Options): Promise<number> {
  const path = controlSocketPath(options.controlSocket, options.etcd.prefix, options.subnetFile);
  if (path === undefined)
    throw new UsageError(
      '--control-socket is none, and selvage status asks a socket: name the one of the daemon.',
      'control-socket',
    );
  const format = formatOf(options);
  const begin = options.watch && format === 'table' && process.stdout.isTTY ? ANEW : '';
  for (;;) {
    answer(begin + renderStatus(await ask(path), format, lookOf(options), options.watch));
    if (!options.watch) return 0;
    await sleep(REFRESH_MS);
  }
}

async function ask(path: string): Promise<Status> {
  try {
    return await askStatus(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM')
      throw new RunError(
        'denied',
        `The daemon's socket ${path} may only be asked by root, or who runs selvage: use sudo.`,
        { cause },
      );
    if (code !== 'ENOENT' && code !== 'ECONNREFUSED')
      throw new RunError(
        'unavailable',
        `The selvage at ${path} could not be asked (${message}): see journalctl -u selvage.`,
        { cause },
      );
    const others = otherSockets(path);
    const hint = others.length ? `; those of other networks are ${others.join(', ')} (--control-socket)` : '';
    throw new RunError(
      'unavailable',
      `No selvage runs here: nobody answers at ${path}${hint}. Start it (systemctl start selvage), or see what is wrong on this host with selvage drift.`,
      { cause },
    );
  }
}
