/**
 * Owns a list of what is held, each entry under its cause and key, and whether a step changed it.
 */
import { byText } from '../../config/by-text.ts';
import type { HeldEntry } from './report.ts';

export class HeldList {
  readonly #byName = new Map<string, HeldEntry>();
  #sorted: readonly HeldEntry[] | undefined;
  /** Since `begin`. */
  changed = false;

  begin(): void {
    this.changed = false;
  }

  /** Sorted by kind and key, so that equal lists read alike. */
  get entries(): readonly HeldEntry[] {
    this.#sorted ??= [...this.#byName.values()].sort(
      (a, b) => byText(a.kind, b.kind) || byText(a.key, b.key) || byText(a.why, b.why),
    );
    return this.#sorted;
  }

  /** `undefined`: not held (any more). The many calls that say so of what never was cost next to nothing. */
  set(cause: string, key: string, entry: HeldEntry | undefined): void {
    if (!entry && !this.#byName.size) return;
    const name = `${cause} ${key}`;
    const before = this.#byName.get(name);
    if (before?.detail === entry?.detail && before?.why === entry?.why) return;
    if (entry) this.#byName.set(name, entry);
    else this.#byName.delete(name);
    this.changed = true;
    this.#sorted = undefined;
  }
}
