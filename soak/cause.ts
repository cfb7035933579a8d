/** Owns what a cause is: one thing that happens to the bed, and how it ends. */
import type { Random } from '../test/simulation/random.ts';
import type { Bed } from './bed.ts';

export interface Cause {
  name: string;
  /** Whether packets may be lost: because it breaks the way itself, or because the documentation says so. */
  costs: boolean;
  /** Whether it can be done here. Left out: it can. */
  fits?(bed: Bed): boolean;
  /** Does it, and resolves when what it does is over: from then on the time to heal counts. With false, if there was nothing to do. */
  act(bed: Bed, random: Random): Promise<unknown>;
}
