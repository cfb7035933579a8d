/** Owns injected failures: which calls fail next and how, and proof that they did. */

export interface Failure {
  status: number;
  code: string;
  message?: string;
  /** The call is carried out, and its answer lost. */
  after?: boolean;
  /** The connection is cut instead of an answer. */
  cut?: boolean;
}

export class Injected {
  readonly #queued = new Map<string, Failure[]>();
  readonly #always = new Map<string, Failure>();

  /** `what`: the action, as the fake logs it. */
  next(what: string, failure: Failure, times = 1): void {
    const queue = this.#queued.get(what) ?? [];
    this.#queued.set(what, [...queue, ...Array<Failure>(times).fill(failure)]);
  }

  always(what: string, failure: Failure | undefined): void {
    if (failure) this.#always.set(what, failure);
    else this.#always.delete(what);
  }

  take(what: string): Failure | undefined {
    return this.#queued.get(what)?.shift() ?? this.#always.get(what);
  }

  /** Those that nobody has run into. */
  get unconsumed(): string[] {
    return [...this.#queued].flatMap(([what, queue]) => queue.map(({ code }) => `${what} ${code}`));
  }
}
