/**
 * Owns the agent's side of the control socket: one connection that stays open, so that its end tells at once that the engine is gone.
 * Requests are answered in order.
 */
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { EngineError } from './open-tun.ts';
import type { Answer, EngineState, PeerDelta, Request } from './protocol.ts';

/** An engine answers in a millisecond; one that doesn't within this long, on the busiest of hosts, never will. In ms. */
const PATIENCE_MS = 3_000;

type Ask = { do: 'state' } | { do: 'peers'; delta: PeerDelta } | { do: 'table'; subnets?: string[] } | { do: 'stop' };

export class EngineClient {
  /** Called once when the connection ends, whoever ended it. */
  onEnd: () => void = () => {};
  readonly #socket: Socket;
  readonly #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];
  #lastId = 0;

  /** Undefined if nobody listens at `path`. Rejects with an EngineError if it can't be asked (no permission). */
  static connect(path: string): Promise<EngineClient | undefined> {
    const socket = createConnection(path);
    return new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(new EngineClient(socket)));
      socket.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
        else reject(new EngineError(`The udp engine at ${path} can't be asked (${error.message}).`, error.code, error));
      });
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.removeAllListeners('error');
    socket.on('error', () => {});
    // The lines repeat the socket's error, which is told by its end.
    const lines = createInterface({ input: socket }).on('error', () => {});
    lines.on('line', (line) => this.#waiting.shift()?.resolve(JSON.parse(line)));
    socket.once('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new EngineError('The udp engine ended.', 'EPIPE'));
      this.onEnd();
    });
  }

  async state(): Promise<EngineState> {
    return (await this.#ask({ do: 'state' })).state!;
  }

  /** Subnets with the addresses of their hosts: all, or those among `subnets`. */
  async table(subnets?: string[]): Promise<Map<string, string>> {
    return new Map((await this.#ask({ do: 'table', ...(subnets ? { subnets } : {}) })).table);
  }

  async setPeers(delta: PeerDelta): Promise<void> {
    await this.#ask({ do: 'peers', delta });
  }

  /** Resolves when the engine has gone. */
  async stop(): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    await this.#ask({ do: 'stop' });
    await gone;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #ask(ask: Ask): Promise<Extract<Answer, { ok: true }>> {
    const request: Request = { id: ++this.#lastId, ...ask };
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<Answer>((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new EngineError('The udp engine ended.', 'EPIPE'));
      this.#waiting.push({ resolve, reject });
      this.#socket.write(`${JSON.stringify(request)}\n`);
      timer = setTimeout(() => {
        reject(new EngineError(`The udp engine has not answered for ${PATIENCE_MS / 1000} s.`, 'ETIMEDOUT'));
        this.#socket.destroy();
      }, PATIENCE_MS);
    }).finally(() => clearTimeout(timer));
    if (!answer.ok) throw new EngineError(`The udp engine refused "${ask.do}": ${answer.error}`, 'EPROTO');
    return answer;
  }
}
