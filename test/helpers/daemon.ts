/** Owns a running `selvage` daemon in a namespace: its log, and its end. */
import type { ChildProcess } from 'node:child_process';

const STOP_MS = 15_000;

export class Daemon {
  readonly pid: number;
  readonly #child: ChildProcess;
  #text = '';
  readonly #listeners = new Set<() => void>();

  constructor(child: ChildProcess) {
    if (child.pid === undefined) throw new Error('the daemon could not be started');
    this.#child = child;
    this.pid = child.pid;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#text += text;
        for (const listener of this.#listeners) listener();
      });
    }
    child.once('exit', () => {
      for (const listener of this.#listeners) listener();
    });
  }

  /** Everything it has written, stderr and stdout. */
  log(): string {
    return this.#text;
  }

  /** Where the log ends now: for waitForLine's `from`. */
  mark(): number {
    return this.#text.length;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The first line of the log from `from` on that matches; rejects if the daemon ends or `timeout` ms pass first. */
  waitForLine(pattern: RegExp, { timeout = 60_000, from = 0 } = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        settle();
      };
      const fail = (why: string) =>
        finish(() =>
          reject(new Error(`no line of the daemon's log matches ${pattern}: ${why}\n${this.#text.slice(-3000)}`)),
        );
      const look = () => {
        const lines = this.#text.slice(from).split('\n').slice(0, -1);
        const line = lines.find((each) => pattern.test(each));
        if (line !== undefined) finish(() => resolve(line));
        else if (!this.running) fail(`it ended (${this.#child.signalCode ?? this.#child.exitCode})`);
      };
      const timer = setTimeout(() => fail(`waited ${timeout / 1000} s`), timeout);
      this.#listeners.add(look);
      look();
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async #end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    if (this.running) {
      const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
      this.#child.kill(signal);
      const timer = setTimeout(() => {
        this.#text += `(did not end ${STOP_MS / 1000} s after ${signal} and was killed)\n`;
        this.#child.kill('SIGKILL');
      }, STOP_MS);
      await ended;
      clearTimeout(timer);
    }
    return this.#child.exitCode ?? this.#child.signalCode ?? -1;
  }

  /** SIGTERM, and waits for the end; its exit code, or the signal that ended it ("SIGKILL" if it had to be killed). */
  stop(): Promise<number | NodeJS.Signals> {
    return this.#end('SIGTERM');
  }

  /** SIGKILL, and waits for the end. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }
}
