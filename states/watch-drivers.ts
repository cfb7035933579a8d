/** Owns the watches of all drivers as one: what they see is emitted, and what happened before a watch stood is looked for. */
import type { Driver, Interest } from '../reconciler/contracts/driver.ts';
import { everything, type Scope } from '../reconciler/contracts/scope.ts';

/** Returns what stops them, also those that are just being started. `failed` hears of one that could not be. */
export function watchDrivers(
  drivers: readonly Driver[],
  interest: () => Interest,
  emit: (scope: Scope) => void,
  failed: (error: unknown) => void,
): () => void {
  let stopped = false;
  const stops: (() => Promise<void>)[] = [];
  const quietly = (stop: () => Promise<void>): void => void stop().catch(() => {});
  for (const driver of drivers) {
    driver.watch(emit, interest).then((stop) => {
      if (stopped) return quietly(stop);
      stops.push(stop);
      // What happened before the watch stood is nobody's event.
      emit(everything());
    }, failed);
  }
  return () => {
    stopped = true;
    stops.forEach(quietly);
  };
}
