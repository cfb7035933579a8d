/** Owns the agent's companions as one: what wakes any of them, what they have found, and which of them are acting. */
import type { Interest, Outcome } from '../reconciler/contracts/driver.ts';
import type { CompanionSections, HeldEntry } from '../reconciler/contracts/report.ts';
import { type CompanionName, mergeScope, type Scope, scopeOf } from '../reconciler/contracts/scope.ts';
import type { Desired } from '../reconciler/desired/desired.ts';
import { idOf } from '../reconciler/kinds/index.ts';
import type { Companion } from './companion.ts';

export class Companions {
  readonly #all: readonly Companion[];
  readonly #acts = new Map<CompanionName, Promise<void>>();

  readonly #failed: (name: CompanionName, error: unknown) => void;

  /** `failed` hears of an act that rejected, which none should. */
  constructor(all: readonly Companion[], failed: (name: CompanionName, error: unknown) => void) {
    this.#all = all;
    this.#failed = failed;
  }

  get interest(): Required<Pick<Interest, 'files' | 'ofCompanions'>> {
    const files = new Set<string>();
    const ofCompanions = new Map<string, CompanionName[]>();
    for (const companion of this.#all) {
      const { devices, files: its } = companion.interests();
      for (const path of its) files.add(path);
      for (const dev of devices) ofCompanions.set(dev, [...(ofCompanions.get(dev) ?? []), companion.name]);
    }
    return { files: [...files], ofCompanions };
  }

  /** Returns what stops it. */
  watch(emit: (scope: Scope) => void): () => void {
    const stops = this.#all.map((companion) => companion.watch?.(() => emit(about(companion))));
    return () => {
      for (const stop of stops) stop?.();
    };
  }

  /** Before the round, whose wants and `scope` are widened by what they want. @returns those that looked */
  async lookFor(desired: Desired, scope: Scope, isStoreHeard: () => boolean): Promise<readonly Companion[]> {
    const looks = await Promise.all(this.#all.map((companion) => companion.lookFor(desired, scope, isStoreHeard)));
    return this.#all.filter((companion, index) => {
      const looked = looks[index];
      if (!looked) return false;
      desired.setFilesOf(companion.name, looked.files);
      mergeScope(scope, scopeOf({ ids: looked.files.map(idOf) }));
      const { wants, change } = looked;
      if (wants) mergeScope(scope, scopeOf({ ids: desired.setWantsOf(companion.name, wants) }));
      if (change) mergeScope(scope, scopeOf({ ids: desired.changeWantsOf(companion.name, change) }));
      return true;
    });
  }

  /** Lets those that looked act; `ended` is called for each when what came of it can be looked at. */
  act(companions: readonly Companion[], ended: (scope: Scope) => void): void {
    for (const companion of companions) {
      const act = companion
        .act()
        .catch((error: unknown) => this.#failed(companion.name, error))
        .then(() => {
          this.#acts.delete(companion.name);
          ended(about(companion));
        });
      this.#acts.set(companion.name, act);
    }
  }

  /** Resolves when all that is under way can be looked at; undefined if nothing is. */
  get acting(): Promise<unknown> | undefined {
    return this.#acts.size ? Promise.all(this.#acts.values()) : undefined;
  }

  get held(): HeldEntry[] {
    return this.#all.flatMap((companion) => companion.report().held);
  }

  get sections(): CompanionSections {
    return Object.assign({}, ...this.#all.map((companion) => companion.report().sections));
  }

  /** Whether all of them have done their part of the config's path. */
  isPathBuilt(desired: Desired): boolean {
    return this.#all.every((companion) => companion.isPathBuilt?.(desired) ?? true);
  }

  keptSubnets(desired: Desired): string[] {
    return this.#all.flatMap((companion) => companion.keptSubnets?.(desired) ?? []);
  }

  /** When each has to look though nothing happens, ms since the epoch. */
  get dueTimes(): (number | undefined)[] {
    return this.#all.map(({ wakeAt }) => wakeAt);
  }

  /** Where to look because of the time `now`. */
  due(now: number): Scope {
    return scopeOf({
      companions: this.#all.flatMap(({ name, wakeAt = Number.POSITIVE_INFINITY }) => (wakeAt <= now ? name : [])),
    });
  }
}

/** @returns those that are to act once the round is over */
export const decideAll = (
  companions: readonly Companion[],
  outcomes: readonly Outcome[] | undefined,
): readonly Companion[] => companions.filter((companion) => companion.decide(outcomes));

const about = ({ name }: Companion): Scope => scopeOf({ companions: [name] });
