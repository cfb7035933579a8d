/** Owns what the machine's work region may ask for. The synchronous ones read or set plain values and never throw; a rejection is an event to the machine. */
import type { Scope } from '../reconciler/contracts/scope.ts';
import type { Send } from './events.ts';

export interface RoundServices {
  // Long-running; each returns what stops it.
  watchHost(send: Send): () => void;
  /** The level pass: everything is looked at again from time to time. */
  schedule(send: Send): () => void;

  // One round, in this order.
  read(): Promise<void>;
  plan(): Promise<{ changes: number }>;
  apply(): Promise<void>;
  verify(): Promise<void>;
  /** The round in hand failed: forget it; everything is dirty. */
  abandonRound(): void;

  markDirty(scope: Scope): void;
  /** What has fallen due is dirty. */
  markRetriesDirty(): void;
  hasWork(): boolean;
  /** Until something falls due, milliseconds from now; undefined: never. */
  retryDelayMs(): number | undefined;
}
