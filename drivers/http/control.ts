/** Owns what the control socket answers: the status, over HTTP as everything else, so that curl --unix-socket can ask it too. It only reads. */
import type { Socket } from 'node:net';
import { jsonPages } from './pages.ts';
import { readOnlyServer } from './read-only.ts';
import type { StatusSource } from './source.ts';

/** Returns what answers a connection of the control socket. */
export function controlServer(source: StatusSource): (socket: Socket) => void {
  const server = readOnlyServer(new Map(jsonPages(source)), { failure: (error) => source.failure(error) });
  return (socket) => void server.emit('connection', socket);
}
