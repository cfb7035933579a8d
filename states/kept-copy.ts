/**
 * Owns the agent's access to the file of its last good copy. Nothing that is wrong with it is a failure of the run: it is one sentence,
 * which is held. Another network's copy is neither used nor overwritten.
 */
import { cureFor } from '../config/open-files.ts';
import type { CopyHead, StateCache, StateCopy } from '../reconciler/contracts/state-copy.ts';

export class KeptCopy {
  /** What is wrong with the copy, as a sentence. */
  problem: string | undefined;
  readonly #cache: StateCache | undefined;
  readonly #prefix: string;
  #head: Promise<CopyHead | undefined> | undefined;
  #foreign = false;

  constructor(cache: StateCache | undefined, prefix: string) {
    this.#cache = cache;
    this.#prefix = prefix;
  }

  get wanted(): boolean {
    return this.#cache !== undefined;
  }

  /** The head of the copy as it was at the start; undefined without one that can be used. */
  head(): Promise<CopyHead | undefined> {
    this.#head ??= this.#guarded(async (cache) => {
      const head = await cache.head();
      if (!head || head.prefix === this.#prefix) return head;
      this.#foreign = true;
      throw new Error(
        `The last good copy ${cache.path} is of the network at ${head.prefix}, not of ${this.#prefix}; it is left alone: give this instance a --state-cache of its own, or delete the file.`,
      );
    });
    return this.#head;
  }

  async load(): Promise<StateCopy | undefined> {
    return (await this.head()) && this.#guarded((cache) => cache.load());
  }

  async save(copy: StateCopy): Promise<void> {
    await this.head();
    if (this.#foreign) return;
    await this.#guarded(async (cache) => {
      try {
        await cache.save(copy);
        this.problem = undefined;
      } catch (cause) {
        const why = (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, '');
        const message = `The last good copy ${cache.path} can't be written (${why}), so that this host would not come up without etcd: ${cureFor(cause, 'make its folder writable, or say --state-cache none')}.`;
        throw new Error(message, { cause });
      }
    });
  }

  async #guarded<T>(work: (cache: StateCache) => Promise<T>): Promise<T | undefined> {
    if (!this.#cache) return undefined;
    try {
      return await work(this.#cache);
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      return undefined;
    }
  }
}
