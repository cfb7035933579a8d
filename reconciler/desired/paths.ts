/**
 * Owns how long a host keeps the paths of earlier configs: the ways on which it can be reached, such as "host-gw" or the tunnel of one VNI.
 *
 * - A peer is addressed on the path that its lease names, so that hosts can follow a change of the config each in its own time.
 * - An earlier path goes on receiving until no live lease names it, our own included, or until the grace ends. A little longer even: a lease
 *   that names another path has been written, but not yet been read by everybody. Ours counts too: whoever doesn't know the path that it names
 *   reaches us on an earlier one, so none of those goes before ours has moved on and been read.
 * - No clock: now is passed in, ms since the epoch.
 */
import type { Lease, LeaseAttrs } from '../../config/model.ts';
import { pathOf } from '../backends/index.ts';

/** What is asked of a backend here. */
export interface PathOwner {
  readonly type: string;
  readonly path: string;
}

/**
 * How long after the last lease has left it a path is kept all the same, ms: longer than a host takes to notice that its member of etcd has
 * died without a word (13 s; 15 s by v2), and to list another one.
 */
export const SETTLE = 30_000;

/** ms. */
export interface PathTimes {
  grace: number;
  settle: number;
}

/** `grace` as asked for; with one that is shorter than SETTLE nothing is kept longer than that. */
export const pathTimes = (grace: number): PathTimes => ({ grace, settle: Math.min(grace, SETTLE) });

interface Earlier<P> {
  owner: P;
  /** Since when our own lease names another one. */
  leftAt: number | undefined;
  /** Since when nobody else's lease names it. */
  unnamedAt: number | undefined;
}

export class EarlierPaths<P extends PathOwner> {
  readonly #times: PathTimes;
  readonly #earlier = new Map<string, Earlier<P>>();
  /** When our own lease last left a path; Infinity while it names an earlier one. */
  #ownLeft = Number.NEGATIVE_INFINITY;

  constructor(times: PathTimes) {
    this.#times = times;
  }

  /** The one left last first. */
  get owners(): P[] {
    return [...this.#earlier.values()].map(({ owner }) => owner).reverse();
  }

  /** `leftAt`: where it is known from an earlier process. */
  add(owner: P, leftAt?: number): void {
    this.#earlier.delete(owner.path);
    this.#earlier.set(owner.path, { owner, leftAt, unnamedAt: leftAt });
  }

  /** It is the config's (again). */
  remove(path: string): void {
    this.#earlier.delete(path);
  }

  /** Lets go of those whose time is over. `own`: what our lease says in the store. `anyUnread`: a lease that can't be read may name any of them. */
  review(own: LeaseAttrs, peers: Iterable<Lease>, config: P, now: number, anyUnread = false): void {
    if (this.#earlier.size === 0) return;
    const paths = [config, ...this.owners];
    const named = new Set<string>();
    for (const { attrs } of peers) named.add(pathOf(attrs, paths));
    const ours = pathOf(own, paths);
    this.#ownLeft = Number.NEGATIVE_INFINITY;
    for (const [path, earlier] of this.#earlier) {
      if (path === ours) earlier.leftAt = earlier.unnamedAt = undefined;
      else {
        earlier.leftAt ??= now;
        earlier.unnamedAt = anyUnread || named.has(path) ? undefined : (earlier.unnamedAt ?? now);
      }
      this.#ownLeft = Math.max(this.#ownLeft, earlier.leftAt ?? Number.POSITIVE_INFINITY);
    }
    for (const [path, earlier] of this.#earlier) if (this.#endOf(earlier) <= now) this.#earlier.delete(path);
  }

  /** Since when our own lease names another one than each of these, by path: what the next process has to know. */
  get left(): Record<string, number> {
    return Object.fromEntries(
      [...this.#earlier].flatMap(([path, { leftAt }]) => (leftAt === undefined ? [] : [[path, leftAt]])),
    );
  }

  /** When `review` has something to do though nothing happened; Infinity for never. */
  nextEnd(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.#earlier.values()].map((earlier) => this.#endOf(earlier)));
  }

  #endOf({ leftAt, unnamedAt }: Earlier<P>): number {
    if (leftAt === undefined) return Number.POSITIVE_INFINITY;
    const { grace, settle } = this.#times;
    return Math.min(leftAt + grace, Math.max(unnamedAt ?? Number.POSITIVE_INFINITY, this.#ownLeft) + settle);
  }
}
