/**
 * Owns what the daemon serves for probes (`--healthz-ip`, `--healthz-port`): /healthz and /readyz as flanneld does
 * (docs/reference/flannel.md#health-and-exit-codes), and /report, the report of the last round as JSON.
 *
 * - The address is flannel's default, every one of the host's: to others than this host it says no more than that it runs. Who wants the
 *   report elsewhere says so with --http.
 */
import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../../config/http-address.ts';
import { cureFor } from '../../config/open-files.ts';
import { type Answer, JSON_TYPE, type Page, readOnlyServer } from '../http/read-only.ts';

export interface Health {
  ready(): boolean;
  /** The document of the last round, or undefined before the first one. */
  report(): string | undefined;
}

/** Of /report, here and beside the status. */
export function reportAnswer(body: string | undefined): Answer {
  if (body === undefined) return { status: 503, body: 'no round has finished yet' };
  return { status: 200, body, type: JSON_TYPE };
}

const pagesOf = (health: Health): Map<string, Page> =>
  new Map<string, Page>([
    ['/healthz', () => ({ status: 200, body: 'selvage is running' })],
    [
      '/readyz',
      () =>
        health.ready() ? { status: 200, body: 'selvage is ready' } : { status: 503, body: 'selvage is not ready yet' },
    ],
    ['/report', (request) => (isFromHere(request) ? reportAnswer(health.report()) : ELSEWHERE)],
  ]);

const ELSEWHERE: Answer = { status: 403, body: 'the report is told on this host only; --http serves it elsewhere' };

/** An IPv4 address comes as "::ffff:…" where the server listens on "::". */
const isFromHere = ({ socket }: IncomingMessage): boolean =>
  isLoopback((socket.remoteAddress ?? '').replace(/^::ffff:/, ''));

/** Listens at once; rejects with a sentence if it can't. The returned function closes. */
export function serveHealth(ip: string, port: number, health: Health): Promise<() => void> {
  const server = readOnlyServer(pagesOf(health));
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new Error(
          `Can't serve health on ${ip}:${port} (${cause.message}): ${cureFor(cause, 'choose another --healthz-port or --healthz-ip')}.`,
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
