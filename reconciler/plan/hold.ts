/** Owns what a plan asks of the memory between rounds: whether a change has to wait, why, and until when. */
import type { Change } from '../contracts/driver.ts';

export interface Hold {
  /** A few words, as in a HeldEntry: "backing off", "refused", "contested". */
  why: string;
  /** One sentence. */
  detail: string;
  /** ms on the caller's clock; Infinity: until want or have changes. */
  until: number;
}

/** What a plan asks. */
export interface RetryView {
  /** True if nothing is held: nobody has to ask. */
  readonly empty: boolean;
  holds(change: Change): Hold | undefined;
}

export const noRetries: RetryView = { empty: true, holds: () => undefined };
