/**
 * Owns what the daemon serves over HTTP (`--healthz-ip`, `--healthz-port`): /healthz and /readyz as flanneld does
 * (docs/reference/flannel.md#health-and-exit-codes), and /report, the report of the last round as JSON.
 */
import { createServer, type Server } from 'node:http';

export interface Health {
  ready(): boolean;
  /** The document of the last round, or undefined before the first one. */
  report(): string | undefined;
}

interface Answer {
  status: number;
  body: string;
  type?: string;
}

/** Whoever is slower, or sends nothing, is let go (ms). An answer takes a millisecond. */
const HEADERS_MS = 5000;
const REQUEST_MS = 10_000;
const IDLE_MS = 15_000;
const LONGEST_MS = 30_000;
/** Probes and a few people. */
const MOST_CONNECTIONS = 64;

/** What is served where. */
const PAGES = new Map<string, (health: Health) => Answer>([
  ['/healthz', () => ({ status: 200, body: 'selvage is running' })],
  [
    '/readyz',
    (health) =>
      health.ready() ? { status: 200, body: 'selvage is ready' } : { status: 503, body: 'selvage is not ready yet' },
  ],
  [
    '/report',
    (health) => {
      const body = health.report();
      return body === undefined
        ? { status: 503, body: 'no round has finished yet' }
        : { status: 200, body, type: 'application/json; charset=utf-8' };
    },
  ],
]);

const notAllowed: Answer = { status: 405, body: 'only GET and HEAD are answered here' };

const notFound = (): Answer => ({
  status: 404,
  body: `not found: ${[...PAGES.keys()].join(', ').replace(/, ([^,]*)$/, ' and $1')} are served here`,
});

function bound(server: Server): void {
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;
  server.keepAliveTimeout = HEADERS_MS;
  server.maxConnections = MOST_CONNECTIONS;
  server.maxHeadersCount = 100;
  server.setTimeout(IDLE_MS);
  // Also who reads an answer a byte at a time ends.
  server.on('connection', (socket) => {
    const longest = setTimeout(() => socket.destroy(), LONGEST_MS).unref();
    socket.once('close', () => clearTimeout(longest));
  });
}

/** Listens at once; rejects with a sentence if it can't. The returned function closes. */
export function serveHealth(ip: string, port: number, health: Health): Promise<() => void> {
  const server = createServer((request, response) => {
    const reads = request.method === 'GET' || request.method === 'HEAD';
    // Nothing of a body is wanted: the connection ends with the answer.
    response.setHeader('connection', 'close');
    const page = reads ? (PAGES.get((request.url ?? '').split('?')[0] ?? '') ?? notFound) : () => notAllowed;
    const { status, body, type = 'text/plain; charset=utf-8' } = page(health);
    response.writeHead(status, { 'content-type': type, ...(reads ? {} : { allow: 'GET, HEAD' }) }).end(body);
  });
  bound(server);
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new Error(
          `Can't serve health on ${ip}:${port} (${cause.message}): choose another --healthz-port or --healthz-ip.`,
          { cause },
        ),
      ),
    );
    server.listen(port, ip, () => {
      server.on('error', () => {});
      resolve(() => {
        server.closeAllConnections();
        server.close();
      });
    });
  });
}
