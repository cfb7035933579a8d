/**
 * Owns the engine's side of the control socket (protocol.ts): a unix socket that root alone may open, one line of JSON a request, answered
 * in order.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Answer, EngineState, Request } from '../protocol.ts';
import type { DataPath } from './data-path.ts';
import { sendFds } from './send-fds.ts';

export interface ControlOptions {
  path: string;
  dataPath: DataPath;
  fds: number[];
  state: () => EngineState;
  stop: () => void;
}

/** Listens when resolved. Rejects if the path can't be had. */
export function listenForControl(options: ControlOptions): Promise<Server> {
  const server = createServer((socket) => serve(socket, options));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const mask = process.umask(0o177); // the socket's mode, from its first moment, is 0600
    server.listen(options.path, () => {
      process.umask(mask);
      resolve(server);
    });
  });
}

function serve(socket: Socket, options: ControlOptions): void {
  socket.on('error', () => {}); // who asked is gone
  const lines = createInterface({ input: socket }).on('error', () => {}); // which repeats the socket's
  lines.on('line', (line) => {
    const answer = answerTo(line, options);
    const text = `${JSON.stringify(answer)}\n`;
    if (answer.ok && requestOf(line)?.do === 'fds') sendFds(socket, text, options.fds);
    else socket.write(text);
  });
}

function requestOf(line: string): Request | undefined {
  try {
    return JSON.parse(line) as Request;
  } catch {
    return undefined;
  }
}

function answerTo(line: string, { dataPath, state, stop }: ControlOptions): Answer {
  const request = requestOf(line);
  if (!request) return { id: 0, ok: false, error: 'That is no JSON.' };
  const { id } = request;
  try {
    switch (request.do) {
      case 'state':
        return { id, ok: true, state: state() };
      case 'peers':
        dataPath.peers.apply(request.delta);
        dataPath.counters.peerMessages++;
        return { id, ok: true };
      case 'table':
        return { id, ok: true, table: dataPath.peers.entries(request.subnets) };
      case 'fds':
        return { id, ok: true };
      case 'stop':
        stop();
        return { id, ok: true };
      default:
        return { id, ok: false, error: 'This engine does not know that request.' };
    }
  } catch (error) {
    return { id, ok: false, error: (error as Error).message };
  }
}
