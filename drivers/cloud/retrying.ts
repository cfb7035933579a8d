/**
 * Owns the short patience of one call: a throttled or unanswered one is tried again a few times, with longer and longer waits. The long
 * patience, between passes, is reconciler/cloud/failure.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudError } from '../../reconciler/cloud/failure.ts';

export interface Patience {
  /** How often it is tried in all. */
  tries: number;
  /** Wait after the first failure, ms; doubled with each further one, and spread over half of its length. */
  firstMs: number;
}

export const PATIENCE: Patience = { tries: 4, firstMs: 250 };

/** Rejects with the last failure. What would fail again alike is not tried again. */
export async function retrying<T>(
  call: () => Promise<T>,
  { tries, firstMs }: Patience = PATIENCE,
  signal?: AbortSignal,
): Promise<T> {
  for (let made = 1; ; made++) {
    try {
      return await call();
    } catch (error) {
      const again = error instanceof CloudError && (error.kind === 'throttled' || error.kind === 'transient');
      if (!again || made >= tries) throw error;
      await sleep(firstMs * 2 ** (made - 1) * (0.5 + Math.random() / 2), undefined, { signal });
    }
  }
}
