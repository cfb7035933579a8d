/**
 * Owns eventual consistency: a value whose reads may be one write behind. After a write the next `reads` reads see what was before it.
 */
export class Lagging<T> {
  #now: T;
  #before: T;
  #left = 0;
  /** How many reads after a write are behind; 0: none. */
  reads: number;

  constructor(initial: T, reads = 0) {
    this.#now = initial;
    this.#before = structuredClone(initial);
    this.reads = reads;
  }

  /** The truth: what packets follow. */
  get truth(): T {
    return this.#now;
  }

  /** What a reader is told. */
  read(): T {
    if (this.#left === 0) return structuredClone(this.#now);
    this.#left--;
    return structuredClone(this.#before);
  }

  write<R>(change: (value: T) => R): R {
    const before = structuredClone(this.#now);
    const result = change(this.#now);
    this.#before = before;
    this.#left = this.reads;
    return result;
  }
}
