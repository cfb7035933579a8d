/**
 * Owns the listening socket of --http. Who answers there is loaded with the first who asks. That it can't be had never ends the daemon: the
 * network is worth more than its page.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { type HttpAddress, httpUrl } from '../../config/http-address.ts';
import { cureFor } from '../../config/open-files.ts';

/** Probes, a few people, and a stream of events for each of them. */
const MOST_CONNECTIONS = 64;
/** How soon an address that can't be had is tried again, ms. */
const RETRY_MS = 30_000;

/** `failed` is told in a sentence why it can't listen, `listening` when it does. Returns what ends it. */
export function listenHttp(
  address: HttpAddress,
  answer: (socket: Socket) => void,
  tell: { failed: (sentence: string) => void; listening: () => void },
): () => void {
  let server: Server | undefined;
  let timer: NodeJS.Timeout | undefined;
  let said = '';
  const sockets = new Set<Socket>();
  const open = (): void => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      answer(socket);
    });
    server.maxConnections = MOST_CONNECTIONS;
    server.on('error', (error) => {
      const cure = cureFor(error, 'choose another --http, or end what is there; it is tried again');
      const sentence = `Nothing is served at ${httpUrl(address)} (${error.message}): ${cure}.`;
      if (sentence !== said) tell.failed(sentence);
      said = sentence;
      timer = setTimeout(open, RETRY_MS).unref();
    });
    server.listen(address.port, address.ip, tell.listening);
  };
  open();
  return () => {
    clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
    server?.close();
  };
}
