/**
 * Owns how doctor asks a peer's daemon that probes (--probe-interval) to try the way back: a datagram to its overlay address, answered with
 * what came of an echo and a SYN to the sender. A peer without such a daemon refuses the port, and nothing is known.
 *
 * - The daemon listens on its overlay address alone, and answers only to peers' overlay addresses, so that nobody is probed for a stranger.
 * - What comes in is somebody else's text: what isn't exactly as it should be is passed over.
 */
import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import type { Echo } from '../../reconciler/doctor/probed.ts';
import type { Answers } from '../../reconciler/probe/turn.ts';

/** UDP, next to vxlan's. */
export const BACK_PORT = 8473;
const REQUEST = /^selvage-probe 1 (\d{1,10})$/;
const MOST_BYTES = 512;
/** Between an answer to a peer and its next question, ms. */
const AT_MOST_EVERY_MS = 500;
/** Ms after which a question is put again: it was lost, or came too soon after another's. */
const AGAIN_AFTER_MS = 300;

export class BackServer {
  readonly #probe: (address: string) => Promise<Answers>;
  #socket: Socket | undefined;
  #address = '';
  #isPeer: (address: string) => boolean = () => false;
  readonly #busy = new Set<string>();

  constructor(probe: (address: string) => Promise<Answers>) {
    this.#probe = probe;
  }

  /** Listens there from now on, if that is possible; called again it does nothing. */
  listen(address: string, isPeer: (address: string) => boolean): void {
    this.#isPeer = isPeer;
    if (this.#socket && this.#address === address) return;
    this.close();
    this.#address = address;
    const socket = createSocket('udp4');
    this.#socket = socket;
    // The device may not be there yet: the next call tries again.
    socket.on('error', () => this.close());
    socket.on('message', (message, { address: from, port }) => void this.#answer(message, from, port));
    socket.bind(BACK_PORT, address);
    socket.unref();
  }

  async #answer(message: Buffer, from: string, port: number): Promise<void> {
    const nonce = message.length <= MOST_BYTES ? REQUEST.exec(message.toString('latin1'))?.[1] : undefined;
    if (nonce === undefined || !this.#isPeer(from) || this.#busy.has(from)) return;
    this.#busy.add(from);
    const answers = await this.#probe(from);
    setTimeout(() => this.#busy.delete(from), AT_MOST_EVERY_MS).unref();
    this.#socket?.send(JSON.stringify({ nonce: Number(nonce), ...answers }), port, from, () => {});
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

/** undefined: nobody there does that. Never rejects. */
export function askBack(target: string, waitMs: number, source?: string): Promise<Answers | undefined> {
  const nonce = randomInt(0, 2 ** 31);
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    let again: NodeJS.Timeout;
    const end = (answers: Answers | undefined): void => {
      clearTimeout(timer);
      clearTimeout(again);
      socket.removeAllListeners().close();
      resolve(answers);
    };
    const timer = setTimeout(() => end(undefined), waitMs);
    const send = (): void => {
      socket.send(`selvage-probe 1 ${nonce}`, () => {});
      again = setTimeout(send, AGAIN_AFTER_MS);
    };
    socket.once('error', () => end(undefined));
    socket.on('message', (message) => {
      const answers = message.length <= MOST_BYTES ? readAnswers(message.toString('utf8'), nonce) : undefined;
      if (answers) end(answers);
    });
    socket.once('listening', () => socket.connect(BACK_PORT, target));
    socket.once('connect', send);
    socket.bind(0, source);
  });
}

export function readAnswers(text: string, nonce: number): Answers | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { nonce: its, icmp, tcp } = (document ?? {}) as Record<string, unknown>;
  const [one, other] = [echoOf(icmp), echoOf(tcp)];
  return its === nonce && one && other ? { icmp: one, tcp: other } : undefined;
}

function echoOf(value: unknown): Echo | undefined {
  const { result, ms, error } = (value ?? {}) as Record<string, unknown>;
  if (result === 'answered' && typeof ms === 'number' && Number.isFinite(ms)) return { result, ms };
  if (result === 'silent') return { result };
  return result === 'error' && typeof error === 'string' ? { result, error } : undefined;
}
