/**
 * Owns the conversation with rtnetlink: a dump, a single read, a batch of changes. Synchronous, because the kernel is.
 *
 * - Nothing throws for what the kernel says; errors are positive errnos in the result.
 * - A dump that was interrupted or broken is thrown away and made again, a few times; then it is said to be incomplete.
 * - Every message of a batch has an outcome. Where the kernel's word was lost it is ENOBUFS: unknown, look again.
 */
import * as c from './codec/constants.ts';
import { Message } from './codec/message.ts';
import { Writer } from './codec/writer.ts';
import { EBADMSG, EBUSY, EINTR, EINVAL, EMSGSIZE, ENOBUFS, errnoName, isPassing, isSocketLost } from './errno.ts';
import type { Transport } from './transport.ts';

/** The kernel builds dumps in 32 KB pieces at most; a single link with hundreds of virtual functions needs more. */
const RECEIVE_BYTES = 256 * 1024;
const ATTEMPTS = 5;
/** Even if all fail, their answers fit into the default receive queue (250 do, 300 don't: docs/reference/dependencies.md#batches). */
const BATCH = 200;

export interface Reply {
  /** Positive; 0 for success. */
  errno: number;
  /** The kernel's own words, "" for none. */
  extack: string;
}

export interface Dumped<T> extends Reply {
  items: T[];
}

interface Got<T> extends Reply {
  value: T | undefined;
}

type Write = (writer: Writer) => void;
type Read<T> = (message: Message) => T | undefined;

