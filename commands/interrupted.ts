/**
 * Owns what a signal does to a command that makes one pass: before anything is written to the host it ends at once, of that signal, as a program
 * without a handler would; from then on what is in hand is finished, which takes moments.
 */
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
type Signal = (typeof SIGNALS)[number];

/** The command was ended by a signal before it had begun to write. */
export class Interrupted extends Error {
  readonly signal: Signal;

  constructor(signal: Signal) {
    super(`Ended by ${signal} before anything was changed.`);
    this.signal = signal;
  }

  /** So that a shell and a service manager see what ended it (128 + its number). */
  dieOfIt(): void {
    process.kill(process.pid, this.signal);
  }
}

/** `begin` is called before the first write to the host. @throws Interrupted */
export async function untilInterrupted<T>(work: (begin: () => void) => Promise<T>): Promise<T> {
  let came: Signal | undefined;
  let begun = false;
  let stop = (_error: Interrupted): void => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = reject;
  });
  const handlers = SIGNALS.map((signal) => {
    const handler = (): void => {
      came ??= signal;
      if (!begun) stop(new Interrupted(signal));
    };
    // A second one ends it whatever is in hand.
    process.once(signal, handler);
    return () => process.off(signal, handler);
  });
  const begin = (): void => {
    if (came) throw new Interrupted(came);
    begun = true;
  };
  try {
    return await Promise.race([work(begin), stopped]);
  } finally {
    for (const remove of handlers) remove();
  }
}
