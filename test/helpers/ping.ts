/** Owns ping: once, and continuously with an account of what was lost. */
import type { ChildProcess } from 'node:child_process';
import type { Netns } from './netns.ts';

export interface PingOptions {
  /** Source address. */
  source?: string;
  /** Seconds to wait for the answer, default 1. */
  wait?: number;
  /** Payload bytes. */
  size?: number;
  /** Refuse to fragment (path MTU tests). */
  dontFragment?: boolean;
}

/** True if one echo request was answered. */
export async function pingOnce(ns: Netns, to: string, options: PingOptions = {}): Promise<boolean> {
  const args = ['-n', '-q', '-c', '1', '-W', String(options.wait ?? 1)];
  if (options.source) args.push('-I', options.source);
  if (options.size !== undefined) args.push('-s', String(options.size));
  if (options.dontFragment) args.push('-M', 'do');
  return (await ns.exec('ping', ...args, to)).code === 0;
}

export interface PingResult {
  transmitted: number;
  received: number;
  /** Echo requests without an answer; the last ones in flight when it was stopped don't count. */
  lost: number;
  /** Where they are: "12–14 of 380, after 11 was answered at 09:12:01.123". */
  gaps: string[];
}

/** A ping that goes on until it is stopped, every 10 ms. */
export class ContinuousPing {
  readonly #child: ChildProcess;
  /** Time of the answer, in seconds since 1970, by sequence. */
  readonly #seen = new Map<number, number>();
  readonly #to: string;
  #output = '';
  #rest = '';

  constructor(ns: Netns, to: string, source: string, intervalSeconds = 0.01) {
    this.#to = to;
    const args = ['-n', '-D', '-i', String(intervalSeconds), '-I', source, to];
    this.#child = ns.spawn('setpriv', ['--pdeathsig', 'KILL', 'ping', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const answer = /^\[([\d.]+)\].* icmp_seq=(\d+) ttl=/.exec(line);
      if (answer) this.#seen.set(Number(answer[2]), Number(answer[1]));
      else this.#output += `${line}\n`;
    }
  }

  /** Answers so far. */
  get received(): number {
    return this.#seen.size;
  }

  async stop(): Promise<PingResult> {
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    if (!this.#child.kill('SIGINT')) throw new Error(`ping ${this.#to} had already ended: ${this.#output.trim()}`);
    await closed;
    const summary = /(\d+) packets transmitted, (\d+) received/.exec(this.#output);
    if (!summary) throw new Error(`ping ${this.#to} ended without a summary: ${this.#output.trim()}`);
    const transmitted = Number(summary[1]);
    // icmp_seq is 16 bits: after ten minutes at 10 ms it would start again.
    if (transmitted > 65_000) throw new Error(`ping ${this.#to} ran for too long to count what was lost`);
    const last = Math.max(0, ...this.#seen.keys());
    const inFlight = Math.min(transmitted - last, 2);
    return {
      transmitted,
      received: this.#seen.size,
      lost: transmitted - inFlight - this.#seen.size,
      gaps: this.#gaps(transmitted),
    };
  }

  #gaps(transmitted: number): string[] {
    const gaps: string[] = [];
    let before = 0;
    for (const sequence of [...[...this.#seen.keys()].sort((a, b) => a - b), transmitted + 1]) {
      const at = new Date((this.#seen.get(before) ?? 0) * 1000).toISOString().slice(11, 23);
      if (sequence > before + 1)
        gaps.push(`${before + 1}–${sequence - 1} of ${transmitted}, after ${before} was answered at ${at}`);
      before = sequence;
    }
    return gaps;
  }
}
