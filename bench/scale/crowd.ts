/** Owns many hosts in a few processes, all told to do one thing at once. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { HostState, Protocol } from './bed-host.ts';
import type { Answer, Order } from './crowd-process.ts';

const PROGRAM = fileURLToPath(new URL('crowd-process.ts', import.meta.url));
/** The first host's number. */
const FIRST = 2;

export class Crowd {
  readonly size: number;
  readonly #processes: ChildProcess[];

  private constructor(size: number, processes: ChildProcess[]) {
    this.size = size;
    this.#processes = processes;
  }

  /** The processes are up, and no host has asked anything yet. */
  static async of(protocol: Protocol, endpoint: string, size: number, processes = 4): Promise<Crowd> {
    const env = { ...process.env };
    // Reading the machine's certificates takes longer than all the rest, and nothing here needs them.
    delete env.NODE_EXTRA_CA_CERTS;
    const children = Array.from({ length: processes }, () => fork(PROGRAM, { env, stdio: 'inherit' }));
    const crowd = new Crowd(size, children);
    const numbers = Array.from({ length: size }, (_, i) => FIRST + i);
    await Promise.all(
      children.map((child, i) =>
        ask(child, {
          do: 'have',
          protocol,
          endpoint,
          hosts: size,
          numbers: numbers.filter((number) => number % processes === i),
        }),
      ),
    );
    return crowd;
  }

  /** All hosts, or those of these numbers. */
  async order(what: 'start' | 'stop' | 'renew' | 'fleet', numbers?: number[]): Promise<void> {
    await Promise.all(this.#processes.map((child) => ask(child, { do: what, ...(numbers && { numbers }) })));
  }

  async states(): Promise<Map<number, HostState>> {
    const answers = await Promise.all(this.#processes.map((child) => ask(child, { do: 'state' })));
    return new Map(answers.flatMap(({ states }) => states));
  }

  /** Until each has a subnet and knows of all leases. */
  async untilSettled(deadlineMs = 1_200_000): Promise<Map<number, HostState>> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const states = await this.states();
      const all = [...states.values()];
      if (all.every(({ subnet, knows }) => subnet !== undefined && knows === this.size)) return states;
      if (Date.now() > deadline) {
        const without = all.filter(({ subnet }) => subnet === undefined).length;
        throw new Error(`after ${deadlineMs / 1000} s ${without} of ${this.size} hosts have no subnet`);
      }
      await sleep(200);
    }
  }

  end(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
  }
}

/** One order at a time for each process. */
async function ask(child: ChildProcess, order: Order): Promise<Answer> {
  const over = new AbortController();
  const gone = once(child, 'exit', { signal: over.signal }).then(([code, signal]) => {
    throw new Error(`A process of the bed ended (${signal ?? code}).`);
  });
  gone.catch(() => {});
  try {
    child.send(order);
    const [answer] = (await Promise.race([once(child, 'message', { signal: over.signal }), gone])) as [Answer];
    if (answer.error !== undefined) throw new Error(`${order.do}: ${answer.error}`);
    return answer;
  } finally {
    over.abort();
  }
}
