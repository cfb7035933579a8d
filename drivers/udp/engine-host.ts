/**
 * Owns the one engine of this instance, as long as we live: finding one that is there, starting, restarting and ending it.
 *
 * - One that an earlier process of ours has started is adopted as it is. One whose protocol we don't know is replaced, with the table that
 *   it had and its descriptors, so that nothing is lost.
 * - `hold`: we keep copies of its descriptors, and hear when it ends.
 */
import { closeSync } from 'node:fs';
import { EngineClient } from './client.ts';
import type { EngineFds } from './engine/calls.ts';
import { closeFds, openForEngine, removeFiles, startEngine } from './engine-process.ts';
import { openUdpSocket } from './open-sockets.ts';
import { EngineError } from './open-tun.ts';
import { peerPid } from './peer-pid.ts';
import { type EngineFeatures, type EngineParameters, type EngineState, type PeerDelta, PROTOCOL } from './protocol.ts';
import { receiveFds } from './receive-fds.ts';

export interface EngineHostOptions {
  /** Path of its control socket. */
  path: string;
  /** Told of what a person should know: that it was started, and goes on by itself. */
  say: (text: string) => void;
}

export interface EngineAsked {
  state: EngineState;
  table: Map<string, string>;
}

type Features = Omit<EngineFeatures, 'wasm'>;
type Opened = Pick<EngineState, 'address' | 'port'> & { features: Features };

export class EngineHost {
  readonly #options: EngineHostOptions;
  #client: EngineClient | undefined;
  #fds: EngineFds | undefined;
  /** Where the socket among them is bound, and what was found of offloads. */
  #opened: Opened | undefined;
  /** As we last knew it: what a new engine begins with. */
  #table = new Map<string, string>();
  #ended: (() => void) | undefined;

  /** With `ended` as `hold` with it. */
  constructor(options: EngineHostOptions, ended?: () => void) {
    this.#options = options;
    this.#ended = ended;
  }

  /** From now on its end is told, and its descriptors are held. */
  hold(ended: () => void): void {
    this.#ended = ended;
  }

  /**
   * Its state and what its table has for `subnets` (all if undefined, nothing for []); undefined if there is no engine of ours that we
   * understand. Rejects with an EngineError if it may not be asked.
   */
  async ask(subnets?: string[]): Promise<EngineAsked | undefined> {
    const client = await this.#connected();
    if (!client) return undefined;
    try {
      const state = await client.state();
      if (state.protocol !== PROTOCOL) return undefined;
      this.#opened = state;
      const table = subnets?.length === 0 ? new Map<string, string>() : await client.table(subnets);
      if (subnets === undefined) this.#table = table;
      return { state, table };
    } catch {
      return undefined; // it ended, or hangs: it is made anew
    }
  }

  async state(): Promise<EngineState | undefined> {
    return (await this.ask([]))?.state;
  }

  async setPeers(delta: PeerDelta): Promise<void> {
    const client = await this.#connected();
    if (!client) throw new EngineError('The udp engine is not there.', 'ENOENT');
    await client.setPeers(delta);
    for (const subnet of delta.remove ?? []) this.#table.delete(subnet);
    for (const [subnet, host] of delta.set ?? []) this.#table.set(subnet, host);
  }

  /** Where there is no device. Throws an EngineError. */
  async start(parameters: EngineParameters): Promise<void> {
    await this.#end();
    this.#release();
    const { fds, features } = openForEngine(parameters);
    await this.#run(parameters, fds, features);
  }

  /** In the place of one that listens elsewhere, died, hangs or is not understood; on the same device. Throws an EngineError. */
  async restart(parameters: EngineParameters): Promise<void> {
    this.#takeFds();
    await this.#end();
    if (!this.#fds || !this.#opened) return this.start(parameters);
    const { address, port } = this.#opened;
    if (address !== parameters.address || port !== parameters.port) {
      const udp = openUdpSocket(parameters.address, parameters.port);
      closeSync(this.#fds.udp);
      this.#fds = { ...this.#fds, udp: udp.fd };
      this.#opened = { ...parameters, features: { ...this.#opened.features, ...udp.features } };
    }
    await this.#run(parameters, this.#fds, this.#opened.features);
  }

  /** Resolves when there is none any more, and nobody of ours holds the device. */
  async stop(): Promise<void> {
    await this.#end();
    this.#release();
    this.#table.clear();
    removeFiles(this.#options.path);
  }

  close(): void {
    const client = this.#client;
    this.#forget();
    client?.close();
    this.#release();
  }

  async #run(parameters: EngineParameters, fds: EngineFds, features: Features): Promise<void> {
    const { path, say } = this.#options;
    try {
      const pid = await startEngine({ path, parameters, features, wasm: true, peers: [...this.#table] }, fds);
      say(
        `The udp engine was started (process ${pid}, ${parameters.address}:${parameters.port}); it goes on when selvage ends.`,
      );
    } finally {
      this.#opened = { ...parameters, features };
      this.#fds = fds;
      if (!this.#ended) this.#release();
    }
    await this.#connected();
  }

  async #connected(): Promise<EngineClient | undefined> {
    if (this.#client) return this.#client;
    const { path } = this.#options;
    const client = await EngineClient.connect(path);
    if (!client) return undefined;
    this.#client = client;
    client.onEnd = () => {
      this.#forget();
      this.#ended?.();
    };
    if (this.#ended) this.#takeFds();
    return client;
  }

  #takeFds(): void {
    try {
      this.#fds ??= receiveFds(this.#options.path);
    } catch {
      // Without them the engine's end is the device's too; all else goes on.
    }
  }

  /** Ends the engine: by asking, and by force if it doesn't answer. */
  async #end(pid = peerPid(this.#options.path)): Promise<void> {
    const client = await this.#connected();
    if (!client) return;
    const gone = new Promise<void>((resolve) => {
      client.onEnd = resolve;
    });
    this.#forget();
    await client.stop().catch(() => kill(pid));
    await gone;
  }

  #forget(): void {
    this.#client = undefined;
  }

  #release(): void {
    if (this.#fds) closeFds(this.#fds);
    this.#fds = undefined;
  }
}

/** One that hangs. Not being allowed to is seen in what follows: its port is taken. */
function kill(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  } catch {
    // it is gone, or another user's
  }
}
