/**
 * Owns what the daemon serves over HTTP (`--healthz-ip`, `--healthz-port`): /healthz and /readyz as flanneld does (flannel.md 4.3),
 * and /report, the report of the last round as JSON.
 */
import { createServer } from 'node:http';

export interface Health {
  ready(): boolean;
  /** The document of the last round, or undefined before the first one. */
  report(): string | undefined;
}

/** Listens at once; rejects with a sentence if it can't. The returned function closes. */
export function serveHealth(ip: string, port: number, health: Health): Promise<() => void> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: string, type = 'text/plain; charset=utf-8') =>
      response.writeHead(status, { 'content-type': type }).end(body);
    const path = (request.url ?? '').split('?')[0];
    if (path === '/healthz') return answer(200, 'selvage is running');
    if (path === '/readyz') {
      return health.ready() ? answer(200, 'selvage is ready') : answer(503, 'selvage is not ready yet');
    }
    if (path === '/report') {
      const report = health.report();
      return report === undefined
        ? answer(503, 'no round has finished yet')
        : answer(200, report, 'application/json; charset=utf-8');
    }
    return answer(404, 'not found: /healthz, /readyz and /report are served here');
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
