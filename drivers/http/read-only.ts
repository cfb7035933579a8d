/**
 * Owns what all that we serve over HTTP has in common: it is only read (GET, HEAD), and nobody can hold it up. Who is slow, idle or too many is
 * let go. Used by the health server, the status pages and the control socket.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface Answer {
  status: number;
  body: string | Buffer;
  /** Default: plain text. */
  type?: string;
  headers?: Readonly<Record<string, string>>;
}

/** Of one path. undefined: it has answered, or will, by itself. */
export type Page = (
  request: IncomingMessage,
  response: ServerResponse,
) => Answer | undefined | Promise<Answer | undefined>;

/** Whoever is slower, or sends nothing, is let go (ms). An answer takes a millisecond. */
const HEADERS_MS = 5000;
const REQUEST_MS = 10_000;
const IDLE_MS = 15_000;
const LONGEST_MS = 30_000;
/** Probes and a few people. */
const MOST_CONNECTIONS = 64;

const TEXT = 'text/plain; charset=utf-8';
export const JSON_TYPE = 'application/json; charset=utf-8';

const notAllowed: Answer = {
  status: 405,
  body: 'only GET and HEAD are answered here',
  headers: { allow: 'GET, HEAD' },
};

const notFound = (paths: Iterable<string>): Answer => ({
  status: 404,
  body: `not found: ${[...paths].join(', ').replace(/, ([^,]*)$/, ' and $1')} are served here`,
});

const failed: Answer = { status: 500, body: 'selvage could not make this page; please report what its log says' };

/** `check` may refuse a request before its page is made. `failure` hears of a page that threw. */
export interface ReadOnlyOptions {
  check?: (request: IncomingMessage) => Answer | undefined;
  failure?: (error: unknown) => void;
}

/** A server of those pages, by path. It doesn't listen yet. */
export function readOnlyServer(pages: ReadonlyMap<string, Page>, options: ReadOnlyOptions = {}): Server {
  const listener: RequestListener = async (request, response) => {
    heard(request.socket);
    // Nothing of a body is wanted: the connection ends with the answer.
    response.setHeader('connection', 'close');
    try {
      const answer = await answerTo(request, response, pages, options);
      if (answer) send(response, answer);
    } catch (error) {
      options.failure?.(error);
      if (!response.headersSent) send(response, failed);
      else response.destroy();
    }
  };
  const server = createServer(listener);
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;
  server.keepAliveTimeout = HEADERS_MS;
  server.maxConnections = MOST_CONNECTIONS;
  server.maxHeadersCount = 100;
  server.setTimeout(IDLE_MS);
  server.on('connection', bound);
  return server;
}

async function answerTo(
  request: IncomingMessage,
  response: ServerResponse,
  pages: ReadonlyMap<string, Page>,
  { check }: ReadOnlyOptions,
): Promise<Answer | undefined> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return notAllowed;
  const refused = check?.(request);
  if (refused) return refused;
  const page = pages.get((request.url ?? '').split('?')[0] ?? '');
  return page ? await page(request, response) : notFound(pages.keys());
}

function send(response: ServerResponse, { status, body, type = TEXT, headers }: Answer): void {
  response.writeHead(status, { 'content-type': type, ...headers }).end(body);
}

const timers = new WeakMap<Socket, { headers: NodeJS.Timeout; longest: NodeJS.Timeout }>();

/** Node's own time-outs for headers run only in a server that listens itself; and also who reads an answer a byte at a time ends. */
function bound(socket: Socket): void {
  const end = (): void => void socket.destroy();
  const both = { headers: setTimeout(end, HEADERS_MS).unref(), longest: setTimeout(end, LONGEST_MS).unref() };
  timers.set(socket, both);
  socket.once('close', () => {
    clearTimeout(both.headers);
    clearTimeout(both.longest);
  });
}

const heard = (socket: Socket): void => clearTimeout(timers.get(socket)?.headers);

/** This connection stays as long as its other end does: a stream of events. */
export function keepOpen(socket: Socket): void {
  clearTimeout(timers.get(socket)?.longest);
  socket.setTimeout(0);
}
