/** Owns one TCP connection over the overlay on which something is always said: how long it stood still, and whether it broke. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LabHost } from '../test/helpers/lab.ts';

const PROGRAM = fileURLToPath(new URL('./stream-end.mjs', import.meta.url));
const PORT = '5201';

interface Event {
  ready?: true;
  pause?: number;
  reconnected?: true;
  answers?: number;
}

export class Stream {
  /** Since the last `take`: the longest pause, ms, and how often it was made anew. */
  #pause = 0;
  #broken = 0;
  answers = 0;
  readonly #children: ChildProcess[] = [];

  static async start(from: LabHost, to: LabHost): Promise<Stream> {
    const stream = new Stream();
    await stream.#spawn(to, ['server', to.containerAddress, PORT]);
    await stream.#spawn(from, ['client', to.containerAddress, PORT, from.containerAddress]);
    return stream;
  }

  take(): { pause: number; broken: number } {
    const taken = { pause: this.#pause, broken: this.#broken };
    this.#pause = 0;
    this.#broken = 0;
    return taken;
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #spawn(host: LabHost, args: string[]): Promise<void> {
    const child = host.ns.spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, PROGRAM, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    return new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the TCP stream's ${args[0]} ended (${code})`)));
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const { ready, pause = 0, reconnected, answers } = JSON.parse(line) as Event;
        if (ready) resolve();
        this.#pause = Math.max(this.#pause, pause);
        if (reconnected) this.#broken++;
        if (answers !== undefined) this.answers = answers;
      });
    });
  }
}
