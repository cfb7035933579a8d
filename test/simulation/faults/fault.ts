/** Owns what a fault is: one thing that goes wrong, or that somebody does, in a running fleet. */
import type { Fleet } from '../fleet.ts';
import type { Random } from '../random.ts';
import type { Shape } from '../schedule.ts';

export interface Fault {
  readonly name: string;
  /** How often it is drawn, beside others. */
  readonly weight: number;
  /** Whether it makes sense in such a fleet. Left out: in all. */
  fits?(shape: Shape): boolean;
  /**
   * Does it, and excuses what the documentation says it costs. What it leaves behind by itself ends with `fleet.later`, or at the next peace.
   * @returns what was done, in a few words; undefined: there was nothing to do
   */
  strike(fleet: Fleet, random: Random): string | undefined;
}
