/** Owns which timer comes next: a binary heap by time, then by age. A whole fleet has thousands. */
export interface Timer {
  readonly id: number;
  /** ms since the epoch. */
  readonly at: number;
  readonly run: () => void;
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.id < b.id);

export class TimerQueue {
  readonly #heap: Timer[] = [];
  /** Those not cancelled; the heap lets go of the others when they come up. */
  readonly #live = new Set<number>();

  add(timer: Timer): void {
    this.#live.add(timer.id);
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  cancel(id: number): void {
    this.#live.delete(id);
  }

  get next(): Timer | undefined {
    while (this.#heap.length > 0 && !this.#live.has(this.#heap[0]!.id)) this.#removeFirst();
    return this.#heap[0];
  }

  /** Takes the next one out, if it is due by then. */
  take(until: number): Timer | undefined {
    const { next } = this;
    if (!next || next.at > until) return undefined;
    this.#removeFirst();
    this.#live.delete(next.id);
    return next;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
