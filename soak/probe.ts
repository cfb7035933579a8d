/**
 * Owns a ping over the overlay that goes on for hours, and how many of its packets were lost between two moments. By ICMP's sequence numbers, so
 * that nothing hangs on clocks; they have 16 bits and are counted on.
 */
import type { ChildProcess } from 'node:child_process';
import type { LabHost } from '../test/helpers/lab.ts';

export const INTERVAL_MS = 100;

export interface Mark {
  /** Sequence number of the last answer. */
  last: number;
  received: number;
}

export class Probe {
  readonly from: LabHost;
  readonly to: LabHost;
  #child: ChildProcess | undefined;
  #rest = '';
  #last = 0;
  #received = 0;

  constructor(from: LabHost, to: LabHost) {
    this.from = from;
    this.to = to;
    this.#start();
  }

  get name(): string {
    return `${this.from.name} → ${this.to.name}`;
  }

  mark(): Mark {
    return { last: this.#last, received: this.#received };
  }

  /** Packets sent and lost between two marks; those after the last answer are the next window's. */
  between(before: Mark, after: Mark): { sent: number; lost: number } {
    const sent = after.last - before.last;
    return { sent, lost: Math.max(0, sent - (after.received - before.received)) };
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
  }

  #start(): void {
    const args = ['-n', '-i', String(INTERVAL_MS / 1000), '-I', this.from.containerAddress, this.to.containerAddress];
    const child = this.from.ns.spawn('setpriv', ['--pdeathsig', 'KILL', 'ping', ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const found = /icmp_seq=(\d+) ttl=.* time=/.exec(line);
      // "(DUP!)": the second answer to one.
      if (!found || line.includes('DUP')) continue;
      this.#received++;
      const number = this.#unwrapped(Number(found[1]));
      if (number > this.#last) this.#last = number;
    }
  }

  /** The number of those that agree in 16 bits that is nearest to the last one. */
  #unwrapped(sequence: number): number {
    const turn = 65_536;
    return sequence + turn * Math.round((this.#last - sequence) / turn);
  }
}
