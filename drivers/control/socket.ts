/**
 * Owns the daemon's control socket as a file: one that only root (or the user whom selvage runs as) may open. Who answers there is loaded with
 * the first who asks, so that a daemon that nobody asks pays for a listening socket and no more.
 *
 * - A socket that somebody answers at is another daemon's, and left alone; one that nobody answers at is a leftover, and replaced.
 */
import { chmodSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { cureFor } from '../../config/open-files.ts';
import { makeFolders } from '../files/folders.ts';

/** How soon a place that another daemon has is tried again, ms. */
const RETRY_MS = 5000;
const MOST_CONNECTIONS = 64;

export interface ControlSocket {
  /** Removes it. */
  close(): void;
}

/** Never throws: `failed` is told in a sentence why there is none, once. */
export function openControlSocket(
  path: string,
  answer: (socket: Socket) => void,
  failed: (sentence: string) => void,
): ControlSocket {
  let server: Server | undefined;
  let timer: NodeJS.Timeout | undefined;
  let said = '';
  let closed = false;

  const say = (sentence: string): void => {
    if (sentence !== said) failed(sentence);
    said = sentence;
  };
  const open = async (): Promise<void> => {
    try {
      if (await isAnswered(path)) {
        say(
          `selvage status can't ask this daemon: another one answers at ${path}; give this one its own --control-socket.`,
        );
        timer = setTimeout(() => void open(), RETRY_MS).unref();
        return;
      }
      if (closed) return;
      removeSocket(path);
      server = await listen(path, answer);
      if (closed) close();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      say(
        `selvage status can't ask this daemon: there can be no socket at ${path} (${why}); ${cureFor(error, 'see to that folder, or choose another --control-socket')}.`,
      );
    }
  };
  const close = (): void => {
    closed = true;
    clearTimeout(timer);
    if (!server) return;
    server.close();
    server = undefined;
  };
  void open();
  return { close };
}

/** Whether somebody listens there. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** A leftover goes; anything else is somebody's, and listening there then fails. */
function removeSocket(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path, { force: true });
}

function listen(path: string, answer: (socket: Socket) => void): Promise<Server> {
  makeFolders(dirname(path));
  const server = createServer((socket) => {
    // Who asked has gone: nobody's trouble.
    socket.on('error', () => {});
    answer(socket);
  });
  server.maxConnections = MOST_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The file is made in this very call: nobody may open it even for a moment.
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.removeListener('error', reject);
        server.on('error', () => {});
        chmodSync(path, 0o600);
        resolve(server);
      });
    } finally {
      process.umask(mask);
    }
    server.unref();
  });
}
