/**
 * Owns the stream of events (server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html): what of the status has changed,
 * as it changes.
 *
 * - `status` is the document without its peers; `peers` are those that changed since the last one, and subnets of those that are gone.
 * - At most once a second, however many rounds there are; and nothing is made while nobody listens.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PeersEvent, Status } from '../../reconciler/contracts/status.ts';
import { type Answer, keepOpen } from './read-only.ts';
import type { StatusSource } from './source.ts';

const EVERY_MS = 1000;
/** A comment by which both ends learn that the other is there. */
const ALIVE_MS = 15_000;
/** Of the connections: pages must be had, too. */
const MOST_STREAMS = 24;
/** Of bytes that a reader has not taken: who is slower is let go, and comes back. */
const MOST_WAITING = 8 * 1024 * 1024;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

export class Events {
  readonly #source: StatusSource;
  readonly #streams = new Set<Stream>();
  #unsubscribe: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #alive: NodeJS.Timeout | undefined;

  constructor(source: StatusSource) {
    this.#source = source;
  }

  /** Answers by itself, but to who is too many. */
  stream({ method, socket }: IncomingMessage, response: ServerResponse): Answer | undefined {
    if (this.#streams.size >= MOST_STREAMS)
      return { status: 503, body: `${MOST_STREAMS} listen already; try again later`, headers: { 'retry-after': '30' } };
    response.writeHead(200, HEADERS);
    if (method === 'HEAD') {
      response.end();
      return undefined;
    }
    keepOpen(socket);
    const stream = new Stream(response);
    this.#streams.add(stream);
    response.once('close', () => this.#leave(stream));
    this.#begin();
    stream.send(this.#source.status());
    return undefined;
  }

  #begin(): void {
    if (this.#unsubscribe) return;
    this.#unsubscribe = this.#source.subscribe(() => {
      this.#timer ??= setTimeout(() => this.#tell(), EVERY_MS).unref();
    });
    this.#alive = setInterval(() => {
      for (const stream of this.#streams) stream.write(': alive\n\n');
    }, ALIVE_MS).unref();
  }

  #tell(): void {
    this.#timer = undefined;
    try {
      const status = this.#source.status();
      for (const stream of this.#streams) stream.send(status);
    } catch (error) {
      this.#source.failure(error);
    }
  }

  #leave(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    clearInterval(this.#alive);
  }
}

/** One reader, and what it knows of the peers. */
class Stream {
  readonly #response: ServerResponse;
  #known = new Map<string, string>();

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  send({ peers, ...rest }: Status): void {
    this.#event('status', rest);
    const now = new Map(peers.map((peer) => [peer.subnet, JSON.stringify(peer)]));
    const event: PeersEvent = {
      changed: peers.filter(({ subnet }) => this.#known.get(subnet) !== now.get(subnet)),
      gone: [...this.#known.keys()].filter((subnet) => !now.has(subnet)),
    };
    this.#known = now;
    if (event.changed.length || event.gone.length) this.#event('peers', event);
  }

  write(text: string): void {
    if (this.#response.writableLength > MOST_WAITING) this.#response.destroy();
    else this.#response.write(text);
  }

  /** JSON has no line feeds of its own, which would end the event. */
  #event(name: string, data: unknown): void {
    this.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }
}
