/**
 * Owns what --http serves: the status and the report as JSON, a stream of events, metrics, the page. All of it is only read.
 *
 * - On a loopback address only requests that name this machine are answered: a page of somebody else's, whose name is made to lead here
 *   (DNS rebinding), reads nothing.
 */
import type { IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { isLoopback } from '../../config/http-address.ts';
import { Events } from './events.ts';
import { pageDocument } from './page-document.ts';
import { fleetPage, jsonPages, metricsPage } from './pages.ts';
import { type Answer, type Page, readOnlyServer } from './read-only.ts';
import type { StatusSource } from './source.ts';

const SAFE = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};
/** Of what is no page: nothing may be loaded by it. */
const NOTHING = "default-src 'none'; frame-ancestors 'none'";

/** Returns what answers a connection of the listening socket at `ip`. */
export function httpServer(source: StatusSource, ip: string): (socket: Socket) => void {
  const events = new Events(source);
  const pages = new Map<string, Page>([
    ...jsonPages(source),
    ['/', () => pageDocument()],
    ['/api/fleet', () => fleetPage(source)],
    ['/metrics', () => metricsPage(source)],
    ['/api/events', (request, response) => events.stream(request, response)],
  ]);
  const guarded = new Map([...pages].map(([path, page]): [string, Page] => [path, safe(page)]));
  const check = isLoopback(ip) ? refuseStrangers : undefined;
  const server = readOnlyServer(guarded, { check, failure: (error) => source.failure(error) });
  return (socket) => void server.emit('connection', socket);
}

/** The page with the headers that all have; its own go before them. */
const safe =
  (page: Page): Page =>
  async (request, response) => {
    const answer = await page(request, response);
    return answer && { ...answer, headers: { ...SAFE, 'content-security-policy': NOTHING, ...answer.headers } };
  };

/** A browser sends the name in its address bar; whoever has come here by a name of somebody else's is refused. */
function refuseStrangers({ headers: { host = '' } }: IncomingMessage): Answer | undefined {
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  if (name === 'localhost' || (isIP(name) !== 0 && isLoopback(name))) return undefined;
  return { status: 403, body: 'this address is asked as localhost, 127.0.0.1 or [::1] only', headers: SAFE };
}
