/**
 * Owns the ears: the event socket, its readiness, and its recovery. What an event means is in events.ts.
 *
 * - On any doubt (ENOBUFS, a poll error, a socket that had to be opened anew) the scope is everything, emitted after the new socket listens.
 * - koffi.node.poll: main thread only; its handle lives only as long as somebody holds it; its callback gets (status, events), whatever the
 *   types say; nothing may be thrown through it; after an overflow (status UV_EBADF) it is dead and has to be made anew.
 * - One emit for each time the queue is drained, with everything that was in it.
 */
import koffi, { type node } from 'koffi';
import type { Interest } from '../../reconciler/contracts/driver.ts';
import {
  emptyScope,
  everything,
  isEmptyScope,
  MAX_IDS,
  mergeScope,
  type Scope,
} from '../../reconciler/contracts/scope.ts';
import { type Client, problemOf } from './client.ts';
import * as c from './codec/constants.ts';
import { isLinkMessage, readLink, writeLinkDump } from './codec/link.ts';
import { Message } from './codec/message.ts';
import { Echoes } from './echoes.ts';
import { EAGAIN } from './errno.ts';
import { type EventContext, readEvent } from './events.ts';
import { guarded } from './guarded.ts';
import { Relevance } from './relevance.ts';
import type { NetlinkSocket } from './socket.ts';

export const EVENT_GROUPS = [
  c.RTNLGRP_LINK,
  c.RTNLGRP_NEIGH,
  c.RTNLGRP_IPV4_IFADDR,
  c.RTNLGRP_IPV4_ROUTE,
  c.RTNLGRP_IPV4_NETCONF,
  c.RTNLGRP_NEXTHOP,
];
/** Some 20,000 events: a burst of a second while the process is busy. */
export const EVENT_BUFFER = 8 << 20;
/** Events come singly or a few together. */
const RECEIVE_BYTES = 64 * 1024;
/** So many datagrams in one go; the rest of the process gets a turn in between. */
const DRAIN_LIMIT = 4096;
const REOPEN_DELAY_MS = 1000;

interface MonitorOptions {
  socket: NetlinkSocket;
  client: Client;
  emit: (scope: Scope) => void;
  interest: () => Interest;
  /** Told each time that events were lost. */
  lost?: () => void;
  /** Hears why it is deaf and can't be mended just now, as a sentence; undefined when it hears again. */
  trouble?: (problem: string | undefined) => void;
}

export class Monitor {
  /** Echoes of our own writes; whoever makes them says so here. */
  readonly echoes = new Echoes();
  readonly #options: MonitorOptions;
  readonly #message = new Message(RECEIVE_BYTES);
  readonly #names = new Map<number, string>();
  /** What synchronous draining between two chunks of a batch has found, until the next turn. */
  #pending = emptyScope();
  #handle: node.PollHandle | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** As it was told. */
  #problem: string | undefined;
  #stopped = false;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /** Listens from when this returns. Throws if the socket can't be opened, or the links can't be listed; then nothing stays open. */
  start(): void {
    try {
      this.#listen();
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#close();
  }

  /** Reads the queue now and emits in the next turn: for between two chunks of a big batch, lest it overflows. */
  drainSoon(): void {
    this.#drain();
    if (!isEmptyScope(this.#pending)) setImmediate(() => guarded(() => this.#flush()));
  }

  #listen(): void {
    const { socket, client } = this.#options;
    socket.reopen();
    this.#names.clear();
    const links = client.dump(writeLinkDump, (m) => (isLinkMessage(m) ? readLink(m) : undefined));
    const problem = problemOf('links', links);
    if (problem) throw new Error(problem);
    for (const { index, link } of links.items) this.#names.set(index, link.name);
    const onReady = (status: unknown) => guarded(() => this.#ready(status));
    this.#handle = koffi.node.poll(socket.fd, { readable: true }, onReady);
  }

  #close(): void {
    this.#handle?.close(); // before its file descriptor
    this.#handle = undefined;
    this.#options.socket.close();
    this.echoes.clear();
  }

  /** `status` is 0 or a libuv error. */
  #ready(status: unknown): void {
    if (this.#stopped) return;
    if (status === 0) this.#drain();
    else this.#overrun();
    this.#flush();
  }

  /** Reads what is queued and notes where to look. */
  #drain(): void {
    if (this.#stopped || !this.#handle) return;
    const { socket, interest, client } = this.#options;
    const context: EventContext = {
      relevance: new Relevance(interest()),
      names: this.#names,
      ownPortId: client.portId,
      echoes: this.echoes,
    };
    const m = this.#message;
    let scope = emptyScope();
    for (let count = 0; count < DRAIN_LIMIT; count++) {
      const received = socket.receive(m.u8);
      if (received === -EAGAIN) {
        this.echoes.clear();
        break;
      }
      if (received < 0) return this.#overrun();
      m.rewind(received);
      while (m.next()) readEvent(m, context, scope);
      if (m.malformed) scope.all = true;
      if (scope.ids.size > MAX_IDS) {
        mergeScope(this.#pending, scope);
        scope = emptyScope();
      }
    }
    mergeScope(this.#pending, scope);
  }

  #flush(): void {
    if (this.#stopped || isEmptyScope(this.#pending)) return;
    const scope = this.#pending;
    this.#pending = emptyScope();
    this.#options.emit(scope);
  }

  #overrun(): void {
    this.#options.lost?.();
    this.#recover();
  }

  /** Events are lost: listen anew first, then have everything looked at. */
  #recover(): void {
    this.#close();
    mergeScope(this.#pending, everything());
    try {
      this.#listen();
      this.#tell(undefined);
    } catch (error) {
      this.#close();
      this.#tell(error instanceof Error ? error.message : String(error));
      this.#retry = setTimeout(() => guarded(() => this.#again()), REOPEN_DELAY_MS);
    }
  }

  #tell(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.trouble?.(problem);
  }

  #again(): void {
    this.#recover();
    this.#flush();
  }
}
