/**
 * Owns hearing what the kernel announces in a namespace, and when: `ip monitor`, whose clock starts and stops the measurements of the
 * demo and the benchmarks, so that selvage isn't timed by its own code. FDB entries come as neighbours.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { eventually } from './eventually.ts';
import type { Netns } from './netns.ts';

export interface KernelEvent {
  /** Milliseconds since the epoch, with microseconds behind the point. */
  at: number;
  /** As iproute2 prints it: "[ROUTE]Deleted 10.5.2.0/24 nhid … dev flannel.1 …". */
  text: string;
}

/** IPv6's own housekeeping, multicast and ARP that the kernel learns: nothing that anybody configured. */
const NOISE = /inet6|fe80:|ff0\d::|pref medium|33:33:|01:00:5e|REACHABLE|STALE|DELAY|PROBE|INCOMPLETE/;

export class KernelMonitor {
  readonly #child: ChildProcess;
  readonly #events: KernelEvent[] = [];
  readonly #listeners = new Set<() => void>();
  #rest = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
  }

  /** Resolves when it listens: no event after that is missed. `objects` as ip monitor names them: "route", "nexthop", … */
  static async start(ns: Netns, objects = ['link', 'address', 'route', 'neigh', 'nexthop']): Promise<KernelMonitor> {
    // With a single object iproute2 leaves out the label: hence two at least.
    const args = ['-ts', '-o', '-rcvbuf', String(8 << 20), 'monitor', 'label', ...objects];
    const child = ns.spawn('setpriv', ['--pdeathsig', 'KILL', 'ip', ...args], {
      env: { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const monitor = new KernelMonitor(child);
    await eventually(() => listens(child), { what: 'ip monitor to listen', interval: 5 });
    return monitor;
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const match = /^\[(\S+?)\.(\d+)\] (.*)$/.exec(line);
      if (!match || NOISE.test(match[3]!)) continue;
      this.#events.push({ at: Date.parse(`${match[1]}Z`) + Number(match[2]) / 1000, text: match[3]! });
    }
    for (const listener of this.#listeners) listener();
  }

  /** Where the events end now: for `from` below. */
  mark(): number {
    return this.#events.length;
  }

  since(mark: number): KernelEvent[] {
    return this.#events.slice(mark);
  }

  /** The first event from `from` on that `match` takes. */
  next(match: (text: string) => boolean, { from = 0, timeout = 60_000, what = 'an event' } = {}): Promise<KernelEvent> {
    return new Promise((resolve, reject) => {
      let looked = from;
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        settle();
      };
      const look = () => {
        for (; looked < this.#events.length; looked++) {
          const event = this.#events[looked]!;
          if (match(event.text)) return finish(() => resolve(event));
        }
      };
      const timer = setTimeout(() => {
        const heard = this.since(from).slice(-10);
        const lines = heard.map(({ text }) => text).join('\n');
        finish(() => reject(new Error(`waited ${timeout / 1000} s for ${what}; heard:\n${lines || '(nothing)'}`)));
      }, timeout);
      this.#listeners.add(look);
      look();
    });
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.kill('SIGKILL')) await ended;
  }
}

/** Its socket has joined groups: /proc/PID/net/netlink shows the sockets of its namespace, by port id. */
function listens(child: ChildProcess): boolean {
  if (child.exitCode !== null) throw new Error(`ip monitor ended with code ${child.exitCode}`);
  const sockets = readFileSync(`/proc/${child.pid}/net/netlink`, 'utf8').split('\n').slice(1);
  return sockets.some((line) => {
    const [, protocol, port, groups] = line.trim().split(/\s+/);
    return protocol === '0' && port === String(child.pid) && Number.parseInt(groups!, 16) !== 0;
  });
}
