/**
 * Owns what the daemon serves over HTTP (`--healthz-ip`, `--healthz-port`): /healthz and /readyz as flanneld does
 * (docs/reference/flannel.md#health-and-exit-codes), and /report, the report of the last round as JSON.
 */
import { createServer } from 'node:http';

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

const notFound = (): Answer => ({
  status: 404,
  body: `not found: ${[...PAGES.keys()].join(', ').replace(/, ([^,]*)$/, ' and $1')} are served here`,
});

/** Listens at once; rejects with a sentence if it can't. The returned function closes. */
export function serveHealth(ip: string, port: number, health: Health): Promise<() => void> {
  const server = createServer((request, response) => {
    const page = PAGES.get((request.url ?? '').split('?')[0] ?? '') ?? notFound;
    const { status, body, type = 'text/plain; charset=utf-8' } = page(health);
    response.writeHead(status, { 'content-type': type }).end(body);
  });
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
