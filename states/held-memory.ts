/**
 * Owns the holds that rounds found, between rounds: a scoped round speaks for its scope only, and what another one found still stands.
 */
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import type { Scope } from '../reconciler/contracts/scope.ts';
import { linkOf, splitId, type Want } from '../reconciler/kinds/index.ts';

export class HeldMemory {
  readonly #held = new Map<string, HeldEntry[]>();
  readonly #inTheWay = new Map<string, string>();

  get entries(): HeldEntry[] {
    return [...this.#held.values()].flat();
  }

  /** Devices of others that what is held for now stands on. */
  get devices(): string[] {
    return [...new Set(this.#inTheWay.values())];
  }

  /** Takes over what a round of that scope holds, and the devices under it by id. */
  replace(
    scope: Scope,
    held: readonly HeldEntry[],
    wants: ReadonlyMap<string, Want>,
    inTheWay: ReadonlyMap<string, string> = new Map(),
  ): void {
    for (const id of this.#held.keys()) if (covers(scope, id, wants)) this.#held.delete(id);
    for (const entry of held) {
      const id = `${entry.kind} ${entry.key}`;
      const others = (this.#held.get(id) ?? []).filter(({ why }) => why !== entry.why);
      this.#held.set(id, [...others, entry]);
    }
    for (const [id, dev] of inTheWay) this.#inTheWay.set(id, dev);
    for (const id of this.#inTheWay.keys()) if (!this.#held.has(id)) this.#inTheWay.delete(id);
  }
}

function covers(scope: Scope, id: string, wants: ReadonlyMap<string, Want>): boolean {
  if (scope.all || scope.ids.has(id)) return true;
  const { kind, key } = splitId(id);
  if (scope.kinds.has(kind)) return true;
  const want = wants.get(id);
  // What nobody wants tells its device only by its name, or in its key.
  const dev = want ? linkOf(want) : key.split('|')[0];
  return scope.links.has(dev ?? '');
}