export class Client {
  readonly #transport: Transport;
  readonly #writer = new Writer();
  #message: Message | undefined;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  get portId(): number {
    return this.#transport.portId;
  }

  close(): void {
    this.#transport.close();
  }

  /** Asks for a listing; `read` picks from each message and leaves out what it returns undefined for. On an error `items` is empty. */
  dump<T>(write: Write, read: Read<T>): Dumped<T> {
    let last: Reply = { errno: EINTR, extack: '' };
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const items: T[] = [];
      last = this.#dumpOnce(write, read, items);
      if (last.errno === 0) return { errno: 0, extack: '', items };
      if (!isPassing(last.errno)) break;
    }
    return { ...last, items: [] };
  }

  /** Asks for one object. ENOENT, ESRCH and ENODEV are ordinary answers here. */
  get<T>(write: Write, read: Read<T>): Got<T> {
    let last: Reply = { errno: EINTR, extack: '' };
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      let value: T | undefined;
      last = this.#request(write, (message) => {
        value = read(message);
        return true;
      });
      if (last.errno === 0) return { ...last, value };
      if (!isPassing(last.errno)) break;
    }
    return { ...last, value: undefined };
  }

  /** Makes one change and waits for the kernel's word. */
  change(write: Write): Reply {
    return this.batch(1, write).get(0) ?? OK;
  }

  /**
   * Makes `count` changes, `write(writer, i)` writing exactly one message for the i-th; returns those that failed, by index.
   * A `write` that throws (what it should write makes no sense) is the i-th's EINVAL. `between` is called after each chunk.
   */
  batch(count: number, write: (writer: Writer, i: number) => void, between?: () => void): Map<number, Reply> {
    const failed = new Map<number, Reply>();
    for (let from = 0; from < count; from += BATCH) {
      this.#chunk(from, Math.min(count, from + BATCH), write, failed);
      between?.();
    }
    return failed;
  }

  #chunk(from: number, to: number, write: (writer: Writer, i: number) => void, failed: Map<number, Reply>): void {
    const w = this.#writer;
    w.reset();
    const firstSeq = (w.seq + 1) >>> 0;
    for (let i = from; i < to; i++) {
      try {
        write(w, i);
      } catch (error) {
        w.turnIntoNoop(); // keeps the sequence numbers in step
        failed.set(i, { errno: EINVAL, extack: (error as Error).message });
      }
    }
    w.acknowledgeLast();
    const lastSeq = w.seq;
    let errno = this.#send();
    if (errno === 0) {
      errno = this.#receive((m) => {
        const i = from + ((m.seq - firstSeq) >>> 0);
        if (m.type !== c.NLMSG_ERROR || i >= to) return false;
        const reply = readError(m);
        if (reply.errno !== 0) failed.set(i, reply);
        return m.seq === lastSeq; // an acknowledgement, or the last one's own error: both end the chunk
      });
      if (errno !== 0) {
        this.#reopen();
        errno = ENOBUFS;
      }
    }
    if (errno === 0) return;
    for (let i = from; i < to; i++) if (!failed.has(i)) failed.set(i, { errno, extack: '' });
  }

  #dumpOnce<T>(write: Write, read: Read<T>, items: T[]): Reply {
    let interrupted = false;
    const reply = this.#request(write, (m) => {
      if (m.flags & c.NLM_F_DUMP_INTR) interrupted = true;
      if (m.type === c.NLMSG_DONE) return true;
      const item = read(m);
      if (item !== undefined) items.push(item);
      return false;
    });
    return reply.errno === 0 && interrupted ? { errno: EINTR, extack: '' } : reply;
  }

  /** Sends one request and reads its answer: `take` sees each message and says when it was the last. */
  #request(write: Write, take: (message: Message) => boolean): Reply {
    this.#writer.reset();
    write(this.#writer);
    const { seq } = this.#writer;
    let reply: Reply = OK;
    let errno = this.#send();
    if (errno !== 0) return { errno, extack: '' };
    errno = this.#receive((m) => {
      if (m.seq !== seq || m.type === c.NLMSG_NOOP) return false;
      if (m.type === c.NLMSG_ERROR) {
        reply = readError(m);
        return true;
      }
      if (m.type === c.NLMSG_DONE && m.end >= m.body + 4) reply = readDone(m);
      return take(m);
    });
    if (errno === 0 && reply.errno !== EBUSY) return reply;
    this.#reopen(); // half an answer may still be queued, or another dump be in the way
    return errno === 0 ? reply : { errno, extack: '' };
  }

  /** 0, or the errno that kept it from being sent. A lost socket is opened anew. */
  #send(): number {
    const w = this.#writer;
    for (let attempt = 1; ; attempt++) {
      const sent = this.#transport.send(w.u8, w.length);
      if (sent >= 0) return 0;
      if (attempt === ATTEMPTS || !isPassing(-sent)) return -sent;
      if (isSocketLost(-sent)) this.#reopen();
    }
  }

  /** Hands out what is there, message by message, until `take` says that it has all; 0, or an errno if that never came. */
  #receive(take: (message: Message) => boolean): number {
    this.#message ??= new Message(RECEIVE_BYTES);
    const m = this.#message;
    for (let interrupted = 0; ; ) {
      const received = this.#transport.receive(m.u8);
      if (received === -EINTR && interrupted++ < ATTEMPTS) continue;
      if (received < 0) return -received;
      m.rewind(received);
      while (m.next()) if (take(m)) return 0;
      if (m.malformed) return received > m.u8.length ? EMSGSIZE : EBADMSG;
    }
  }

  #reopen(): void {
    try {
      this.#transport.reopen();
    } catch {
      this.#transport.close(); // the next request tries again, and says what is wrong
    }
  }
}

const OK: Reply = { errno: 0, extack: '' };

/** struct nlmsgerr: −errno, the request's header (and the rest of it unless capped), then attributes. */
function readError(m: Message): Reply {
  const errno = -m.i32(m.body);
  if (errno === 0) return OK;
  if (!(m.flags & c.NLM_F_ACK_TLVS)) return { errno, extack: '' };
  const request = m.flags & c.NLM_F_CAPPED ? 16 : (m.u32(m.body + 4) + 3) & ~3;
  return { errno, extack: m.extack(m.body + 4 + request) };
}

function readDone(m: Message): Reply {
  const errno = -m.i32(m.body);
  if (errno === 0) return OK;
  return { errno, extack: m.flags & c.NLM_F_ACK_TLVS ? m.extack(m.body + 4) : '' };
}

/** What a listing says that it could not be made, or undefined if it could. */
export function problemOf(what: string, reply: Reply): string | undefined {
  if (reply.errno === 0) return undefined;
  const words = reply.extack ? `${errnoName(reply.errno)}, "${reply.extack}"` : errnoName(reply.errno);
  return `The kernel's ${what} could not be listed (${words}).`;
}
