/**
 * Owns the holds that rounds found, between rounds: a scoped round speaks for its scope only, and what another one found still stands.
 */
import type { HeldEntry } from '../reconciler/report.ts';
import { type Kind, linkOf, type Want } from '../reconciler/resource.ts';
import type { Scope } from '../reconciler/scope.ts';

export class HeldMemory {
  readonly #held = new Map<string, HeldEntry[]>();

  get entries(): HeldEntry[] {
    return [...this.#held.values()].flat();
  }

  /** Takes over what a round of that scope holds. */
  replace(scope: Scope, held: readonly HeldEntry[], wants: ReadonlyMap<string, Want>): void {
    for (const id of this.#held.keys()) if (covers(scope, id, wants)) this.#held.delete(id);
    for (const entry of held) {
      const id = `${entry.kind} ${entry.key}`;
      const same = this.#held.get(id);
      if (!same) this.#held.set(id, [entry]);
      else if (!same.some((one) => one.why === entry.why)) same.push(entry);
    }
  }
}

function covers(scope: Scope, id: string, wants: ReadonlyMap<string, Want>): boolean {
  if (scope.all || scope.ids.has(id)) return true;
  const kind = id.slice(0, id.indexOf(' ')) as Kind;
  if (scope.kinds.has(kind)) return true;
  const want = wants.get(id);
  return want !== undefined && scope.links.has(linkOf(want) ?? '');
}
