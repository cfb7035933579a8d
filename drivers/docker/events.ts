/**
 * Owns the ears at the engine: its event stream, opened again whenever an engine comes. An edge says that something may have changed,
 * never what, so the stream is not even read.
 *
 * - Where there is no socket nothing is polled: its folder is watched. A socket that doesn't answer is tried again, ever more rarely.
 * - Coming and going are edges too.
 */
import type { ClientRequest } from 'node:http';
import { PathWatch } from '../files/watch.ts';
import { type EngineAddress, isActivated, mayConnect, openRequest, PID_FILE } from './engine.ts';

/** Health checks, which begin and end every few seconds, are no edges. */
const FILTERS = { event: ['start', 'die', 'rename', 'connect', 'disconnect', 'reload'] };
const PATH = `/events?filters=${encodeURIComponent(JSON.stringify(FILTERS))}`;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

export class EngineEvents {
  readonly #address: EngineAddress;
  readonly #changed: () => void;
  readonly #watches: PathWatch[] = [];
  #call: ClientRequest | undefined;
  /** Or about to be. */
  #connected = false;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopped = false;

  constructor(address: EngineAddress, changed: () => void) {
    this.#address = address;
    this.#changed = changed;
  }

  start(): void {
    const { socketPath } = this.#address;
    const paths = socketPath ? [socketPath] : [];
    if (isActivated(this.#address)) paths.push(PID_FILE);
    for (const path of paths) {
      const watch = new PathWatch(path, () => void this.#connect());
      this.#watches.push(watch);
      // What came before the watch stood is nobody's event.
      void watch.start().then(() => this.#connect());
    }
    void this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    for (const watch of this.#watches) watch.stop();
    this.#call?.destroy();
  }

  async #connect(): Promise<void> {
    if (this.#stopped || this.#connected) return;
    clearTimeout(this.#retry);
    if (!mayConnect(this.#address)) return;
    this.#connected = true;
    let heard = false;
    let over = false;
    const end = (): void => {
      if (over) return;
      over = true;
      this.#call = undefined;
      this.#connected = false;
      if (this.#stopped) return;
      if (heard) this.#changed();
      this.#later();
    };
    const call = await openRequest(this.#address, PATH, (response) => {
      heard = response.statusCode === 200;
      response.on('error', end);
      response.on('close', end);
      if (!heard) return void response.resume();
      this.#failures = 0;
      this.#changed();
      response.on('data', () => this.#changed());
    });
    if (this.#stopped) return void call.destroy();
    this.#call = call;
    call.on('error', end);
    call.on('close', end);
    // The daemon must be able to end, and the stream to be quiet for days.
    call.on('socket', (socket) => socket.unref());
    call.end();
  }

  #later(): void {
    if (!mayConnect(this.#address)) return;
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
    this.#retry = setTimeout(() => void this.#connect(), wait).unref();
  }
}
