/** Owns the ears on all drivers at once: started together, and each stopped when it can be. */
import type { Driver, Interest } from '../reconciler/driver.ts';
import { everything, type Scope } from '../reconciler/scope.ts';

export interface DriverWatch {
  drivers: readonly Driver[];
  interest: () => Interest;
  edge(scope: Scope): void;
  failed(error: unknown): void;
}

/** The returned function stops all, also those that are still being started. */
export function watchDrivers({ drivers, interest, edge, failed }: DriverWatch): () => void {
  let stopped = false;
  const stops: (() => Promise<void>)[] = [];
  const quietly = (stop: () => Promise<void>): void => void stop().catch(() => {});
  for (const driver of drivers) {
    driver.watch(edge, interest).then((stop) => {
      if (stopped) return quietly(stop);
      stops.push(stop);
      // What happened before the watch stood is nobody's event.
      edge(everything());
    }, failed);
  }
  return () => {
    stopped = true;
    stops.forEach(quietly);
  };
}
